//! Access tokens for identity tokens.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::Shared;
use super::state::Violation;

/// What a client asks for.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The value of a field of a form.
fn field(form: &str, name: &str) -> Option<String> {
    let (_, value) =
        form.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// An identity token that the server trusts, and the access tokens that it has given for it.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) token: String,
    /// Seconds.
    pub(super) expires_in: u64,
    pub(super) issued: usize,
    /// The token that is good; the ones before are not.
    pub(super) current: Option<String>,
}

/// `POST /oidc/token`.
pub(super) async fn exchange(
    Extract(shared): Extract<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut state = shared.lock();
    state.note_request(&method, &uri, None);
    let path = || uri.path().to_owned();
    if headers.contains_key(header::AUTHORIZATION) {
        state.violations.push(Violation::KeyGivenAway { path: path() });
    }
    let form_type = "application/x-www-form-urlencoded";
    if headers.get(header::CONTENT_TYPE).is_none_or(|sent| sent != form_type) {
        state.malformed(uri.path(), &"not a form");
    }
    let form = String::from_utf8_lossy(&body).into_owned();
    let granted = field(&form, "grant_type").is_some_and(|grant| grant == GRANT);
    let Some(assertion) = field(&form, "assertion").filter(|_| granted) else {
        state.malformed(uri.path(), &"no assertion");
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(identity) = state.identity.as_mut().filter(|identity| identity.token == assertion) else {
        // As a careless server would: with what it was sent.
        let answer = json!({"error": format!("the token {assertion} is not trusted")});
        return (StatusCode::UNAUTHORIZED, Json(answer)).into_response();
    };
    identity.issued += 1;
    let token = format!("access-token-{}-of-the-test-server", identity.issued);
    identity.current = Some(token.clone());
    Json(json!({"access_token": token, "expires_in": identity.expires_in, "token_type": "Bearer"}))
        .into_response()
}
