//! What can go wrong between a client and the server, on request.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use serde_json::Value;

use super::watch::watch;
use super::{Received, Shared};

/// A body of blanks that does not end.
struct Blanks;

impl HttpBody for Blanks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        const PIECE: &[u8] = &[b' '; 16 * 1024];
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(PIECE)))))
    }
}

/// Which requests meet a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Any.
    Anywhere,
    /// A GraphQL operation.
    Operation(&'static str),
    /// The file stream.
    Stream,
    /// The storage behind signed URLs.
    Storage,
    /// This path.
    Path(&'static str),
}

/// What a request meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// An error of this status; with a `Retry-After`, if there is one. Nothing was done.
    Status(u16, Option<&'static str>),
    /// The connection ends before anything was done.
    DropBefore,
    /// All was done, and the connection ends before the answer.
    DropAfter,
    /// All was done, and the answer is this.
    Answer(&'static [u8]),
    /// Nothing was done, and the answer is this.
    AnswerOnly(&'static [u8]),
    /// All was done, and the answer has these headers as well.
    Headers(&'static [(&'static str, &'static str)]),
    /// Nothing was done, and the answer is said to be gzip.
    Gzip(Vec<u8>),
    /// The answer comes after this many milliseconds.
    Slow(u64),
    /// All was done, and the answer comes after this many milliseconds.
    SlowAnswer(u64),
    /// All was done, and the connection ends in the middle of the answer.
    Truncated,
    /// The answer has this many bytes.
    Huge(usize),
    /// The answer has no end.
    Endless,
    /// Nothing is done before [`Server::release`](super::Server::release).
    Hold,
    /// All is elsewhere: below this address.
    Redirect(String),
}

impl Place {
    pub(super) fn is(self, path: &str, operation: Option<&str>) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Operation(name) => operation == Some(name),
            Self::Stream => path.ends_with("/file_stream"),
            Self::Storage => path.starts_with("/storage/"),
            Self::Path(whole) => path == whole,
        }
    }
}

/// Lets a request meet the next fault of its place.
pub(super) async fn inject(Extract(shared): Extract<Shared>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // A body that breaks off is none of ours.
    let Ok(body) = to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
    let (path, operation) = (parts.uri.path().to_owned(), operation(&body));
    let fault = {
        let mut state = shared.lock();
        state.received.push(Received::new(&parts.method, &parts.uri, &parts.headers, &body));
        watch(&mut state, &parts, &body);
        let met = state.faults.iter().position(|(place, _)| place.is(&path, operation.as_deref()));
        let listed = met.map(|at| state.faults.remove(at).1).or_else(|| state.always.clone());
        listed.or_else(|| state.storm.as_mut()?.next(&path))
    };
    let run = || next.run(Request::from_parts(parts, Body::from(body)));
    match fault {
        None => run().await,
        Some(Fault::Status(status, wait)) => refusal(status, wait),
        Some(Fault::DropBefore) => drop_connection(),
        Some(Fault::DropAfter) => {
            drop(run().await);
            drop_connection()
        }
        Some(Fault::Answer(answer)) => {
            drop(run().await);
            answer.into_response()
        }
        Some(Fault::AnswerOnly(answer)) => answer.into_response(),
        Some(Fault::Slow(millis)) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            run().await
        }
        Some(Fault::Headers(headers)) => {
            let mut response = run().await;
            for (name, value) in headers {
                response.headers_mut().insert(*name, HeaderValue::from_static(value));
            }
            response
        }
        Some(Fault::Gzip(answer)) => ([(header::CONTENT_ENCODING, "gzip")], answer).into_response(),
        Some(Fault::Endless) => Body::new(Blanks).into_response(),
        Some(Fault::SlowAnswer(millis)) => {
            let answer = run().await;
            tokio::time::sleep(Duration::from_millis(millis)).await;
            answer
        }
        Some(Fault::Hold) => {
            while !shared.lock().released {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            run().await
        }
        Some(Fault::Truncated) => truncated(run().await).await,
        Some(Fault::Huge(bytes)) => vec![b' '; bytes].into_response(),
        Some(Fault::Redirect(to)) => {
            let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
            if let Ok(to) = HeaderValue::try_from(format!("{to}{path}")) {
                response.headers_mut().insert(header::LOCATION, to);
            }
            response
        }
    }
}

/// The answer with a body that breaks off in the middle.
async fn truncated(answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    Response::from_parts(parts, Body::new(BreaksOff(Some(body.slice(..body.len() / 2)))))
}

/// Some bytes, and then no end.
struct BreaksOff(Option<Bytes>);

impl http_body::Body for BreaksOff {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = self.0.take().map(Frame::data).ok_or("the test breaks off");
        Poll::Ready(Some(next))
    }
}

/// The operation of a GraphQL request.
fn operation(body: &Bytes) -> Option<String> {
    if !body.starts_with(b"{") {
        return None;
    }
    let request: Value = serde_json::from_slice(body).ok()?;
    request.get("operationName")?.as_str().map(str::to_owned)
}

fn refusal(status: u16, wait: Option<&'static str>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, r#"{"error":"a fault of the test"}"#).into_response();
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(wait));
    }
    response
}

/// Ends the task of the connection, without a word.
fn drop_connection() -> ! {
    std::panic::resume_unwind(Box::new("the test drops the connection"))
}
