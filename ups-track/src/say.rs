//! What ups-track says to a person: on standard error, never through `tracing` (it would come back to us).

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::os::fork::Born;

static SILENT: AtomicBool = AtomicBool::new(false);

/// The debug logs of the open runs.
static LOGS: Mutex<Vec<(u64, Born, std::fs::File)>> = Mutex::new(Vec::new());

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
        logs.push((uid, Born::here(), file));
    }
}

pub(crate) fn remove_log(uid: u64) {
    if let Ok(mut logs) = LOGS.lock() {
        logs.retain(|(of, ..)| *of != uid);
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
    let text = crate::secrets::clean(text);
    let lines: Vec<_> = text.split('\n').map(crate::harmless::clean).collect();
    let text = lines.join("\n");
    // A closed standard error must not take the program down, so the result is of no interest.
    if !SILENT.load(Ordering::Relaxed) {
        drop(writeln!(std::io::stderr(), "{prefix}{text}"));
    }
    if let Ok(mut logs) = LOGS.try_lock() {
        let now = crate::os::utc(crate::os::nanos() / 1_000_000_000);
        // A forked child leaves the files of its parent alone.
        for (.., file) in logs.iter_mut().filter(|(_, born, _)| born.is_here()) {
            drop(writeln!(
                file,
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z {prefix}{text}",
                now.year, now.month, now.day, now.hour, now.minute, now.second
            ));
        }
    }
}
