//! What a run records of its children: name, status, exit code, duration.

use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Instant;

use super::child::Child;
use crate::kinds::alert::{Alert, AlertLevel};
use crate::kinds::scalar::Scalar;
use crate::recorder::Op;
use crate::run::Run;

/// The name of a child that was given none: that of its program.
pub(super) fn name_of(program: &std::ffi::OsStr) -> String {
    Path::new(program).file_stem().unwrap_or(program).to_string_lossy().into_owned()
}

/// A child from its start to its end.
#[derive(Debug)]
pub(super) struct Watch {
    run: Run,
    kind: Child,
    name: String,
    started: Instant,
}

impl Watch {
    /// A child is started.
    pub(super) fn begin(run: &Run, kind: Child, wanted: &str) -> Self {
        let name = match (run.children(), run.dir()) {
            (Some(names), Some(dir)) => names.take(wanted, dir),
            _ => wanted.to_owned(),
        };
        Self { run: run.clone(), kind, name, started: Instant::now() }
    }

    fn record(&self, values: &[(&str, Scalar)]) {
        if let Some(recorder) = self.run.recorder() {
            let key = |what: &str| format!("children/{}/{what}", self.name);
            recorder.op(Op::Found(values.iter().map(|(what, value)| (key(what), value.clone())).collect()));
        }
    }

    /// It runs.
    pub(super) fn runs(&self) {
        self.record(&[("status", "running".into())]);
    }

    /// It could not be started.
    pub(super) fn not_started(&self, e: &io::Error) {
        self.record(&[("status", "not started".into())]);
        self.alert(&format!("it could not be started: {e}"));
    }

    /// It has ended, and what it has recorded for the run is in the run.
    pub(super) fn ended(&self, status: ExitStatus) {
        self.note_end(status);
        if self.kind == Child::Attached {
            self.run.take_over_children();
        }
    }

    /// The same, without holding up the thread.
    #[cfg(feature = "tokio")]
    pub(super) async fn ended_soon(&self, status: ExitStatus) {
        self.note_end(status);
        if self.kind == Child::Attached {
            let run = self.run.clone();
            // Whoever has a process of tokio's has a runtime.
            drop(tokio::task::spawn_blocking(move || run.take_over_children()).await);
        }
    }

    fn note_end(&self, status: ExitStatus) {
        let seconds = self.started.elapsed().as_secs_f64();
        let word = if status.success() { "finished" } else { "failed" };
        let mut values = vec![("status", Scalar::from(word)), ("duration_s", seconds.into())];
        if let Some(code) = exit_code(status) {
            values.push(("exit_code", i64::from(code).into()));
        }
        self.record(&values);
        if !status.success() {
            self.alert(&format!("it ended with {status} after {}", crate::shown::duration(seconds)));
        }
    }

    fn alert(&self, text: &str) {
        let title = format!("child `{}` failed", self.name);
        self.run.alert(Alert::new(title).text(text).level(AlertLevel::Error));
    }
}

/// The exit code; of a child that a signal has ended 128 and its number, as shells have it.
pub(crate) fn exit_code(status: ExitStatus) -> Option<i32> {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Some(128 + signal);
    }
    status.code()
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn a_child_without_a_name_has_that_of_its_program() {
        assert_eq!(name_of("/usr/bin/python3.11".as_ref()), "python3");
    }
}
