//! `--watch`: runs are followed while they are written, and those that begin meanwhile are found.
//!
//! A thread looks for logs again and again and has each followed by a thread of its own. Whenever this is stopped, by
//! whatever signal, the next `sync` goes on behind what has arrived.

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope};
use std::time::Duration;

use super::super::Failure;
use super::super::args::Sync;
use super::Server;
use super::chosen::{self, Log};
use super::jobs::Event;
use super::one::{Ended, settled, step_of};
use super::progress::Step;
use crate::merge::{Purpose, merge};
use crate::os::lock::Lock;
use crate::upload::{self, Along};

/// Time between two looks for logs.
const LOOK: Duration = Duration::from_secs(1);

/// Time between two looks at a log.
const REST: Duration = Duration::from_millis(250);

/// Runs that are followed at the same time.
const MOST: usize = 64;

/// A log that somebody may still write.
struct Watched<'a> {
    log: &'a Log,
    /// What of attached children could not be merged.
    unmerged: RefCell<Vec<String>>,
}

impl Along for Watched<'_> {
    fn is_complete(&self, has_ended: bool) -> bool {
        if !self.log.is_ours() {
            // Nobody else tells whether its process still runs.
            return has_ended;
        }
        if Lock::is_taken(self.log.dir()) {
            return false;
        }
        // Its process is gone; children may go on, and what they wrote belongs to the run. Before an exit record that was
        // read nothing can be added now: that is sent afterwards.
        let purpose = if has_ended { Purpose::Look } else { Purpose::Merge };
        match merge(&self.log.path, purpose) {
            Ok(Some(outcome)) if outcome.live || outcome.open > 0 => false,
            Ok(outcome) => {
                *self.unmerged.borrow_mut() = outcome.map(|outcome| outcome.bad).unwrap_or_default();
                true
            }
            Err(reason) => {
                *self.unmerged.borrow_mut() = vec![reason];
                true
            }
        }
    }

    // The program has no part in this: its own upload would tell it.
    fn stop(&self) {}

    async fn rest(&self) {
        tokio::time::sleep(REST).await;
    }
}

/// What is being followed, and what needs no further look.
#[derive(Default)]
struct State {
    known: HashSet<PathBuf>,
    /// The runs of the logs that are being followed: of one run one log at a time.
    runs: Vec<Option<[String; 3]>>,
}

/// Looks for logs until there can be no more, and has them followed.
pub(super) fn watch<'scope, 'args: 'scope>(
    scope: &'scope Scope<'scope, 'args>,
    args: &'args Sync,
    state: &'args Followed,
    tell: &Sender<Event>,
) {
    // A path that is a log, and not a directory, will not have others.
    let ends = !args.paths.is_empty() && args.paths.iter().all(|path| path.is_file());
    loop {
        let mut waiting = false;
        // What is wrong with a path was said at the beginning.
        for path in chosen::logs(args, &mut std::io::sink(), &mut 0) {
            waiting |= take(scope, args, state, tell, path);
        }
        if ends && !waiting && state.lock().runs.is_empty() {
            return;
        }
        std::thread::sleep(LOOK);
    }
}

/// The state, shared by the threads.
#[derive(Default)]
pub(super) struct Followed(Mutex<State>);

impl Followed {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has a log followed, if it is one that is not yet; tells whether it must be looked at again.
fn take<'scope, 'args: 'scope>(
    scope: &'scope Scope<'scope, 'args>,
    args: &'args Sync,
    state: &'args Followed,
    tell: &Sender<Event>,
    path: PathBuf,
) -> bool {
    if state.lock().known.contains(&path) {
        return false;
    }
    let log = Log::look(path.clone());
    if !log.has_run() {
        // It has just begun.
        return true;
    }
    if chosen::skipped(args, &log).is_some() {
        state.lock().known.insert(path);
        return false;
    }
    // What its own process sends is left to it as long as it lives, and what is left then is for us.
    let sends_itself = chosen::was_online(&log) && Lock::is_taken(log.dir());
    if sends_itself || upload::is_being_sent(&path) {
        return true;
    }
    let run = log.target(args);
    {
        let mut state = state.lock();
        if state.runs.contains(&run) || state.runs.len() >= MOST {
            return true;
        }
        state.known.insert(path);
        state.runs.push(run.clone());
    }
    let to_thread = tell.clone();
    let of_thread = run.clone();
    let follow = move || {
        let event = match Server::find(args) {
            Err(e) => Event::Failed(e),
            Ok(server) => {
                let ended = one(&server, &log, &mut |step| {
                    drop(to_thread.send(Event::Step(log.name.clone(), step)));
                });
                Event::Ended(log.name.clone(), Box::new(ended))
            }
        };
        // Nobody listens any more: then nobody wants to know.
        drop(to_thread.send(event));
        state.lock().runs.retain(|other| *other != of_thread);
    };
    if let Err(e) = Builder::new().name("upload".to_owned()).spawn_scoped(scope, follow) {
        state.lock().runs.retain(|other| *other != run);
        let text = format!("the system gives no thread for an upload: {e}");
        drop(tell.send(Event::Failed(Failure::Said(text))));
    }
    false
}

/// Follows one log to its end.
fn one(server: &Server, log: &Log, step: &mut dyn FnMut(Step)) -> Ended {
    let watched = Watched { log, unmerged: RefCell::default() };
    let sent = upload::block_on(upload::follow(
        &server.client,
        &log.path,
        &server.options,
        &watched,
        server.interval,
        &mut |progress| step(step_of(&progress)),
    ));
    match sent {
        Err(e) => Ended::Failed(e),
        // Children may have come behind what was read, whoever has merged them: what is there already is not sent again.
        Ok(_) if log.is_ours() && !matches!(merge(&log.path, Purpose::Look), Ok(None)) => {
            super::one::one(server, log, step)
        }
        Ok(sent) => settled(log, sent, watched.unmerged.take()),
    }
}
