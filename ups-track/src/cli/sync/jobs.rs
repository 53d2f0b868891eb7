//! Several runs at the same time: a thread for each of a few jobs, with an event loop and a connection of its own. They
//! tell this thread what happens, and it alone writes, so that the lines of one log stay together.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope};

use super::super::args::Sync;
use super::super::screen::Screen;
use super::super::{FINE, Failure};
use super::Server;
use super::chosen::Log;
use super::one::{Ended, one};
use super::progress::{Display, Step};
use super::report::report;
use super::watch::{self, Followed};

/// What a job tells.
pub(super) enum Event {
    /// An upload comes on: its log's name, and how far it is.
    Step(String, Step),
    /// An upload has ended.
    Ended(String, Box<Ended>),
    /// The job cannot begin.
    Failed(Failure),
}

/// Runs that no job has taken yet, with their logs in order.
type Queue = Mutex<VecDeque<Vec<Log>>>;

/// Follows runs while they are written, and finds those that begin; gives the worst exit code, if it ends at all.
pub(super) fn watch(
    args: &Sync,
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    // What is wrong with key or settings is so for all runs, and said before there are any.
    Server::find(args)?;
    let followed = Followed::default();
    std::thread::scope(|scope| {
        let (tell, events) = channel();
        let followed = &followed;
        let looks = move || watch::watch(scope, args, followed, &tell);
        Builder::new()
            .name("watch".to_owned())
            .spawn_scoped(scope, looks)
            .map_err(|e| Failure::Said(format!("the system gives no thread to watch: {e}")))?;
        // What has failed was told; the others go on.
        hear(args, events, screen, err, &mut || {})
    })
}

/// Uploads runs side by side, the logs of one run one after another; gives the worst exit code.
pub(super) fn upload(
    args: &Sync,
    runs: Vec<Vec<Log>>,
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    let jobs = usize::from(args.jobs).min(runs.len());
    let queue = Mutex::new(VecDeque::from(runs));
    std::thread::scope(|scope| {
        let (tell, events) = channel();
        for _ in 0..jobs {
            if let Err(e) = start(scope, args, &queue, tell.clone()) {
                let text = format!("the system gives no thread for an upload: {e}");
                drop(tell.send(Event::Failed(Failure::Said(text))));
            }
        }
        drop(tell);
        // What is running comes to its end, nothing else is begun.
        hear(args, events, screen, err, &mut || {
            queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
        })
    })
}

/// Tells what happens, until nobody is left to whom it can; the first failure is the one that counts.
fn hear(
    args: &Sync,
    events: Receiver<Event>,
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
    failed: &mut dyn FnMut(),
) -> Result<u8, Failure> {
    let mut display = Display::new(args.quiet, err);
    let (mut worst, mut failure) = (FINE, None);
    for event in events {
        let told = match event {
            Event::Step(name, step) => {
                display.step(&name, &step);
                Ok(())
            }
            Event::Ended(name, ended) => display.end(&name, |err| {
                worst = worst.max(report(args, &name, &ended, screen, err)?);
                Ok(screen.flush()?)
            }),
            Event::Failed(failure) => Err(failure),
        };
        if let Err(e) = told {
            failed();
            failure.get_or_insert(e);
        }
    }
    failure.map_or(Ok(worst), Err)
}

fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    args: &'scope Sync,
    queue: &'scope Queue,
    tell: Sender<Event>,
) -> io::Result<()> {
    Builder::new().name("upload".to_owned()).spawn_scoped(scope, move || work(args, queue, &tell)).map(drop)
}

/// Uploads runs until none is left. An error means that nobody listens any more.
fn work(args: &Sync, queue: &Queue, tell: &Sender<Event>) {
    let server = match Server::find(args) {
        Ok(server) => server,
        Err(e) => return drop(tell.send(Event::Failed(e))),
    };
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(logs) = next else { return };
        for log in logs {
            let ended = one(&server, &log, &mut |step| {
                drop(tell.send(Event::Step(log.name.clone(), step)));
            });
            drop(tell.send(Event::Ended(log.name, Box::new(ended))));
        }
    }
}
