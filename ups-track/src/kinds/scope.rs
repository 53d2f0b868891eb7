//! How the work in a run's scope may end.

use std::process::ExitCode;

/// What the work of [`Run::scope`](crate::Run::scope) may give: a `Result`, whose `Err` is a failure of the run, or a plain
/// value.
#[diagnostic::on_unimplemented(
    message = "`Run::scope` cannot tell whether `{Self}` means that the run failed",
    label = "return a `Result`: `Ok(value)`",
    note = "or enter the run: `let _entered = run.enter();`"
)]
pub trait ScopeOutput {
    /// Whether the work has failed.
    fn is_failure(&self) -> bool;
}

impl<T, E> ScopeOutput for Result<T, E> {
    fn is_failure(&self) -> bool {
        self.is_err()
    }
}

impl ScopeOutput for ExitCode {
    fn is_failure(&self) -> bool {
        *self != Self::SUCCESS
    }
}

macro_rules! plain {
    ($($ty:ty $(, for $($of:ident)*)?;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl$(<$($of),*>)? ScopeOutput for $ty {
            fn is_failure(&self) -> bool {
                false
            }
        }
    )*};
}

plain! {
    (); bool; f64; f32; i64; i32; u64; u32; usize; String;
    Option<T>, for T; Vec<T>, for T; (A, B), for A B; (A, B, C), for A B C;
}
