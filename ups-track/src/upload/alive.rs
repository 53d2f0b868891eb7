//! Signs of life while something takes long.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::sync::Notify;

use super::state::Shared;
use super::stream::{Extras, Stream};
use super::{Client, Failure};

/// Waits for something, and meanwhile shows the server that the run is alive, and sends the lines that there are. Neither
/// waits for the other, but for both at the end.
pub(super) async fn alive<T>(
    stream: &mut Stream,
    client: &Client,
    book: &Shared,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    let ended = Notify::new();
    let work = async {
        let done = work.await;
        ended.notify_one();
        done
    };
    let beats = async {
        while tokio::time::timeout(stream.until_heartbeat(), ended.notified()).await.is_err() {
            stream.send(client, book, &Extras::default()).await?;
        }
        Ok(())
    };
    // Either is large.
    let (done, beats) = both(Box::pin(work), Box::pin(beats)).await;
    beats.map(|()| done)
}

/// Waits for two things at the same time.
async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(move |context| {
        if first.is_none()
            && let Poll::Ready(done) = one.as_mut().poll(context)
        {
            first = Some(done);
        }
        if second.is_none()
            && let Poll::Ready(done) = other.as_mut().poll(context)
        {
            second = Some(done);
        }
        match (first.take(), second.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}
