//! Alerts: in their order, each once.

use std::collections::VecDeque;
use std::rc::Rc;

use super::errand::Errand;
use crate::log::record::Alert;
use crate::upload::server::Target;
use crate::upload::state::Shared;
use crate::upload::{Client, Failure};

/// Alerts that wait. More would be in memory for nothing: whoever reads the log waits as well.
const MOST: usize = 64;

/// The alerts of a run.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    /// How many the log has had so far.
    seen: u64,
    waiting: VecDeque<Alert>,
    /// Whether one has failed, which none goes past: the book says how many are there, not which.
    stopped: bool,
    /// Gives what the server said to one that it does not take.
    errand: Errand<Option<String>>,
}

impl Alerts {
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST
    }

    /// Takes an alert of the log, unless an earlier upload has sent it.
    pub(crate) fn push(&mut self, alert: Alert, book: &Shared) {
        self.seen += 1;
        if !self.stopped && self.seen > book.borrow().sending.alerts {
            self.waiting.push_back(alert);
        }
    }

    /// Goes on, without waiting; gives what the server refused.
    pub(crate) async fn go_on(
        &mut self,
        client: &Rc<Client>,
        target: &Target,
        book: &Shared,
    ) -> Result<Option<String>, Failure> {
        let refused = self.errand.ended().await.transpose()?;
        self.next(client, target, book);
        Ok(refused.flatten())
    }

    /// Waits until the next one is through; gives what the server refused. None if there is none.
    pub(crate) async fn one(
        &mut self,
        client: &Rc<Client>,
        target: &Target,
        book: &Shared,
    ) -> Result<Option<Option<String>>, Failure> {
        self.next(client, target, book);
        self.errand.end().await.transpose()
    }

    /// One has failed for good: no more are sent.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
        self.waiting.clear();
    }

    /// Waits for what is on its way, so that it is known whether it arrived.
    pub(crate) async fn settle(&mut self) {
        // What became of it is in the book.
        drop(self.errand.end().await);
    }

    fn next(&mut self, client: &Rc<Client>, target: &Target, book: &Shared) {
        if !self.errand.is_free() {
            return;
        }
        let Some(alert) = self.waiting.pop_front() else { return };
        let (client, target, book) = (Rc::clone(client), target.clone(), Rc::clone(book));
        self.errand.begin(async move {
            let refused = match client.alert(&target, &alert).await {
                Ok(()) => None,
                // A server that takes no alerts takes the rest.
                Err(e @ Failure::Refused { .. }) => Some(e.to_string()),
                Err(e) => return Err(e),
            };
            book.borrow_mut().alerted()?;
            Ok(refused)
        });
    }
}
