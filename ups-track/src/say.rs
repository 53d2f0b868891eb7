//! What ups-track says to a person: on standard error, never through `tracing` (it would come back to us).

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(unix)]
use crate::os::fork;
use crate::os::fork::PerProcess;

static SILENT: AtomicBool = AtomicBool::new(false);

/// The debug logs of the open runs. A forked child leaves those of its parent alone.
static LOGS: PerProcess<(u64, std::fs::File)> = PerProcess::new();

/// Says nothing any more (`WANDB_SILENT`).
pub(crate) fn set_silent(silent: bool) {
    SILENT.store(silent, Ordering::Relaxed);
}

#[cfg(feature = "online")]
pub(crate) fn is_silent() -> bool {
    SILENT.load(Ordering::Relaxed)
}

/// A run's `logs/debug.log`, which keeps what was said while the run was open.
pub(crate) fn add_log(uid: u64, file: std::fs::File) {
    if let Ok(mut logs) = LOGS.lock() {
        logs.push((uid, file));
    }
}

pub(crate) fn remove_log(uid: u64) {
    if let Ok(mut logs) = LOGS.lock() {
        logs.retain(|(of, _)| *of != uid);
    }
}

/// Something a person should know.
pub(crate) fn note(text: &str) {
    say("ups-track: ", text);
}

/// Something a person should look at.
pub(crate) fn warning(text: &str) {
    say("ups-track: warning: ", text);
}

fn say(prefix: &str, text: &str) {
    let lines: Vec<_> = text.split('\n').map(crate::harmless::clean).collect();
    let text = lines.join("\n");
    // A closed standard error must not take the program down, so the result is of no interest.
    if !SILENT.load(Ordering::Relaxed) {
        drop(write_stderr(&format!("{prefix}{text}\n")));
    }
    if let Ok(mut logs) = LOGS.try_lock() {
        let now = crate::os::utc(crate::os::nanos() / 1_000_000_000);
        for (_, file) in logs.iter_mut() {
            drop(writeln!(
                file,
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z {prefix}{text}",
                now.year, now.month, now.day, now.hour, now.minute, now.second
            ));
        }
    }
}

/// In a forked child the lock of standard error may be held by a thread that it does not have, so it writes past it.
fn write_stderr(text: &str) -> io::Result<()> {
    #[cfg(unix)]
    if fork::is_child() {
        let past = std::os::fd::AsFd::as_fd(&io::stderr()).try_clone_to_owned()?;
        return std::fs::File::from(past).write_all(text.as_bytes());
    }
    io::stderr().write_all(text.as_bytes())
}
