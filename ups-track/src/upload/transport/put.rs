//! Bytes of files, to the storage behind signed URLs.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};

use super::answer::{Answer, Asked};
use super::attempt::Attempt;
use super::bandwidth::Lane;
use super::body::{Digest, FilePieces, Paced};
use super::place::{MOST_REDIRECTS, Place, at_least};
use super::pool::Transport;
use super::retry::Endpoint;
use crate::upload::Failure;

/// How many times longer an upload may take under a limit than it would alone: others are under way as well.
const SHARED: u32 = 32;

/// One upload to the storage.
pub(crate) struct Put<'a> {
    pub(crate) place: &'a Place,
    /// What the server wants to have sent along.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) length: u64,
    /// What the bytes must be.
    pub(crate) digest: Digest,
    /// Opens the bytes, once per attempt.
    pub(crate) open: &'a (dyn Fn() -> std::io::Result<File> + Sync),
}

impl Transport {
    /// Puts bytes to a signed URL, with the headers that the server gave.
    ///
    /// # Errors
    ///
    /// What the last attempt met; [`Failure::Changing`] if the bytes are others than those of the digest.
    pub(crate) async fn put(&self, put: &Put<'_>) -> Result<(), Failure> {
        self.retrying(Endpoint::Storage, async || self.put_once(put).await).await
    }

    async fn put_once(&self, put: &Put<'_>) -> Result<(), Attempt> {
        let asked = Asked { endpoint: Endpoint::Storage, what: "an upload", limit: 0 };
        let mut place = put.place.clone();
        for _ in 0..=MOST_REDIRECTS {
            let server = place.origin();
            let local = |e: std::io::Error| {
                let (action, path) = ("read", std::path::PathBuf::from("the file to upload"));
                Attempt::last(Failure::File { action, path, source: e })
            };
            let file = (put.open)().map_err(local)?;
            let changed = Arc::new(AtomicBool::new(false));
            let pieces = FilePieces::new(file, put.length, put.digest, Arc::clone(&changed));
            let pass = self.gate.as_ref().map(|gate| gate.pass(Lane::Files));
            // What may be secret does not go to another place than the server has named.
            let request = if place.is_beside(put.place) {
                self.to(Method::PUT, place.url())
            } else {
                self.bare(Method::PUT, place.url())
            };
            let request = request
                .headers(put.headers.clone())
                // Of an empty file as well, about which the HTTP library says nothing; a storage insists on it.
                .header(CONTENT_LENGTH, put.length)
                .timeout(self.time_for(put.length))
                .body(reqwest::Body::wrap(Paced::new(pieces, pass, Arc::clone(&self.pulse))));
            let response = request.send().await.map_err(|e| {
                if changed.load(Ordering::Relaxed) {
                    Attempt::last(Failure::Changing)
                } else {
                    self.broken(&e, &server, Endpoint::Storage)
                }
            })?;
            match response.status() {
                // Whatever it says: this was not the whole file.
                _ if changed.load(Ordering::Relaxed) => return Err(Attempt::last(Failure::Changing)),
                status if status.is_success() => return Ok(()),
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {
                    place = place.next(&response).map_err(Attempt::last)?;
                }
                _ => {
                    let answer = Answer::read(response, 0).await;
                    let answer = answer.map_err(|e| self.broken(&e, &server, Endpoint::Storage))?;
                    return Err(answer.refusal(asked, &server, str::to_owned));
                }
            }
        }
        Err(Attempt::last(place.too_many()))
    }

    /// How long an upload of so many bytes may take.
    fn time_for(&self, bytes: u64) -> Duration {
        let limited = self.gate.as_ref().map_or(Duration::ZERO, |gate| gate.time_for(bytes));
        let most = at_least(bytes).saturating_add(limited.saturating_mul(SHARED));
        self.policy(Endpoint::Storage).attempt.min(most)
    }
}

/// The headers that a server wants to have with an upload, from its `Name: value` lines.
///
/// # Errors
///
/// The line that is no header, or one that must not be set from outside.
pub(crate) fn upload_headers(lines: &[String]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| line.clone())?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| line.clone())?;
        // The length is that of the file, and the host that of the URL.
        if ["content-length", "transfer-encoding", "host", "connection"].contains(&name.as_str()) {
            continue;
        }
        headers.append(name, HeaderValue::try_from(value.trim()).map_err(|_| line.clone())?);
    }
    Ok(headers)
}
