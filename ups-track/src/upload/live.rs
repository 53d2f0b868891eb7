//! The upload of a run while it is recorded: a thread that reads the run's log and sends it, beside the program.
//!
//! The program and the thread share a few flags and numbers. Nothing of the program ever waits for the thread, except the
//! end of the run, and that only as long as the upload makes progress.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;

use super::log::{Along, follow};
use super::outage::Outage;
use super::transport::{Pulse, SlowWaits};
use super::{Access, Client, Failure, Options, Progress, Sent, block_on};
use crate::os::clock::Waited;
use crate::os::fork::Born;
use crate::os::{descriptors, ours};
use crate::say;
use crate::settings::Sources;
use crate::shown::duration;

/// Time between two looks at the log. What is found is sent at the pace of the stream.
const LOOK: Duration = Duration::from_millis(200);

/// Descriptors that an upload needs: its event loop, the log, connections, files that are sent.
const DESCRIPTORS: usize = 16;

/// How the upload of a run ended.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// Everything is on the server.
    Whole,
    /// Not everything is, and why.
    Part(String),
}

/// Called once, when somebody asks on the server that the run stops.
type OnStop = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    /// The run's page, once the server knows the run.
    page: Option<String>,
    outcome: Option<Outcome>,
    /// Whether the upload could not go on, and waits before it is begun anew.
    dozes: bool,
    on_stop: Vec<OnStop>,
}

/// What the program and the thread share.
#[derive(Default)]
struct Both {
    state: Mutex<State>,
    /// The page or the outcome is there.
    changed: Condvar,
    /// The upload need not wait any longer before it is begun anew.
    rouse: Condvar,
    pulse: Arc<Pulse>,
    /// Wakes the thread.
    wake: Notify,
    complete: AtomicBool,
    /// Whether nobody waits any more.
    given_up: AtomicBool,
    quit: Notify,
    stop: AtomicBool,
    rows: AtomicU64,
    files: AtomicUsize,
    /// Whether rows have arrived since the upload was begun anew.
    arrived: AtomicBool,
}

impl std::fmt::Debug for Both {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Both").finish_non_exhaustive()
    }
}

impl Both {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
        self.quit.notify_one();
        self.wake_up();
    }

    fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }

    fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Ends the wait before the upload is begun anew, if there is one.
    fn wake_up(&self) {
        // Whoever looks at the flags before it waits has the lock.
        drop(self.lock());
        self.rouse.notify_all();
    }

    /// Waits before the upload is begun anew, but no longer than until somebody waits for it.
    fn doze(&self, wait: Duration) {
        let mut state = self.lock();
        state.dozes = true;
        self.changed.notify_all();
        let idle = |_: &mut State| !self.is_complete() && !self.is_given_up();
        let (mut state, _) =
            self.rouse.wait_timeout_while(state, wait, idle).unwrap_or_else(PoisonError::into_inner);
        state.dozes = false;
    }

    /// Rests while there are too few descriptors for an upload; false if it is given up meanwhile.
    fn await_descriptors(&self, outage: &Outage) -> bool {
        while !descriptors::are_left(DESCRIPTORS) {
            outage.hear_shortage();
            if self.is_given_up() {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }
}

/// The upload of a run that is being recorded.
#[derive(Debug)]
pub(crate) struct Live(Arc<Both>, Born);

/// What the upload of a run needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) log: PathBuf,
    pub(crate) access: Access,
    pub(crate) sources: Sources,
    /// Time between two requests of the stream.
    pub(crate) interval: Duration,
    /// Whether to say nothing when all goes well.
    pub(crate) quiet: bool,
    pub(crate) options: Options,
}

/// How far an upload is that somebody waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// Rows that the server has.
    pub(crate) rows: u64,
    /// Files that are being looked at and sent; none before the rows are through.
    pub(crate) files: usize,
    /// Time since the last sign of progress.
    pub(crate) quiet: Duration,
}

