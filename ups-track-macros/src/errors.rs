//! Errors: always with a span, collected so that one build shows every fault of a call.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// Makes an error at a place: a span, or tokens that are underlined from the first to the last.
macro_rules! err {
    ($place:expr, $($message:tt)+) => {
        $crate::errors::Place::error($place, ::std::format!($($message)+))
    };
}
pub(crate) use err;

/// Where an error points.
pub(crate) trait Place {
    fn error(self, message: impl Display) -> syn::Error;
}

impl Place for Span {
    fn error(self, message: impl Display) -> syn::Error {
        syn::Error::new(self, message)
    }
}

impl<T: ToTokens> Place for &T {
    fn error(self, message: impl Display) -> syn::Error {
        syn::Error::new_spanned(self, message)
    }
}

/// Collects errors. What was collected has to be taken out again with [`Errors::finish`].
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn new() -> Self {
        Self(None)
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Whether there are errors so far.
    pub(crate) fn any(&self) -> bool {
        self.0.is_some()
    }

    /// The value, or `None` with its error collected.
    pub(crate) fn absorb<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// The errors as `compile_error!` calls; no tokens when there are none.
    pub(crate) fn finish(mut self) -> Option<TokenStream> {
        self.0.take().map(|errors| errors.to_compile_error())
    }

    #[cfg(test)]
    pub(crate) fn messages(mut self) -> Vec<String> {
        self.0.take().into_iter().flatten().map(|error| error.to_string()).collect()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        debug_assert!(self.0.is_none() || std::thread::panicking(), "errors were collected but not returned");
    }
}
