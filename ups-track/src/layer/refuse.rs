//! What only running can show: said once per callsite, with file, line and remedy, and counted.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tracing::Metadata;

use crate::kinds::key::{self, KeyFault};
use crate::recorder::{Op, Recorder};
use crate::say;

/// Callsites and keys that were told about.
static SAID: Mutex<Option<HashSet<(usize, String)>>> = Mutex::new(None);

/// Whether this is the first time for the callsite and subject.
fn first(callsite: usize, subject: &str) -> bool {
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    said.get_or_insert_default().insert((callsite, subject.to_owned()))
}

/// Where something happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Tells callsites apart.
    pub(super) id: usize,
    pub(super) file: &'static str,
    pub(super) line: u32,
}

impl Place {
    pub(super) fn of(metadata: &'static Metadata<'static>) -> Self {
        Self {
            id: std::ptr::from_ref(metadata).addr(),
            file: metadata.file().unwrap_or("unknown file"),
            line: metadata.line().unwrap_or(0),
        }
    }

    pub(super) fn of_caller(location: &'static std::panic::Location<'static>) -> Self {
        Self { id: std::ptr::from_ref(location).addr(), file: location.file(), line: location.line() }
    }

    /// Counts a refused value, and says why the first time.
    #[cold]
    pub(super) fn refuse(self, recorder: &Recorder, subject: &str, what: &'static str, text: &str) {
        recorder.op(Op::Refused(what));
        self.say(recorder, subject, text);
    }

    /// Says something about a callsite, once, and counts the callsite.
    ///
    /// # Panics
    ///
    /// In strict mode, each time: that is what the mode is for.
    #[cold]
    pub(super) fn say(self, recorder: &Recorder, subject: &str, text: &str) {
        let text = format!("{}:{}: {text}", self.file, self.line);
        if first(self.id, subject) {
            recorder.op(Op::Warned);
            say::warning(&text);
        }
        let may_go_on = !recorder.is_strict() || std::thread::panicking();
        assert!(may_go_on, "ups-track is strict: {text}");
    }

    /// A metric has the key of its stage's step, so that one of both is lost.
    pub(super) fn say_step_as_metric(self, recorder: &Recorder, key: &str) {
        let text = format!(
            "`{key}` is the step of this stage, so a metric cannot have that key; it was not recorded"
        );
        self.refuse(recorder, key, "metrics", &text);
    }

    /// A metric came on a thread that is in no stage, while there is one elsewhere.
    pub(super) fn say_no_stage(self, recorder: &Recorder) {
        let Some(stage) = recorder.root.open_inside() else { return };
        let text = format!(
            "a metric on a thread that is in no stage, while stage `{stage}` is open elsewhere: it is recorded without a \
             stage; carry the stage with `ups_track::carry(closure)` or `future.in_current_stage()`, or say that it belongs to \
             none with `StageContext::outside()`"
        );
        self.say(recorder, "no stage", &text);
    }

    /// The key, if W&B takes it: what it takes is recorded under exactly that name.
    pub(super) fn key<'k>(self, recorder: &Recorder, key: &'k str) -> Option<std::borrow::Cow<'k, str>> {
        let Some(fault) = key::fault(key) else { return Some(key.into()) };
        let text = match fault {
            KeyFault::Empty => "a key is empty".to_owned(),
            KeyFault::Hidden => format!(
                "key `{key}` begins with `_`, which is reserved for values that W&B's pages do not show"
            ),
            _ => format!("key `{}` {}", crate::harmless::clean(key), fault.about()),
        };
        if fault.is_refused() {
            self.refuse(recorder, key, "keys", &format!("{text}; its value was not recorded"));
            return None;
        }
        self.say(recorder, key, &format!("{text}; it is recorded under that name"));
        Some(key.into())
    }
}
