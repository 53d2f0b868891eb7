//! What a run records of its children: name, status, exit code, duration.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::kinds::alert::{Alert, AlertLevel};
use crate::kinds::scalar::Scalar;
use crate::recorder::Op;
use crate::run::Run;

/// The names that children of a run have; each has its own.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashMap<String, u64>>);

impl Names {
    /// A name that no other child has: `eval`, `eval-2`, ….
    fn take(&self, wanted: &str) -> String {
        let good = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
        let name: String = wanted.chars().take(60).map(good).collect();
        let name = if name.is_empty() { "child".to_owned() } else { name };
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name}-{count}") }
    }
}

/// The name of a child that was given none: that of its program.
pub(super) fn name_of(program: &std::ffi::OsStr) -> String {
    Path::new(program).file_stem().unwrap_or(program).to_string_lossy().into_owned()
}

/// A child from its start to its end.
#[derive(Debug)]
pub(super) struct Watch {
    run: Run,
    name: String,
    started: Instant,
}

impl Watch {
    /// A child is started.
    pub(super) fn begin(run: &Run, wanted: &str) -> Self {
        let name = run.children().map_or_else(|| wanted.to_owned(), |names| names.take(wanted));
        Self { run: run.clone(), name, started: Instant::now() }
    }

    fn record(&self, values: &[(&str, Scalar)]) {
        if let Some(recorder) = self.run.recorder() {
            let key = |what: &str| format!("children/{}/{what}", self.name);
            let values = values.iter().map(|(what, value)| (key(what), value.clone())).collect();
            recorder.op(Op::Summary { values, goals: Vec::new() });
        }
    }

    /// It runs.
    pub(super) fn runs(&self) {
        self.record(&[("status", "running".into())]);
    }

    /// It could not be started.
    pub(super) fn not_started(&self, e: &std::io::Error) {
        self.record(&[("status", "not started".into())]);
        self.alert(&format!("it could not be started: {e}"));
    }

    /// It has ended.
    pub(super) fn ended(&self, status: ExitStatus) {
        let seconds = self.started.elapsed().as_secs_f64();
        let word = if status.success() { "finished" } else { "failed" };
        let mut values = vec![("status", Scalar::from(word)), ("duration_s", seconds.into())];
        if let Some(code) = exit_code(status) {
            values.push(("exit_code", i64::from(code).into()));
        }
        self.record(&values);
        if !status.success() {
            self.alert(&format!("it ended with {status} after {}", crate::run::end::duration(seconds)));
        }
    }

    fn alert(&self, text: &str) {
        let title = format!("child `{}` failed", self.name);
        self.run.alert(Alert::new(title).text(text).level(AlertLevel::Error));
    }
}

/// The exit code; of a child that a signal has ended 128 and its number, as shells have it.
fn exit_code(status: ExitStatus) -> Option<i32> {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Some(128 + signal);
    }
    status.code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_child_has_its_own_name() {
        let names = Names::default();
        assert_eq!(
            ["eval", "eval", "a b/ü", ""].map(|wanted| names.take(wanted)),
            ["eval", "eval-2", "a_b__", "child"]
        );
        assert_eq!(name_of("/usr/bin/python3.11".as_ref()), "python3");
    }
}
