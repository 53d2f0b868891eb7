//! One attempt of a request, and who hears of those that fail.

use std::sync::Arc;
use std::time::Duration;

use crate::upload::Failure;

/// Whether another attempt may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    No,
    /// What stands between us and the server may go away, such as the sign-in page of a network. If it does not, it is most
    /// likely a mistake in the settings: a few attempts, and only where somebody hears of them.
    Few,
    Yes,
}

/// An attempt that failed, and whether another one may help.
pub(crate) struct Attempt {
    pub(super) again: Again,
    pub(super) asked_wait: Option<Duration>,
    pub(crate) failure: Failure,
}

impl Attempt {
    /// Trying again would not help.
    pub(crate) fn last(failure: Failure) -> Self {
        Self { again: Again::No, asked_wait: None, failure }
    }

    /// What has failed may pass.
    pub(crate) fn again(failure: Failure) -> Self {
        Self { again: Again::Yes, asked_wait: None, failure }
    }

    /// It may pass soon, or never.
    pub(crate) fn few(failure: Failure) -> Self {
        Self { again: Again::Few, asked_wait: None, failure }
    }

    /// What has failed may succeed now.
    pub(crate) fn at_once(failure: Failure) -> Self {
        Self { again: Again::Yes, asked_wait: Some(Duration::ZERO), failure }
    }

    /// The same attempt with another failure.
    pub(crate) fn map(self, change: impl FnOnce(Failure) -> Failure) -> Self {
        Self { failure: change(self.failure), ..self }
    }
}

/// An attempt that failed and will be repeated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retry<'a> {
    pub(crate) failure: &'a Failure,
    /// The time until the next one, at most.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command shows it"))]
    pub(crate) wait: Duration,
}

/// Hears of every attempt that failed and will be repeated, and (none) of the one that then succeeded.
pub(crate) type Trouble = Arc<dyn Fn(Option<Retry<'_>>) + Send + Sync>;
