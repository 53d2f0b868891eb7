//! What a run records of its children: name, status, exit code, duration.

use std::collections::HashMap;
use std::fs;
use std::io;
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
    /// A name that no other child of the run has, whichever process of the run has started it: `eval`, `eval-2`, ….
    fn take(&self, wanted: &str, run_dir: &Path) -> String {
        let good = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
        let name: String = wanted.chars().take(60).map(good).collect();
        let name = if name.is_empty() { "child".to_owned() } else { name };
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(name.clone()).or_default();
        loop {
            *count += 1;
            let name = if *count == 1 { name.clone() } else { format!("{name}-{count}") };
            if claim(run_dir, &name) {
                return name;
            }
        }
    }
}

/// Takes a name for all processes of the run; false if one of them has it. Where no file can be made, nobody has.
fn claim(run_dir: &Path, name: &str) -> bool {
    let place = run_dir.join("children");
    // Most often it is there.
    drop(fs::create_dir(&place));
    let claimed = fs::OpenOptions::new().write(true).create_new(true).open(place.join(name));
    !claimed.is_err_and(|e| e.kind() == io::ErrorKind::AlreadyExists)
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
        let name = match (run.children(), run.dir()) {
            (Some(names), Some(dir)) => names.take(wanted, dir),
            _ => wanted.to_owned(),
        };
        Self { run: run.clone(), name, started: Instant::now() }
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
pub(crate) fn exit_code(status: ExitStatus) -> Option<i32> {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Some(128 + signal);
    }
    status.code()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_child_has_its_own_name() {
        let dir = tempfile::tempdir().unwrap();
        let take = |names: &Names, wanted| names.take(wanted, dir.path());
        let names = Names::default();
        assert_eq!(
            ["eval", "eval", "a b/ü", "", ".."].map(|wanted| take(&names, wanted)),
            ["eval", "eval-2", "a_b__", "child", "..-2"]
        );
        let of_another_process = Names::default();
        assert_eq!(["eval", "train"].map(|wanted| take(&of_another_process, wanted)), ["eval-3", "train"]);
        assert_eq!(take(&names, "train"), "train-2");
        assert_eq!(names.take("eval", Path::new("/dev/null")), "eval-3");
        assert_eq!(name_of("/usr/bin/python3.11".as_ref()), "python3");
    }
}
