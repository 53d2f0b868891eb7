//! How programs end, and that every run that is open then is completed: by `exit`, a panic or a signal.

mod exit;
mod panic;
#[cfg(unix)]
mod signals;

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::os::fork::PerProcess;

/// What is to be completed when the process ends.
pub(crate) trait Open: Send + Sync {
    /// Writes its end into its log, if nobody did, and waits for that. Tells nothing: whoever ends the process may not be
    /// able to wait for a person's terminal.
    fn complete(&self, exit_code: i32, patience: Duration);
    /// Whether its log is complete.
    fn is_complete(&self) -> bool;
    /// Does all that its end takes, and tells what there is to tell.
    fn end(&self, exit_code: i32, patience: Duration);
    /// Hands everything that is recorded to the operating system.
    fn flush(&self);
}

/// A run that has ended as one that is well, while the process may be about to end otherwise.
pub(crate) trait Amend: Send + Sync {
    /// It has ended with this exit code after all.
    fn amend(&self, exit_code: i32, patience: Duration);
}

/// Such runs, and when their end was done.
static PARTED: PerProcess<(Instant, Arc<dyn Amend>)> = PerProcess::new();

/// Time between the end of such a run and that of the process in which they are one end.
const ONE_END: Duration = Duration::from_secs(5);

/// A run has ended with its guard, on the main thread; its end has begun then.
pub(crate) fn parted(began: Instant, run: Arc<dyn Amend>) {
    let mut parted = PARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if parted.iter().any(|(ended, _)| began.saturating_duration_since(*ended) > ONE_END) {
        parted.clear();
    }
    parted.push((began, run));
    let now = Instant::now();
    parted.iter_mut().for_each(|(ended, _)| *ended = now);
}

/// The runs that are open, by number: a run ends when it is finished or the process ends, not when the last handle is
/// gone. A forked child has copies of its parent's runs, which are not its to end.
static OPEN: PerProcess<(u64, Arc<dyn Open>)> = PerProcess::new();

/// How long an ending process waits for a run.
const PATIENCE: Duration = Duration::from_secs(10);

/// A run has begun: it must be completed when the process exits.
pub(crate) fn watch(number: u64, run: Arc<dyn Open>) {
    // The process goes on.
    PARTED.lock().unwrap_or_else(PoisonError::into_inner).clear();
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).push((number, run));
    exit::install();
}

/// A run has ended.
pub(crate) fn forget(number: u64) {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let gone: Vec<_> = open.extract_if(.., |(other, _)| *other == number).collect();
    drop(open);
    drop(gone);
}

/// `#[ups_track::main]` has installed a subscriber: a program that panics because it installs another one is told.
pub(crate) fn explain_second_subscriber() {
    panic::explain_second_subscriber();
}

/// Installs what a bare layer does not: the panic hook and the handlers of SIGINT, SIGTERM and SIGHUP.
pub(crate) fn install_handlers() {
    panic::install();
    #[cfg(unix)]
    signals::install();
}

/// The open runs. Does not wait for the lock for long: the process is ending, maybe inside a call that holds it.
fn open_runs() -> Vec<Arc<dyn Open>> {
    let runs = |open: &Vec<(u64, Arc<dyn Open>)>| open.iter().map(|(_, run)| Arc::clone(run)).collect();
    for _ in 0..50 {
        match OPEN.try_lock() {
            Ok(open) => return runs(&open),
            Err(std::sync::TryLockError::Poisoned(open)) => return runs(&open.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    Vec::new()
}

/// Completes the logs of runs with this exit code. Their ends have more to do.
fn complete(runs: &[Arc<dyn Open>], code: i32) {
    for run in runs {
        run.complete(code, PATIENCE);
    }
}

/// Ends every open run with this exit code. All logs come first: an upload may take longer than the process has.
fn finish_all(code: i32) {
    let runs = open_runs();
    complete(&runs, code);
    for run in runs {
        run.end(code, PATIENCE);
    }
    if code != 0 {
        amend_all(code);
    }
}

/// What ended just now has ended with this exit code.
fn amend_all(code: i32) {
    let parted = match PARTED.try_lock() {
        Ok(mut parted) => std::mem::take(&mut *parted),
        Err(_) => return,
    };
    for (ended, run) in parted {
        if ended.elapsed() <= ONE_END {
            run.amend(code, PATIENCE);
        }
    }
}

/// Hands everything that is recorded to the operating system.
fn flush_all() {
    for run in open_runs() {
        run.flush();
    }
}