impl Live {
    /// Starts the thread. Whether there is a server at all turns out there.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub(crate) fn start(plan: Plan) -> std::io::Result<Self> {
        let both = Arc::<Both>::default();
        let of_thread = Arc::clone(&both);
        std::thread::Builder::new().name("ups-track-upload".into()).spawn(move || {
            crate::os::block_file_size_signal();
            // What the HTTP client tells through `tracing` must not come back to us.
            ours::claim();
            let run = std::panic::AssertUnwindSafe(|| upload(&plan, &of_thread));
            let outcome = std::panic::catch_unwind(run).unwrap_or_else(|_| {
                Outcome::Part("the upload has panicked: this is a bug in ups-track".into())
            });
            of_thread.lock().outcome = Some(outcome);
            of_thread.changed.notify_all();
        })?;
        Ok(Self(both, Born::here()))
    }

    /// The run's page, once the server knows the run.
    pub(crate) fn page(&self) -> Option<String> {
        self.0.lock().page.clone()
    }

    /// Waits for the run's page, at most so long. None also if there will be none, or not soon.
    pub(crate) fn wait_for_page(&self, patience: Duration) -> Option<String> {
        let mut waited = Waited::begin();
        let mut state = self.0.lock();
        while state.page.is_none()
            && state.outcome.is_none()
            && !state.dozes
            && let Some(slice) = waited.next(patience)
        {
            (state, _) = self.0.changed.wait_timeout(state, slice).unwrap_or_else(PoisonError::into_inner);
        }
        state.page.clone()
    }

    /// Whether somebody has asked on the server that the run stops.
    pub(crate) fn is_stop_asked(&self) -> bool {
        self.0.stop.load(Ordering::Acquire)
    }

    /// Calls this when somebody asks that the run stops; now, if somebody has.
    pub(crate) fn on_stop(&self, call: OnStop) {
        let mut state = self.0.lock();
        if self.is_stop_asked() {
            drop(state);
            call();
        } else {
            state.on_stop.push(call);
        }
    }

    /// The log is complete.
    pub(crate) fn complete(&self) {
        self.0.complete.store(true, Ordering::Release);
        self.0.wake.notify_one();
        self.0.wake_up();
        self.0.pulse.hurry();
    }

    /// Waits for the end of the upload, as long as it makes progress: not longer than `patience` without any, and not
    /// longer than `limit` in all. Then it is given up. `watch` is called now and then.
    pub(crate) fn wait(
        &self,
        patience: Duration,
        limit: Option<Duration>,
        watch: &mut dyn FnMut(Standing),
    ) -> Outcome {
        let mut in_all = Waited::begin();
        let mut beats = (self.0.pulse.beats(), Waited::begin());
        loop {
            let (state, _) = self
                .0
                .changed
                .wait_timeout_while(self.0.lock(), Duration::from_millis(100), |state| {
                    state.outcome.is_none()
                })
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(outcome) = &state.outcome {
                return outcome.clone();
            }
            drop(state);
            let now = self.0.pulse.beats();
            if now != beats.0 {
                beats = (now, Waited::begin());
            }
            let (quiet, in_all) = (beats.1.so_far(), in_all.so_far());
            let reason = if quiet >= patience {
                format!("no progress for {}", duration(quiet.as_secs_f64()))
            } else if limit.is_some_and(|limit| in_all >= limit) {
                format!("not through after {}", duration(in_all.as_secs_f64()))
            } else {
                watch(Standing {
                    rows: self.0.rows.load(Ordering::Relaxed),
                    files: self.0.files.load(Ordering::Relaxed),
                    quiet,
                });
                continue;
            };
            return self.give_up(reason);
        }
    }

    /// Ends the thread, whatever it does.
    fn give_up(&self, reason: String) -> Outcome {
        self.0.give_up();
        // It may be reading a large file; nobody waits for that.
        let (state, _) = self
            .0
            .changed
            .wait_timeout_while(self.0.lock(), Duration::from_secs(1), |state| state.outcome.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        match &state.outcome {
            Some(Outcome::Whole) => Outcome::Whole,
            // The last thing that went wrong says more than that nothing goes on.
            Some(Outcome::Part(why)) => Outcome::Part(format!("{reason}: {why}")),
            None => Outcome::Part(reason),
        }
    }
}

