//! How programs end, and that every run that is open then is completed: by `exit`, a panic or a signal.

mod exit;
mod panic;
#[cfg(unix)]
mod signals;

use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::run::{Inner, Run};
use crate::say;

/// The runs that are open.
static OPEN: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());

/// How long an ending process waits for a run.
const PATIENCE: Duration = Duration::from_secs(10);

/// A run has begun: it shall be completed when the process exits.
pub(crate) fn watch(run: &Run) {
    if !run.is_disabled() {
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).push(run.downgrade());
        exit::install();
    }
}

/// A run has ended.
pub(crate) fn forget(run: &Run) {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|inner| {
        Run::upgrade(inner).is_some_and(|other| other.is_open() && !Weak::ptr_eq(inner, &run.downgrade()))
    });
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
            Ok(open) => return open.iter().filter_map(Run::upgrade).collect(),
            Err(std::sync::TryLockError::Poisoned(open)) => {
                return open.into_inner().iter().filter_map(Run::upgrade).collect();
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
