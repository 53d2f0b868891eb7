//! Answers: read to a limit, and what their status and text mean.

use serde_json::Value;

use super::client::Asked;
use crate::upload::Failure;

/// Characters of a message that a person gets to see.
const SHOWN: usize = 300;

/// Reads a body of at most `limit` bytes; none if it is longer.
pub(super) async fn read(
    response: &mut reqwest::Response,
    limit: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
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
pub(super) fn is_web_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// The message in the body of an error, in any of the forms in which servers put it.
pub(super) fn message(body: &[u8]) -> String {
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
    if text.is_empty() { "without a reason".to_owned() } else { shown(text) }
}

/// A message fit for a terminal.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = crate::harmless::clean(text).chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// What a status that is no success means.
pub(super) fn failure(status: u16, asked: Asked, server: &str, message: String) -> Failure {
    let server = server.to_owned();
    match status {
        401 => Failure::Key { server, message },
        403 => Failure::Forbidden { server, message },
        404 | 410 => Failure::Unknown { server, message },
        402 | 429 => Failure::Quota { server, message },
        _ => Failure::Status { server, status, what: asked.what, message },
    }
}
