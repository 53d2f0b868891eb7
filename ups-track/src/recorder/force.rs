//! Which recorder is in force: the one of the innermost run that the thread has entered, else the global run's.
//!
//! Where there is neither, and a bare layer was installed, the first value starts a run from the environment.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use super::Recorder;
use super::thread::{self, Force};
use crate::os::{fork, ours};

static GLOBAL: RwLock<Option<Arc<Recorder>>> = RwLock::new(None);

/// The number of the global run's recorder; 0 while there is none.
static GLOBAL_UID: AtomicU64 = AtomicU64::new(0);

/// Whether there is anything that could record.
static WANTED: AtomicBool = AtomicBool::new(false);

/// Whether any recorder was ever made.
static MADE: AtomicBool = AtomicBool::new(false);

/// Starts a run from the environment; set by the layer that asks for it.
static STARTER: OnceLock<fn()> = OnceLock::new();

/// Whether a run may still be started from the environment alone.
static MAY_START: AtomicBool = AtomicBool::new(true);

/// Held while a run starts, so that values that come meanwhile find it.
static START: Mutex<()> = Mutex::new(());

/// Runs that are open and not the global one: number and id.
static BESIDE: Mutex<Vec<(u64, String)>> = Mutex::new(Vec::new());

thread_local! {
    static STARTING: Cell<bool> = const { Cell::new(false) };
}

/// Whether anything could record: a load.
#[inline]
pub(crate) fn is_wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

fn update_wanted() {
    let may_start = STARTER.get().is_some() && MAY_START.load(Ordering::Acquire);
    WANTED.store(MADE.load(Ordering::Acquire) || may_start, Ordering::Release);
}

/// A recorder was made.
pub(super) fn made() {
    MADE.store(true, Ordering::Release);
    WANTED.store(true, Ordering::Release);
}

/// The number of the global run's recorder, 0 if there is none.
#[inline]
pub(super) fn global_uid() -> u64 {
    GLOBAL_UID.load(Ordering::Acquire)
}

/// Makes this the global recorder; none for a run that records nothing.
pub(crate) fn set_global(recorder: Option<Arc<Recorder>>) {
    let uid = recorder.as_ref().map_or(0, |recorder| recorder.uid);
    *GLOBAL.write().unwrap_or_else(PoisonError::into_inner) = recorder;
    GLOBAL_UID.store(uid, Ordering::Release);
    no_more_starts();
}

/// No run is started from the environment alone any more: the program has started one, or tried to.
pub(crate) fn no_more_starts() {
    MAY_START.store(false, Ordering::Release);
    update_wanted();
}

/// The first value shall start a run from the environment, if there is none by then.
pub(crate) fn start_with(starter: fn()) {
    // One starter is as good as the other.
    let _ = STARTER.set(starter);
    update_wanted();
}

/// Runs `start`, while values of other threads wait for the run that it starts.
pub(crate) fn starting<T>(start: impl FnOnce() -> T) -> T {
    let is_inside = STARTING.try_with(|starting| starting.replace(true)).unwrap_or(true);
    if is_inside {
        return start();
    }
    // In a forked child nobody unlocks what another thread had locked.
    let _turn = if fork::is_child() {
        START.try_lock().ok()
    } else {
        Some(START.lock().unwrap_or_else(PoisonError::into_inner))
    };
    let _left = Left;
    start()
}

struct Left;

impl Drop for Left {
    fn drop(&mut self) {
        let _ = STARTING.try_with(|starting| starting.set(false));
    }
}

/// The recorder in force on the calling thread, if there is one already.
pub(crate) fn known() -> Option<Arc<Recorder>> {
    if ours::is() {
        return None;
    }
    match entered() {
        Some(run) => run.recorder().map(Arc::clone),
        // In a forked child nobody unlocks what another thread had locked.
        None if fork::is_child() => GLOBAL.try_read().ok().and_then(|global| global.clone()),
        None => GLOBAL.read().unwrap_or_else(PoisonError::into_inner).clone(),
    }
}

fn entered() -> Option<Force> {
    thread::with(|thread| thread.entered_run().cloned()).flatten()
}

/// The recorder in force on the calling thread; where a bare layer waits for the first value, this starts its run.
#[cold]
pub(crate) fn recorder() -> Option<Arc<Recorder>> {
    let found = known();
    if found.is_some() || ours::is() || entered().is_some() || STARTING.try_with(Cell::get).unwrap_or(true) {
        return found;
    }
    if let Some(start) = STARTER.get().filter(|_| MAY_START.load(Ordering::Acquire)) {
        starting(|| {
            if MAY_START.load(Ordering::Acquire) {
                start();
                no_more_starts();
            }
        });
    }
    known()
}

/// A run is open that is not the global one.
pub(crate) fn open_beside(recorder: &Recorder, id: &str) {
    let mut beside = BESIDE.lock().unwrap_or_else(PoisonError::into_inner);
    beside.push((recorder.uid, id.to_owned()));
}

pub(crate) fn close_beside(recorder: &Recorder) {
    BESIDE.lock().unwrap_or_else(PoisonError::into_inner).retain(|(uid, _)| *uid != recorder.uid);
}

/// The id of a run that is open beside, if the program was not told of it before.
#[cold]
pub(crate) fn untold() -> Option<String> {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if TOLD.load(Ordering::Relaxed) || entered().is_some() {
        return None;
    }
    let beside = BESIDE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, id) = beside.first()?;
    (!TOLD.swap(true, Ordering::Relaxed)).then(|| id.clone())
}
