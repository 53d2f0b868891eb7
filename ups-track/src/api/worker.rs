//! The thread that talks to the server, so that callers need no runtime, and may be in one.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::os::fork::Born;
use crate::upload::{Client, Failure};

type Job = Box<dyn FnOnce(Rc<Client>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// A thread with a client. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: UnboundedSender<Job>,
    born: Born,
}

impl Worker {
    pub(super) fn start(client: Client) -> Result<Self, Failure> {
        let none = |e: std::io::Error| Failure::Settings(format!("the system gives no thread: {e}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(none)?;
        let (jobs, receiver) = unbounded_channel();
        std::thread::Builder::new()
            .name("ups-track-api".to_owned())
            .spawn(move || LocalSet::new().block_on(&runtime, serve(receiver, Rc::new(client))))
            .map_err(none)?;
        Ok(Self { jobs, born: Born::here() })
    }

    /// Has something done, and waits for it. Blocks the calling thread, whatever that is.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl AsyncFnOnce(&Client) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        if !self.born.is_here() {
            // Nobody would answer.
            let said = "this `Api` belongs to the process that this one was forked from; make one here";
            return Err(Failure::Settings(said.to_owned()));
        }
        let (reply, answer) = mpsc::sync_channel(1);
        let job: Job = Box::new(move |client| {
            Box::pin(async move {
                // Whoever asked waits for it.
                drop(reply.send(work(&client).await));
            })
        });
        let gone = || Failure::Settings("the thread that reads from the server has ended".to_owned());
        self.jobs.send(job).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

async fn serve(mut jobs: UnboundedReceiver<Job>, client: Rc<Client>) {
    while let Some(job) = jobs.recv().await {
        drop(tokio::task::spawn_local(job(Rc::clone(&client))));
    }
}
