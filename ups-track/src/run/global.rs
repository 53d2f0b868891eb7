//! The global run: the one that is in force where a thread has entered no other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use super::{Run, RunGuard};
use crate::error::{Kind, Result};
use crate::recorder::{force, thread};
use crate::say;

static GLOBAL: RwLock<Option<Run>> = RwLock::new(None);

/// Whether the first value has started the global run, and not the program.
static IS_AUTOMATIC: AtomicBool = AtomicBool::new(false);

/// The global run, if one was started.
pub(crate) fn get() -> Option<Run> {
    GLOBAL.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Starts the global run from the environment alone, for the first value that a bare layer sees. A failure is said once.
pub(crate) fn start_automatically() {
    match Run::builder().global(true).start() {
        // Nobody holds a guard: the run ends with the process, see `ends`.
        Ok(guard) => {
            RunGuard::into_run(guard);
            IS_AUTOMATIC.store(true, Ordering::Release);
        }
        Err(e) => say::warning(&format!("no run was started, nothing is recorded: {}", e.with_cause())),
    }
}

/// The open run that stands in the way of another global one. One that the program did not start makes room.
fn in_the_way() -> Option<Run> {
    get().filter(|run| run.is_open() && !IS_AUTOMATIC.load(Ordering::Acquire))
}

/// An error if a run that shall be the global one cannot be. Asked before anything is made on the disk.
pub(crate) fn check(wanted: Option<bool>) -> Result<()> {
    match in_the_way() {
        Some(other) if wanted == Some(true) => Err(Kind::GlobalTaken(other.id().to_owned()).into()),
        _ => Ok(()),
    }
}

/// Makes `run` the global one if it shall be.
pub(crate) fn claim(run: &Run, wanted: Option<bool>) -> Result<()> {
    if wanted == Some(false) || wanted.is_none() && in_the_way().is_some() {
        if let Some(recorder) = run.recorder() {
            force::open_beside(recorder, run.id());
            if wanted.is_none() {
                thread::with(|thread| thread.has_started(recorder.uid));
            }
        }
        return Ok(());
    }
    let mut global = GLOBAL.write().unwrap_or_else(PoisonError::into_inner);
    let was_automatic = IS_AUTOMATIC.swap(false, Ordering::AcqRel);
    let other = global.take().filter(Run::is_open);
    if let Some(other) = other.as_ref().filter(|_| !was_automatic) {
        let taken = Kind::GlobalTaken(other.id().to_owned());
        *global = Some(other.clone());
        return Err(taken.into());
    }
    *global = Some(run.clone());
    force::set_global(run.recorder().map(std::sync::Arc::clone));
    drop(global);
    if let Some(automatic) = other {
        make_room(&automatic, run);
    }
    Ok(())
}

/// Ends a run that the first value has started, because the program has started its own.
fn make_room(automatic: &Run, run: &Run) {
    let rows = automatic.finish().map_or(0, |finished| finished.rows());
    say::warning(&format!(
        "values that came before this run was started are in run `{}` ({rows} rows), which the first of them has started from the \
         environment; from now on everything goes to run `{}`; start the run before anything is recorded",
        automatic.id(),
        run.id()
    ));
}
