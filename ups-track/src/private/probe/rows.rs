//! The rows of one call, `metric!(.., ..row, ..more)`: that no key and no step comes twice.
//!
//! The types of the rows are known to the compiler alone, and only types carry constants. So each row is handed on with
//! the type of what stands before it, and the constants of both are compared when the call is compiled.

use std::marker::PhantomData;

use crate::__private::Row;
use crate::{KeySet, Metrics, Number, SteppedMetrics};

/// What stands before a row in its call.
pub trait Before {
    /// The keys.
    const KEYS: KeySet;
    /// How many steps were given.
    const STEPS: usize;
}

/// A row behind something else.
pub struct Behind<B, T>(PhantomData<(B, T)>);

impl<B: Before, T: Metrics> Before for Behind<B, T> {
    const KEYS: KeySet = KeySet::new(&[], &[("", B::KEYS), ("", T::KEYS)]);
    const STEPS: usize = B::STEPS + T::HAS_STEP as usize;
}

/// Takes a row, and gives what stands before the next one.
#[inline]
pub fn row<'r, B: Before, T: Metrics>(
    row: &'r &'r T,
    _: PhantomData<B>,
) -> (&'r dyn Row, PhantomData<Behind<B, T>>) {
    const {
        crate::__private::assert_distinct("metric key", &[B::KEYS, T::KEYS]);
        assert!(
            B::STEPS == 0 || !T::HAS_STEP,
            "the step is given twice: this row has a field with `#[track(step)]`; remove the other step from the call"
        );
    }
    (row, PhantomData)
}

/// The step that a row brings itself.
#[inline]
pub fn own_step<T: SteppedMetrics>(row: &T) -> Option<Number> {
    row.step()
}

/// Does not compile if a struct inside a row brings a step.
///
/// # Panics
///
/// If it does.
pub const fn assert_no_step(has_step: bool) {
    assert!(
        !has_step,
        "a struct inside a row has a field with `#[track(step)]`: the step is that of the whole row, so mark a field of the outer struct"
    );
}
