//! The global run: the one that the bare layer and the macros write to.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use super::{Run, RunGuard};
use crate::error::{Kind, Result};
use crate::say;

static GLOBAL: RwLock<Option<Run>> = RwLock::new(None);

/// The recorder of the global run; 0 while there is none that takes data.
static GLOBAL_UID: AtomicU64 = AtomicU64::new(0);

/// Whether starting a run from the environment alone was tried.
static TRIED: AtomicBool = AtomicBool::new(false);

/// The number of the global run's recorder, 0 if there is none.
#[inline]
pub(crate) fn uid() -> u64 {
    GLOBAL_UID.load(Ordering::Acquire)
}

/// The global run, if one was started.
pub(crate) fn get() -> Option<Run> {
    GLOBAL.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The global run; started from the environment if there is none. A failure is said once.
pub(crate) fn get_or_start() -> Option<Run> {
    if let Some(run) = get() {
        return Some(run);
    }
    if TRIED.swap(true, Ordering::AcqRel) {
        return get();
    }
    match Run::builder().global(true).start() {
        // Nobody holds a guard: the run ends with the process, see `ends`.
        Ok(guard) => Some(RunGuard::into_run(guard)),
        Err(e) => {
            say::warning(&format!("no run was started, nothing is recorded: {}", e.with_cause()));
            None
        }
    }
}

/// An error if a run that shall be the global one cannot be. Asked before anything is made on the disk.
pub(crate) fn check(wanted: Option<bool>) -> Result<()> {
    match get().filter(Run::is_open) {
        Some(other) if wanted == Some(true) => Err(Kind::GlobalTaken(other.id().to_owned()).into()),
        _ => Ok(()),
    }
}

/// No run shall be started from the environment alone any more: a program tried by itself, and failed.
pub(crate) fn give_up() {
    TRIED.store(true, Ordering::Release);
}

/// Makes `run` the global one if it shall be.
pub(crate) fn claim(run: &Run, wanted: Option<bool>) -> Result<()> {
    if wanted == Some(false) {
        return Ok(());
    }
    let mut global = GLOBAL.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(other) = global.as_ref().filter(|other| other.is_open()) {
        return match wanted {
            Some(_) => Err(Kind::GlobalTaken(other.id().to_owned()).into()),
            None => Ok(()),
        };
    }
    TRIED.store(true, Ordering::Release);
    let changes_interest = run.is_disabled() || global.as_ref().is_some_and(Run::is_disabled);
    *global = Some(run.clone());
    drop(global);
    GLOBAL_UID.store(run.recorder().map_or(0, |recorder| recorder.uid), Ordering::Release);
    if changes_interest {
        // The layer's filter answers differently now.
        tracing::callsite::rebuild_interest_cache();
    }
    Ok(())
}

/// Whether the global run exists and is disabled: then nothing is of interest.
pub(crate) fn is_disabled() -> bool {
    GLOBAL.read().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(Run::is_disabled)
}
