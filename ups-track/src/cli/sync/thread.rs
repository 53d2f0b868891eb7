//! The thread that uploads, and this one, which alone writes: so the lines of one log stay together, and whoever reads them
//! slowly holds up no upload. In that thread all uploads go side by side as tasks of one event loop, with one client; what
//! would block it is done on threads for such things.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;

use tokio::task::JoinError;

use super::super::args::Sync;
use super::super::screen::Screen;
use super::super::{FAILED, FINE, Failure, complain};
use super::Server;
use super::one::Ended;
use super::progress::{Display, Step};
use super::prune::Looked;
use super::report::report;
use crate::upload;

/// What an upload tells.
pub(super) enum Event {
    /// An upload comes on: its log's name, and how far it is.
    Step(String, Step),
    /// An upload has ended.
    Ended(String, Box<Ended>),
    /// A run directory was looked at, or deleted.
    Looked(PathBuf, Looked),
    /// All were looked at.
    AllLooked,
    /// Something has gone wrong that is about no log; others go on.
    Wrong(String),
    /// Nothing can be uploaded.
    Failed(Failure),
}

/// Tells what happens to one log.
#[derive(Debug, Clone)]
pub(super) struct Teller {
    name: String,
    tell: Sender<Event>,
}

impl Teller {
    pub(super) fn new(name: String, tell: &Sender<Event>) -> Self {
        Self { name, tell: tell.clone() }
    }

    /// It comes on. An error means that nobody listens any more: then nobody wants to know.
    pub(super) fn step(&self, step: Step) {
        drop(self.tell.send(Event::Step(self.name.clone(), step)));
    }

    /// It has ended.
    pub(super) fn end(self, ended: Ended) {
        drop(self.tell.send(Event::Ended(self.name, Box::new(ended))));
    }
}

/// Whether what is said reaches nobody, so that nothing else is to be begun.
pub(super) type Unheard = Arc<AtomicBool>;

/// Does `work` in the thread that uploads, with a server for so many jobs, and hears of it here until it has ended.
///
/// # Errors
///
/// If nothing could be uploaded, or the output cannot be written.
pub(super) fn beside<T>(
    args: &Sync,
    jobs: usize,
    work: impl AsyncFnOnce(Rc<Server>, Sender<Event>, Unheard) -> T + Send + 'static,
    hear: impl FnOnce(Receiver<Event>, &Unheard) -> Result<u8, Failure>,
) -> Result<u8, Failure> {
    let (tell, events) = channel();
    let unheard = Unheard::default();
    let (args, of_thread) = (args.clone(), Arc::clone(&unheard));
    let upload = move || match Server::find(&args, jobs) {
        Err(e) => drop(tell.send(Event::Failed(e))),
        Ok(server) => {
            let told = tell.clone();
            let work = async {
                drop(work(Rc::new(server), tell, of_thread).await);
                Ok(())
            };
            if let Err(e) = upload::block_on(work) {
                drop(told.send(Event::Failed(Failure::Said(e.to_string()))));
            }
        }
    };
    let thread = Builder::new().name("upload".to_owned()).spawn(upload);
    let thread = thread.map_err(|e| Failure::Said(format!("the system gives no thread for uploads: {e}")))?;
    let heard = hear(events, &unheard);
    match thread.join() {
        Ok(()) => heard,
        Err(_) => heard.and_then(|_| Err(Failure::Said(panicked()))),
    }
}

fn panicked() -> String {
    "the upload has panicked: this is a bug in ups-track".to_owned()
}

/// Does something that blocks on a thread for such things.
///
/// # Errors
///
/// If it panics.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, upload::Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|e| upload::Failure::Log(broken(&e)))
}

/// Why a task has not come to its end.
pub(super) fn broken(e: &JoinError) -> String {
    if e.is_panic() { panicked() } else { e.to_string() }
}

/// Tells what happens, until nobody is left to whom it can; gives the worst exit code, in which each log counts as it ended
/// last. Of what makes everything fail the first counts.
pub(super) fn hear(
    args: &Sync,
    events: Receiver<Event>,
    unheard: &Unheard,
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    let mut display = Display::new(args.quiet, err);
    let (mut worst, mut failure) = (FINE, None);
    let mut left: HashMap<String, u8> = HashMap::new();
    for event in events {
        let told = match event {
            Event::Step(name, step) => {
                display.step(&name, &step);
                Ok(())
            }
            Event::Ended(name, ended) => display.end(&name, |err| {
                match report(args, &name, &ended, screen, err)? {
                    FINE => drop(left.remove(&name)),
                    code => drop(left.insert(name.clone(), code)),
                }
                Ok(screen.flush()?)
            }),
            Event::Wrong(text) => {
                worst = FAILED;
                display.end("", |err| complain(err, format_args!("error: {text}\n")));
                Ok(())
            }
            Event::Looked(..) | Event::AllLooked => Ok(()),
            Event::Failed(failure) => Err(failure),
        };
        if let Err(e) = told {
            unheard.store(true, Ordering::Relaxed);
            failure.get_or_insert(e);
        }
    }
    failure.map_or(Ok(left.into_values().fold(worst, u8::max)), Err)
}
