//! Several runs at the same time: a few tasks that take runs from a queue.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::Write;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;

use tokio::task::JoinSet;

use super::super::args::Sync;
use super::super::screen::Screen;
use super::super::{FINE, Failure};
use super::Server;
use super::chosen::Log;
use super::one::one;
use super::thread::{Event, Teller, Unheard, beside, broken, hear};

/// What no job has taken yet.
pub(super) type Queue<T> = Rc<RefCell<VecDeque<T>>>;

/// Uploads runs side by side, the logs of one run one after another; gives the worst exit code.
pub(super) fn upload(
    args: &Sync,
    runs: Vec<Vec<Log>>,
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    if runs.is_empty() {
        return Ok(FINE);
    }
    let jobs = usize::from(args.jobs).min(runs.len());
    let all = async move |server, tell: Sender<Event>, unheard| {
        let queue = Queue::new(RefCell::new(VecDeque::from(runs)));
        let mut working = JoinSet::new();
        for _ in 0..jobs {
            working.spawn_local(work(
                Rc::clone(&server),
                Rc::clone(&queue),
                tell.clone(),
                Unheard::clone(&unheard),
            ));
        }
        until_all_have_ended(&mut working, &tell).await;
    };
    // What is running comes to its end when nobody hears of it, and nothing else is begun.
    beside(args, jobs, all, |events, unheard| hear(args, events, unheard, screen, err))
}

/// Waits for the end of all jobs, and tells of one that came to a bad one.
pub(super) async fn until_all_have_ended(working: &mut JoinSet<()>, tell: &Sender<Event>) {
    while let Some(ended) = working.join_next().await {
        if let Err(e) = ended {
            drop(tell.send(Event::Wrong(broken(&e))));
        }
    }
}

/// Uploads runs until none is left.
async fn work(server: Rc<Server>, queue: Queue<Vec<Log>>, tell: Sender<Event>, unheard: Unheard) {
    while !unheard.load(Ordering::Relaxed)
        && let Some(logs) = next(&queue)
    {
        for log in logs {
            let teller = Teller::new(log.name(), &tell);
            let ended = one(&server, &log.path, &teller).await;
            teller.end(ended);
        }
    }
}

/// The next of a queue. It is free again when this returns.
pub(super) fn next<T>(queue: &Queue<T>) -> Option<T> {
    queue.borrow_mut().pop_front()
}
