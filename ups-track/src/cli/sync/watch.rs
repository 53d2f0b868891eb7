//! `--watch`: runs are followed while they are written, and those that begin meanwhile are found.
//!
//! Logs are looked for again and again, and each is followed by a task of its own. Whenever this is stopped, by whatever
//! signal, the next `sync` goes on behind what has arrived.

use std::collections::{HashSet, VecDeque};
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet};

use super::super::Failure;
use super::super::args::Sync;
use super::super::screen::Screen;
use super::Server;
use super::chosen::{self, Log};
use super::finder::Finder;
use super::follow::{follow, is_abandoned};
use super::one::Ended;
use super::thread::{Event, Teller, aside, beside, broken, hear};
use crate::log::Beginning;
use crate::os::files::Stamp;
use crate::os::lock::Lock;
use crate::upload;

/// Time between two looks for logs.
const LOOK: Duration = Duration::from_secs(1);

/// The longest time between two looks at a log that nobody goes on with.
const LONG_LOOK: Duration = Duration::from_mins(1);

/// Runs that are followed at the same time.
const MOST: usize = 64;

/// The time without a sign of the writer of another program's log after which it counts as gone.
const GONE_AFTER: Duration = Duration::from_mins(10);

/// The longest time until something that has failed is tried again.
const LONGEST: Duration = Duration::from_hours(1);

/// How often something that has failed is tried where there is nothing else to wait for.
const TRIES: u32 = 5;

/// Follows runs while they are written, and finds those that begin; gives the worst exit code, if it ends at all.
pub(super) fn watch(
    args: &Sync,
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    let own = Arc::new(args.clone());
    // What has failed was told; the others go on.
    let all = async move |server, tell, _| Watch::new(own, server, tell).watch().await;
    beside(args, usize::from(args.jobs), all, |events, unheard| hear(args, events, unheard, screen, err))
}

/// A log that is looked at later.
#[derive(Debug)]
struct Waiting {
    path: PathBuf,
    at: Instant,
    /// It is of interest only when it is no longer like this.
    unless: Option<Stamp>,
    /// Whether it is of interest although it is marked.
    again: bool,
    /// How often it has failed.
    failed: u32,
}

impl Waiting {
    fn new(path: PathBuf) -> Self {
        Self { path, at: Instant::now(), unless: None, again: false, failed: 0 }
    }

    fn after(self, time: Duration) -> Self {
        Self { at: Instant::now() + time, ..self }
    }
}

/// What a look at logs gives.
#[derive(Debug, Default)]
struct Looked {
    waiting: Vec<Waiting>,
    ready: Vec<(Log, u32)>,
}

struct Watch {
    args: Arc<Sync>,
    server: Rc<Server>,
    tell: Sender<Event>,
    gone_after: Duration,
    /// Whether only logs are named: there will be no others.
    ends: bool,
    waiting: Vec<Waiting>,
    /// Logs that can be followed, when there is room and no other log of their run is.
    ready: VecDeque<(Log, u32)>,
    /// The runs that are being followed.
    runs: HashSet<u64>,
    following: JoinSet<(Option<u64>, Option<Waiting>)>,
}

impl Watch {
    fn new(args: Arc<Sync>, server: Rc<Server>, tell: Sender<Event>) -> Self {
        let minutes = |minutes| Duration::from_mins(u64::from(minutes));
        Self {
            gone_after: args.gone_after.map_or(GONE_AFTER, minutes),
            ends: !args.paths.is_empty() && args.paths.iter().all(|path| path.is_file()),
            args,
            server,
            tell,
            waiting: Vec::new(),
            ready: VecDeque::new(),
            runs: HashSet::new(),
            following: JoinSet::new(),
        }
    }

    /// Looks for logs until there can be no more, and has them followed.
    async fn watch(mut self) {
        let mut finder = Finder::new(&self.args.paths);
        loop {
            let now = Instant::now();
            let (due, later) = std::mem::take(&mut self.waiting).into_iter().partition(|log| log.at <= now);
            self.waiting = later;
            let (args, gone_after, ends) = (Arc::clone(&self.args), self.gone_after, self.ends);
            let looked = aside(move || {
                let mut looked = Looked::default();
                let found = finder.look();
                for log in Vec::into_iter(due).chain(found.into_iter().map(Waiting::new)) {
                    looked.look(&args, log, gone_after, ends);
                }
                (finder, looked)
            });
            let looked = match looked.await {
                Ok((same, looked)) => {
                    finder = same;
                    looked
                }
                Err(e) => return drop(self.tell.send(Event::Wrong(e.to_string()))),
            };
            self.waiting.extend(looked.waiting);
            self.ready.extend(looked.ready);
            self.begin();
            if self.ends && self.waiting.is_empty() && self.ready.is_empty() && self.following.is_empty() {
                return;
            }
            self.rest().await;
        }
    }