/// Dropped without an end: the program has forgotten its run.
impl Drop for Live {
    fn drop(&mut self) {
        // A forked child has no such thread, and whoever had a lock when it was forked never gives it back.
        if self.1.is_here() {
            self.0.give_up();
        }
    }
}

/// The upload, as it sees the program.
struct Beside<'a>(&'a Arc<Both>);

impl Along for Beside<'_> {
    fn is_complete(&self, _has_ended: bool) -> bool {
        self.0.is_complete()
    }

    fn stop(&self) {
        let calls = !self.0.lock().on_stop.is_empty();
        if !self.0.stop.swap(true, Ordering::AcqRel) {
            let what = if calls { "" } else { "; the program goes on unless it looks (Run::stop_requested)" };
            say::note(&format!("somebody asked on the server that this run stops{what}"));
        }
        if calls {
            call_back(self.0);
        }
    }

    async fn rest(&self) {
        // Once complete there is nothing to wait for but what the loop does anyway.
        drop(tokio::time::timeout(LOOK, self.0.wake.notified()).await);
    }
}

/// Calls those who want to know that the run shall stop, on a thread of their own: who ends the run there, or the process,
/// waits for the upload. Without a thread it is tried again later.
fn call_back(both: &Arc<Both>) {
    let both = Arc::clone(both);
    let call = move || {
        ours::claim();
        let calls = std::mem::take(&mut both.lock().on_stop);
        for call in calls {
            // A panic of the program's own must not keep others from being called.
            let called = std::panic::AssertUnwindSafe(|| ours::lend(call));
            if std::panic::catch_unwind(called).is_err() {
                say::warning("a callback of `Run::on_stop` has panicked");
            }
        }
    };
    drop(std::thread::Builder::new().name("ups-track-stop".into()).spawn(call));
}

/// The whole upload: until it is through, can never go on, or is given up. What could not go on for another reason is begun
/// anew, later and later, as long as the run goes on; then once more. What one attempt has sent the next one does not send
/// again.
fn upload(plan: &Plan, both: &Arc<Both>) -> Outcome {
    let outage = Arc::new(Outage::default());
    let waits = match SlowWaits::find(&plan.sources) {
        Ok(waits) => waits,
        Err(failure) => return ended(plan, both, &failure),
    };
    let (mut failed, mut refused_alerts) = (0, Vec::new());
    for attempts in 0_u32.. {
        if !both.await_descriptors(&outage) || both.is_given_up() {
            break;
        }
        // Nobody waits for yet another one.
        let is_last = both.is_complete();
        both.arrived.store(false, Ordering::Relaxed);
        let failure = match attempt(plan, both, &outage, attempts > 0) {
            Ok(None) => break,
            Ok(Some(mut sent)) => {
                refused_alerts.append(&mut sent.refused_alerts);
                if is_last || !sent.is_mendable() {
                    sent.refused_alerts = refused_alerts;
                    return judge(plan, &sent);
                }
                // What was refused beside the lines may be taken now.
                continue;
            }
            Err(failure) if failure.is_shortage() => {
                outage.hear(Some(&failure));
                std::thread::sleep(LOOK);
                continue;
            }
            Err(failure) => failure,
        };
        if is_last || failure.is_final() {
            return ended(plan, both, &failure);
        }
        if both.arrived.load(Ordering::Relaxed) {
            failed = 0;
        }
        failed += 1;
        if !both.is_complete() {
            let wait = waits.after(failed);
            outage.refused(&failure, wait);
            both.doze(wait);
        }
    }
    Outcome::Part(outage.last().unwrap_or_else(|| "it takes longer than that".to_owned()))
}

/// The end of an upload that cannot go on.
fn ended(plan: &Plan, both: &Both, failure: &Failure) -> Outcome {
    if !both.is_complete() {
        say::warning(&format!(
            "nothing more is sent to the server: {failure}; recording goes on, and `ups-track sync {}` sends the rest later",
            crate::harmless::path(plan.log.parent().unwrap_or(Path::new(".")))
        ));
    }
    Outcome::Part(failure.to_string())
}

