//! Asks how a function ended: the value is looked at, never taken.

#![expect(clippy::unused_self, reason = "a probe answers by the type of its value")]

use std::fmt::{Debug, Display};
use std::marker::PhantomData;
use std::ops::Deref;
use std::process::ExitCode;

use super::refusals::NoResultToReport;

/// Runs the body of a function. The bound lets the body return what it borrows from `&mut self`.
#[inline]
pub fn call<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// Gives the first, unreachable `return` of an async body its type, so that a type error points into the body.
pub fn edge<T>() -> T {
    unreachable!("this only tells the compiler the type of the body")
}

/// Asks a function's value whether it is an error, what the error says, and which exit code it means.
pub struct EndProbe<'a, T: ?Sized>(Failed<'a, T>);

/// A `Result`.
pub struct Failed<'a, T: ?Sized>(&'a T, NotAResult<T>);

/// Any other value.
pub struct NotAResult<T: ?Sized>(PhantomData<T>);

impl<'a, T: ?Sized> EndProbe<'a, T> {
    #[inline]
    pub const fn new(value: &'a T) -> Self {
        Self(Failed(value, NotAResult(PhantomData)))
    }
}

impl<'a, T: ?Sized> Deref for EndProbe<'a, T> {
    type Target = Failed<'a, T>;
    #[inline]
    fn deref(&self) -> &Failed<'a, T> {
        &self.0
    }
}

impl<T: ?Sized> Deref for Failed<'_, T> {
    type Target = NotAResult<T>;
    #[inline]
    fn deref(&self) -> &NotAResult<T> {
        &self.1
    }
}

impl<T, E> EndProbe<'_, Result<T, E>> {
    #[inline]
    pub fn is_err(&self) -> bool {
        self.0.0.is_err()
    }
}

impl<T: ?Sized> NotAResult<T> {
    #[inline]
    pub fn is_err(&self) -> bool {
        false
    }
}

impl<T, E: Display> EndProbe<'_, Result<T, E>> {
    /// The error as text; the alternate form of `anyhow` and its kin holds the causes.
    pub fn error_text(&self) -> Option<String> {
        self.0.0.as_ref().err().map(|error| format!("{error:#}"))
    }
}

impl<T, E: Debug> Failed<'_, Result<T, E>> {
    pub fn error_text(&self) -> Option<String> {
        self.0.as_ref().err().map(|error| format!("{error:?}"))
    }
}

impl<T> NotAResult<T> {
    pub fn error_text(&self) -> Option<String>
    where
        T: NoResultToReport,
    {
        None
    }
}

impl EndProbe<'_, ExitCode> {
    pub fn exit_code(&self) -> i32 {
        number(*self.0.0)
    }
}

impl<E> EndProbe<'_, Result<ExitCode, E>> {
    pub fn exit_code(&self) -> i32 {
        self.0.0.as_ref().map_or(1, |code| number(*code))
    }
}

impl<T, E> Failed<'_, Result<T, E>> {
    pub fn exit_code(&self) -> i32 {
        i32::from(self.0.is_err())
    }
}

impl<T: ?Sized> NotAResult<T> {
    pub fn exit_code(&self) -> i32 {
        0
    }
}

/// The number in an exit code, which has no accessor; a code beyond 8 bits (Windows) counts as a failure.
fn number(code: ExitCode) -> i32 {
    (0..=u8::MAX).find(|number| ExitCode::from(*number) == code).map_or(1, i32::from)
}
