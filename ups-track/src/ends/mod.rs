//! How programs end, and that every run that is open then is completed: by `exit`, a panic or a signal.

mod exit;
mod panic;
#[cfg(unix)]
mod signals;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::run::Run;
use crate::say;

/// The runs that are open: a run ends when it is finished or the process ends, not when the last handle is gone.
static OPEN: Mutex<Vec<Run>> = Mutex::new(Vec::new());

/// How long an ending process waits for a run.
const PATIENCE: Duration = Duration::from_secs(10);

/// A run has begun: it shall be completed when the process exits.
pub(crate) fn watch(run: &Run) {
    if !run.is_disabled() {
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).push(run.clone());
        exit::install();
    }
}

/// A run has ended.
pub(crate) fn forget(run: &Run) {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|other| !other.is_same(run));
}

/// A forked child has copies of its parent's runs, which are not its to end.
fn forget_forked() {
    if let Ok(mut open) = OPEN.try_lock() {
        open.retain(|run| !run.is_forked());
    }
}

/// `#[ups_track::main]` has installed a subscriber: a program that panics because it installs another one is told.
pub(crate) fn explain_second_subscriber() {
    panic::explain_second_subscriber();
}

/// Installs what a bare layer does not: the panic hook and the handlers of SIGINT and SIGTERM.
pub(crate) fn install_handlers() {
    panic::install();
    #[cfg(unix)]
    signals::install();
}

/// The open runs. Does not wait for the lock for long: the process is ending, maybe inside a call that holds it.
fn open_runs() -> Vec<Run> {
    for _ in 0..50 {
        match OPEN.try_lock() {
            Ok(open) => return open.clone(),
            Err(std::sync::TryLockError::Poisoned(open)) => {
                return open.into_inner().clone();
            }
            Err(std::sync::TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    Vec::new()
}

/// Completes every open run with this exit code.
fn finish_all(code: i32) {
    for run in open_runs() {
        if let Err(e) = run.end(code, PATIENCE) {
            say::warning(&e.to_string());
        }
    }
}

/// Hands everything that is recorded to the operating system.
fn flush_all() {
    for run in open_runs() {
        run.flush();
    }
}
