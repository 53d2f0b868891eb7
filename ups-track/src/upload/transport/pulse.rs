//! What an upload and those who wait for it tell each other: that it goes on, and that it shall hurry.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// The longest wait between two attempts once somebody waits for the end.
const HURRIED: Duration = Duration::from_secs(2);

/// The pulse of an upload.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Bytes that left us, and answers that came: as long as this grows, the server is there.
    beats: AtomicU64,
    hurried: AtomicBool,
    hurry: Notify,
}

impl Pulse {
    /// The server took something.
    pub(crate) fn beat(&self, bytes: u64) {
        self.beats.fetch_add(bytes.max(1), Ordering::Relaxed);
    }

    /// A number that grows while the upload makes progress.
    pub(crate) fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// Ends the wait for the next attempt, and makes those that follow short.
    pub(crate) fn hurry(&self) {
        self.hurried.store(true, Ordering::Release);
        self.hurry.notify_waiters();
    }

    /// Waits before the next attempt.
    pub(super) async fn rest(&self, wait: Duration) {
        let hurry = self.hurry.notified();
        if self.hurried.load(Ordering::Acquire) {
            tokio::time::sleep(wait.min(HURRIED)).await;
        } else {
            // An error is the end of the wait.
            drop(tokio::time::timeout(wait, hurry).await);
        }
    }
}