    /// Begins to follow what can be.
    fn begin(&mut self) {
        for _ in 0..self.ready.len() {
            if self.following.len() >= MOST {
                return;
            }
            let Some((log, failed)) = self.ready.pop_front() else { return };
            if log.run.is_some_and(|run| !self.runs.insert(run)) {
                self.ready.push_back((log, failed));
                continue;
            }
            let server = Rc::clone(&self.server);
            let (tell, gone_after, ends) = (self.tell.clone(), self.gone_after, self.ends);
            self.following.spawn_local(async move {
                let teller = Teller::new(log.name(), &tell);
                let ended = follow(&server, &log, gone_after, &teller).await;
                let run = log.run;
                let next = next(&ended, log, failed, server.interval * 4, ends);
                teller.end(ended);
                (run, next)
            });
        }
    }

    /// Waits until something has ended, or for the next look.
    async fn rest(&mut self) {
        if self.following.is_empty() {
            return tokio::time::sleep(LOOK).await;
        }
        // An error is the end of the wait.
        let Ok(Some(ended)) = tokio::time::timeout(LOOK, self.following.join_next()).await else { return };
        self.ended(ended);
        while let Some(ended) = self.following.try_join_next() {
            self.ended(ended);
        }
    }

    fn ended(&mut self, ended: Result<(Option<u64>, Option<Waiting>), JoinError>) {
        match ended {
            Ok((run, next)) => {
                if let Some(run) = run {
                    self.runs.remove(&run);
                }
                self.waiting.extend(next);
            }
            Err(e) => drop(self.tell.send(Event::Wrong(broken(&e)))),
        }
    }
}

/// What is left to do for a log that was followed.
fn next(ended: &Ended, log: Log, failed: u32, pause: Duration, ends: bool) -> Option<Waiting> {
    match ended {
        Ended::Later(_) => Some(Waiting::new(log.path).after(pause)),
        ended if ended.may_be_better() => {
            if ends && failed + 1 >= TRIES {
                return None;
            }
            let pause = pause.saturating_mul(1 << failed.min(16)).min(LONGEST);
            Some(Waiting { failed: failed + 1, ..Waiting::new(log.path) }.after(pause))
        }
        // Who only seemed to be gone goes on.
        Ended::Sent { sent, .. } if !log.is_ours && sent.exit_code.is_none() && !ends => {
            let unless = stamp(&log.path);
            Some(Waiting { unless, again: true, ..Waiting::new(log.path) }.after(LONG_LOOK))
        }
        _ => None,
    }
}

fn stamp(log: &std::path::Path) -> Option<Stamp> {
    log.metadata().ok().map(|data| Stamp::of(&data))
}

impl Looked {
    /// Finds out what to do with a log.
    fn look(&mut self, args: &Sync, mut log: Waiting, gone_after: Duration, ends: bool) {
        let now = stamp(&log.path);
        if now.is_none() {
            // It is gone.
            return;
        }
        let is_same = log.unless.is_some() && log.unless == now;
        if is_same && log.again {
            return self.waiting.push(log.after(LONG_LOOK));
        }
        let found = if is_same { None } else { Some(Log::look(args, log.path.clone())) };
        if found.as_ref().is_none_or(|found| found.beginning == Beginning::Never) {
            // It has just begun, or its process was killed then.
            if !(ends && is_abandoned(&log.path, gone_after)) {
                let written = log.path.metadata().and_then(|data| data.modified());
                let age = written.ok().and_then(|time| time.elapsed().ok()).unwrap_or_default();
                log.unless = now;
                self.waiting.push(log.after((age / 4).clamp(LOOK, LONG_LOOK)));
            }
            return;
        }
        let Some(found) = found else { return };
        if !log.again && chosen::skipped(args, &found).is_some() {
            return;
        }
        // What its own process sends is left to it as long as it lives, and what is left then is for us.
        let sends_itself = chosen::was_online(&found) && Lock::is_taken(found.dir());
        if sends_itself || upload::is_being_sent(&found.path) {
            return self.waiting.push(log.after(LOOK));
        }
        self.ready.push((found, log.failed));
    }
}
