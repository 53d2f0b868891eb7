//! Answers: read to a limit, and what their status and text mean.

use std::time::SystemTime;

use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use serde_json::Value;

use super::attempt::Attempt;
use super::retry::{Endpoint, retry_after};
use crate::upload::Failure;

/// Characters of a message that a person gets to see.
const SHOWN: usize = 300;

/// Bytes of an error's body that are looked at.
const ERROR_LIMIT: usize = 64 * 1024;

/// What is asked, for messages and rules.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) endpoint: Endpoint,
    pub(crate) what: &'static str,
    /// Bytes that the answer may have.
    pub(crate) limit: usize,
}

/// An answer, read to a limit.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    /// Where it is from.
    url: Url,
    /// None if it is longer than it may be.
    pub(crate) body: Option<Vec<u8>>,
}

impl Answer {
    /// Reads it, up to so many bytes.
    pub(super) async fn read(mut response: reqwest::Response, limit: usize) -> Result<Self, reqwest::Error> {
        let status = response.status();
        let body = if status.is_success() {
            read(&mut response, limit).await?
        } else {
            // The status says enough if the body does not come, or does not end.
            read(&mut response, ERROR_LIMIT).await.ok().flatten()
        };
        Ok(Self { status, headers: response.headers().clone(), url: response.url().clone(), body })
    }

    /// A header, if it is one that can be read.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Scheme, host and port of the place to which it sends us.
    pub(crate) fn leads_to(&self) -> String {
        let to = self.headers.get(LOCATION).and_then(|to| self.url.join(to.to_str().ok()?).ok());
        to.map_or_else(|| "nowhere".to_owned(), |url| url.origin().ascii_serialization())
    }

    /// What a status that is no success means. `hide` takes out of the server's message what nobody may see.
    pub(crate) fn refusal(&self, asked: Asked, server: &str, hide: impl FnOnce(&str) -> String) -> Attempt {
        let status = self.status.as_u16();
        let wait = self.header(RETRY_AFTER.as_str());
        let asked_wait = wait.and_then(|value| retry_after(value, SystemTime::now()));
        let message = shown(&hide(&message(self.body.as_deref().unwrap_or_default())));
        let failure = failure(status, asked, server, message);
        Attempt { again: !asked.endpoint.is_final(status), asked_wait, failure }
    }

    /// Whether this is a page for people.
    pub(crate) fn is_web_page(&self) -> bool {
        self.body.as_deref().is_some_and(is_web_page)
    }
}

/// Reads a body of at most `limit` bytes; none if it is longer.
async fn read(response: &mut reqwest::Response, limit: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body))
}

/// Whether this is a page for people.
fn is_web_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// The message in the body of an error, in any of the forms in which servers put it.
fn message(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(answer)) => {
            let said = |value: &Value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Object(error) => error.get("message")?.as_str().map(str::to_owned),
                _ => None,
            };
            let errors = answer.get("errors").and_then(Value::as_array).into_iter().flatten();
            let all = answer.get("error").into_iter().chain(errors).chain(answer.get("message"));
            all.filter_map(said).collect::<Vec<_>>().join("; ")
        }
        _ if is_web_page(body) => "a web page".to_owned(),
        _ => String::from_utf8_lossy(body).into_owned(),
    };
    let text = text.trim();
    if text.is_empty() { "without a reason".to_owned() } else { text.to_owned() }
}

/// A message fit for a terminal.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = crate::harmless::clean(text).chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// What a status that is no success means.
fn failure(status: u16, asked: Asked, server: &str, message: String) -> Failure {
    let server = server.to_owned();
    match status {
        401 => Failure::Key { server, message },
        403 => Failure::Forbidden { server, message },
        404 | 410 => Failure::Unknown { server, message },
        402 | 429 => Failure::Quota { server, message },
        _ => Failure::Status { server, status, what: asked.what, message },
    }
}
