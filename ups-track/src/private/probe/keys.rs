//! The keys of the structs inside a struct, asked without demanding that they are of the right kind: that demand is made,
//! and reported, in one place only.
//!
//! A constant of an `impl` with a bound is found before one of a trait, but only if the bound holds.

use std::marker::PhantomData;

use crate::__private::{Numbers, Shape};
use crate::{EvalSummary, KeySet, Metrics, RunConfig};

/// Carries a type.
pub struct Of<T: ?Sized>(PhantomData<T>);

/// What is known of a type that is not of the kind.
pub trait Unknown {
    const METRICS: KeySet = KeySet::UNKNOWN;
    const SUMMARY: KeySet = KeySet::UNKNOWN;
    const CONFIG: KeySet = KeySet::UNKNOWN;
    const HAS_STEP: bool = false;
    const SHAPE: Option<Shape> = None;
    fn keys_below(_: &str, _: &mut dyn FnMut(&str)) {}
    fn numbers<V: ?Sized>(_: &V, _: &mut Numbers<'_, '_>) {}
}

impl<T: ?Sized> Unknown for Of<T> {}

impl<T: Metrics + ?Sized> Of<T> {
    pub const METRICS: KeySet = T::KEYS;
    pub const HAS_STEP: bool = T::HAS_STEP;
    pub const SHAPE: Option<Shape> = T::SHAPE;

    /// Shows the keys of a row inside a row.
    pub fn keys_below(prefix: &str, each: &mut dyn FnMut(&str)) {
        let Some(shape) = T::SHAPE else { return };
        if prefix.is_empty() {
            (shape.keys)(each);
        } else {
            (shape.keys)(&mut |key| each(&format!("{prefix}/{key}")));
        }
    }

    /// Adds the values of a row inside a row.
    pub fn numbers(row: &T, out: &mut Numbers<'_, '_>) {
        row.numbers(out);
    }
}

impl<T: EvalSummary + ?Sized> Of<T> {
    pub const SUMMARY: KeySet = T::KEYS;
}

impl<T: RunConfig + ?Sized> Of<T> {
    pub const CONFIG: KeySet = T::KEYS;
}
