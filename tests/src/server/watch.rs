//! What every request is checked for, whichever path it goes to and whatever fault it meets.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};

use super::API_KEY;
use super::state::{State, Violation};

/// [`API_KEY`] as it stands in the `Authorization` header.
const ENCODED: &str = "YXBpOnVwc190cmFja190ZXN0X3NlcnZlcl9rZXlfMDEyMzQ1Njc4OWFiY2Q";

/// Notes what is wrong with a request as such.
pub(super) fn watch(state: &mut State, parts: &Parts, body: &[u8]) {
    let path = parts.uri.path().to_owned();
    for place in places_of_the_key(parts, body) {
        state.violations.push(Violation::KeyElsewhere { path: path.clone(), place });
    }
    // What is neither a query nor lines has a form of its own.
    if parts.method == Method::POST
        && !body.is_empty()
        && !["/sdk/", "/oidc/"].iter().any(|other| path.starts_with(other))
    {
        let sent = text(&parts.headers, header::CONTENT_TYPE.as_str());
        let kind = sent.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            state.violations.push(Violation::ContentType { path: path.clone(), sent: sent.to_owned() });
        }
    }
    // Storages behind signed URLs refuse an upload that comes in chunks.
    if parts.method == Method::PUT && !parts.headers.contains_key(header::CONTENT_LENGTH) {
        state.violations.push(Violation::NoLength { path });
    }
}

/// Where the key is and does not belong: everywhere but in the header that is made for it.
fn places_of_the_key(parts: &Parts, body: &[u8]) -> Vec<String> {
    let has = |bytes: &[u8]| {
        [API_KEY, ENCODED].iter().any(|key| bytes.windows(key.len()).any(|window| window == key.as_bytes()))
    };
    let mut places = Vec::new();
    if has(parts.uri.to_string().as_bytes()) {
        places.push("the URL".to_owned());
    }
    let others = parts.headers.iter().filter(|(name, _)| **name != header::AUTHORIZATION);
    places.extend(
        others.filter(|(_, value)| has(value.as_bytes())).map(|(name, _)| format!("the header {name}")),
    );
    if has(body) {
        places.push("the body".to_owned());
    }
    places
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
