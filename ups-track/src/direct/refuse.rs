//! What only running can show: said once per callsite, with file, line and remedy, and counted.

use tracing::Metadata;

use crate::kinds::key::{self, KeyFault};
use crate::recorder::{Op, Recorder, force, thread};
use crate::say;

/// Where something happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Tells callsites apart.
    pub(crate) id: usize,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
}

impl Place {
    pub(crate) fn of(metadata: &'static Metadata<'static>) -> Self {
        Self {
            id: std::ptr::from_ref(metadata).addr(),
            file: metadata.file().unwrap_or("unknown file"),
            line: metadata.line().unwrap_or(0),
        }
    }

    pub(crate) fn of_caller(location: &'static std::panic::Location<'static>) -> Self {
        Self { id: std::ptr::from_ref(location).addr(), file: location.file(), line: location.line() }
    }

    /// Counts a refused value, and says why the first time.
    #[cold]
    pub(crate) fn refuse(self, recorder: &Recorder, subject: &str, what: &'static str, text: &str) {
        recorder.op(Op::Refused(what));
        self.say(recorder, subject, text);
    }

    /// Says something about a callsite, once, and counts the callsite.
    ///
    /// # Panics
    ///
    /// In strict mode, each time: that is what the mode is for.
    #[cold]
    pub(crate) fn say(self, recorder: &Recorder, subject: &str, text: &str) {
        let text = format!("{}:{}: {text}", self.file, self.line);
        if recorder.is_first(self.id, subject) {
            recorder.op(Op::Warned);
            say::warning(&text);
        }
        let may_go_on = !recorder.is_strict() || std::thread::panicking();
        assert!(may_go_on, "ups-track is strict: {text}");
    }

    /// A metric has the key of its stage's step, so that one of both is lost.
    pub(crate) fn say_step_as_metric(self, recorder: &Recorder, key: &str) {
        let text = format!(
            "`{key}` is the step of this stage, so a metric cannot have that key; it was not recorded"
        );
        self.refuse(recorder, key, "metrics", &text);
    }

    /// A metric came on a thread that is in no stage, while there is one elsewhere.
    pub(crate) fn say_no_stage(self, recorder: &Recorder) {
        let Some(stage) = recorder.root.open_inside() else { return };
        let text = format!(
            "a metric on a thread that is in no stage, while stage `{stage}` is open elsewhere: it is recorded without a \
             stage; carry the stage with `ups_track::carry(closure)` or `future.in_current_stage()`, or say that it belongs to \
             none with `StageContext::outside()`"
        );
        self.say(recorder, "no stage", &text);
    }

    /// Nothing is recorded here: tells a program that has a run elsewhere.
    #[cold]
    pub(crate) fn say_nothing_in_force(self) {
        if crate::os::ours::is() {
            return;
        }
        if let Some(id) = force::untold() {
            say::warning(&format!(
                "{}:{}: what is recorded here is lost: run `{id}` is open, but it is neither the global run nor entered by this \
                 thread; record inside `run.scope(..)` or `run.enter()`, and take it to other threads with `ups_track::carry`",
                self.file, self.line
            ));
        }
    }

    /// The thread has started another run than the one that it records into.
    #[cold]
    pub(crate) fn say_other_run(self, recorder: &Recorder) {
        if thread::with(|thread| thread.started_beside(recorder.uid)) == Some(true)
            && let Some(id) = force::untold()
        {
            say::warning(&format!(
                "{}:{}: this thread has started run `{id}`, but what it records here goes to the run that was started before and \
                 is still open; record inside `run.scope(..)` or `run.enter()`, or finish the other run first",
                self.file, self.line
            ));
        }
    }

    /// The name of a stage as it may be recorded; `None` if it cannot be a name.
    pub(crate) fn stage_name<'n>(
        self,
        recorder: &Recorder,
        name: &'n str,
    ) -> Option<std::borrow::Cow<'n, str>> {
        let fault = match name {
            "" => Some("is empty"),
            _ if name.split('/').any(str::is_empty) => Some("has an empty part beside `/`"),
            _ if name.split('/').any(|part| part.starts_with('_')) => {
                Some("has a part that begins with `_`: such names belong to W&B")
            }
            _ if name.contains('*') => Some("holds `*`, which stands for many names in definitions"),
            _ => None,
        };
        if let Some(fault) = fault {
            let text = format!("stage name `{}` {fault}; this span is no stage", name.escape_debug());
            self.refuse(recorder, name, "stages", &text);
            return None;
        }
        self.key(recorder, name)
    }

    /// The key, if W&B takes it: what it takes is recorded under exactly that name.
    pub(crate) fn key<'k>(self, recorder: &Recorder, key: &'k str) -> Option<std::borrow::Cow<'k, str>> {
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