/// From where the upload is to where it cannot go on; nothing if it was given up.
fn attempt(
    plan: &Plan,
    both: &Arc<Both>,
    outage: &Arc<Outage>,
    is_again: bool,
) -> Result<Option<Sent>, Failure> {
    block_on(async {
        let mut following = pin!(send(plan, both, outage, is_again));
        let mut quit = pin!(both.quit.notified());
        std::future::poll_fn(|context| {
            if let Poll::Ready(sent) = following.as_mut().poll(context) {
                return Poll::Ready(Some(sent).transpose());
            }
            quit.as_mut().poll(context).map(|()| Ok(None))
        })
        .await
    })
}

async fn send(plan: &Plan, both: &Arc<Both>, outage: &Arc<Outage>, is_again: bool) -> Result<Sent, Failure> {
    // Somebody may have done meanwhile what a refusal asks for.
    let sources = if is_again { plan.sources.read_again().ok() } else { None };
    let sources = sources.as_ref().unwrap_or(&plan.sources);
    let key = if is_again { plan.access.key_now(sources)? } else { plan.access.key()?.clone() };
    let heard = Arc::clone(outage);
    let client = Client::new(&plan.access.address, &key, sources)?.for_run(
        Arc::clone(&both.pulse),
        Arc::new(move |retry| heard.hear(retry.map(|retry| retry.failure))),
    );
    let client = Rc::new(client);
    // The rows that were there already.
    let mut before = None;
    let mut progress = |progress: Progress<'_>| match progress {
        Progress::Begun { page } => {
            outage.reached();
            let known = both.lock().page.replace(page.to_owned());
            both.changed.notify_all();
            if !plan.quiet && known.as_deref() != Some(page) {
                say::note(&format!("the run is at {page}"));
            }
        }
        Progress::Read(_) => {}
        Progress::Rows(rows) => {
            both.rows.store(rows, Ordering::Relaxed);
            if rows > *before.get_or_insert(rows) && !both.arrived.swap(true, Ordering::Relaxed) {
                outage.goes_on();
            }
        }
        Progress::Files(files) => both.files.store(files, Ordering::Relaxed),
    };
    follow(&client, &plan.log, &plan.options, &Beside(both), plan.interval, &mut progress).await
}

/// Tells what nobody can send, now or later.
fn tell(sent: &Sent) {
    for refused in &sent.refused_alerts {
        say::warning(&format!("an alert was not taken by the server: {refused}"));
    }
    if !sent.files.missing.is_empty() {
        let names: Vec<_> = sent.files.missing.iter().map(|name| format!("`{name}`")).collect();
        say::warning(&format!("not there any more, so not uploaded: {}", names.join(", ")));
    }
    if !sent.files.changed.is_empty() {
        let names: Vec<_> = sent.files.changed.iter().map(|name| format!("`{name}`")).collect();
        say::warning(&format!("written to after the run's end, so not uploaded: {}", names.join(", ")));
    }
    if sent.lines_too_long > 0 {
        say::warning(&format!(
            "{} lines were longer than a server takes, and were left out",
            sent.lines_too_long
        ));
    }
}

/// Whether all is there; if it is, the log is marked so.
fn judge(plan: &Plan, sent: &Sent) -> Outcome {
    tell(sent);
    if sent.is_all() {
        return match super::mark(&plan.log) {
            Ok(()) => Outcome::Whole,
            Err(e) => Outcome::Part(format!("all is there, but the log cannot be marked so: {e}")),
        };
    }
    let failed = sent.trouble.iter().chain(&sent.files.failed).next();
    Outcome::Part(match (failed, &sent.damage) {
        (Some(why), _) => why.clone(),
        (None, Some(damage)) => damage.text.clone(),
        (None, None) if sent.artifacts + sent.tensorboard > 0 => {
            "artifacts and TensorBoard are not sent by this version".to_owned()
        }
        (None, None) => format!("{} of {} rows are there", sent.rows_there, sent.rows),
    })
}
