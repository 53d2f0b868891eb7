//! What a person is told while the server does not answer: that it is so, once, and that it is over.

use std::mem::Discriminant;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Failure;
use crate::say;
use crate::shown::duration;

/// A failure that is over sooner is nobody's concern.
const CONCERN: Duration = Duration::from_secs(15);

/// An outage, if there is one.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether the server has ever answered.
    reached: bool,
    since: Option<Instant>,
    said: bool,
    last: Option<String>,
    /// Kinds of failures for which the upload is begun anew, and which were told.
    refused: Vec<Discriminant<Failure>>,
}

impl Outage {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server has answered.
    pub(super) fn reached(&self) {
        self.lock().reached = true;
    }

    /// An attempt failed and will be repeated, or (none) succeeded after others had failed.
    pub(super) fn hear(&self, failure: Option<&Failure>) {
        let mut state = self.lock();
        let Some(failure) = failure else {
            if std::mem::take(&mut state.said) {
                say::note("the server answers again");
            }
            *state = State { reached: true, refused: std::mem::take(&mut state.refused), ..State::default() };
            return;
        };
        state.last = Some(failure.to_string());
        // It passes soon, or there is something else to tell.
        if matches!(failure, Failure::WebPage { .. } | Failure::Redirect { .. }) {
            return;
        }
        let since = *state.since.get_or_insert_with(Instant::now);
        // At first it is most likely a mistake in the settings, which somebody wants to know now.
        if !state.said && (!state.reached || since.elapsed() >= CONCERN) {
            state.said = true;
            say::warning(&format!("{failure}; recording goes on, and so do the attempts"));
        }
    }

    /// The upload could not go on, and is begun anew after this time. Each kind of failure is told once, until it goes on.
    pub(super) fn refused(&self, failure: &Failure, wait: Duration) {
        let mut state = self.lock();
        state.last = Some(failure.to_string());
        let kind = std::mem::discriminant(failure.root());
        if !state.refused.contains(&kind) {
            state.refused.push(kind);
            let wait = duration(wait.as_secs_f64());
            say::warning(&format!("{failure}; recording goes on, and the next attempt is in {wait}"));
        }
    }

    /// Something has arrived.
    pub(super) fn goes_on(&self) {
        if !std::mem::take(&mut self.lock().refused).is_empty() {
            say::note("the upload goes on");
        }
    }

    /// This process has too many files open for an upload.
    pub(super) fn hear_shortage(&self) {
        let mut state = self.lock();
        let text = "too many files are open for an upload (`ulimit -n`)";
        state.last = Some(text.to_owned());
        if !std::mem::replace(&mut state.said, true) {
            say::warning(&format!("{text}; recording goes on, and the upload when there are fewer"));
        }
    }

    /// What failed last, while it fails.
    pub(super) fn last(&self) -> Option<String> {
        self.lock().last.clone()
    }
}
