//! The limit of what is sent, for the bodies of requests that are on their way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use std::{fmt, pin::Pin};

use tokio::time::Sleep;

use super::bandwidth::{Bandwidth, Lane, Turn};

/// All requests of a client go through one of these, if there is a limit.
#[derive(Debug)]
pub(super) struct Gate {
    began: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    bandwidth: Bandwidth,
    /// Bodies of files that wait for lines.
    waiting: Vec<Waker>,
}

impl Gate {
    pub(super) fn new(rate: u64) -> Arc<Self> {
        let inner = Inner { bandwidth: Bandwidth::new(rate), waiting: Vec::new() };
        Arc::new(Self { began: Instant::now(), inner: Mutex::new(inner) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long it takes to send so many bytes.
    pub(super) fn time_for(&self, bytes: u64) -> Duration {
        self.lock().bandwidth.time_for(bytes)
    }

    /// The pass of one body. From here on until the body is out or given up, lines go before files.
    pub(super) fn pass(self: &Arc<Self>, lane: Lane) -> Pass {
        let mut inner = self.lock();
        if lane == Lane::Lines {
            inner.bandwidth.lines_begin();
        }
        Pass { gate: Arc::clone(self), lane, piece: inner.bandwidth.piece(), sleep: None }
    }
}

/// Lets the pieces of one body through, one after the other.
pub(super) struct Pass {
    gate: Arc<Gate>,
    lane: Lane,
    /// Bytes that may be asked for at a time.
    pub(super) piece: usize,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pass").field(&self.lane).finish()
    }
}

impl Pass {
    /// Ready when a piece of so many bytes may go; it is counted then.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, bytes: usize) -> Poll<()> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                std::task::ready!(sleep.as_mut().poll(context));
                self.sleep = None;
            }
            let mut inner = self.gate.lock();
            match inner.bandwidth.ask(self.lane, bytes, self.gate.began.elapsed()) {
                Turn::Now => return Poll::Ready(()),
                Turn::After(wait) => self.sleep = Some(Box::pin(tokio::time::sleep(wait))),
                Turn::AfterLines => {
                    inner.waiting.push(context.waker().clone());
                    return Poll::Pending;
                }
            }
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inner = self.gate.lock();
        if self.lane == Lane::Lines && inner.bandwidth.lines_end() {
            inner.waiting.drain(..).for_each(Waker::wake);
        }
    }
}
