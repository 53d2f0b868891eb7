//! The storage behind signed URLs: uploads and downloads.

use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::state::{RunKey, State, Violation};

/// The header that every upload must carry, in the form in which clients are told.
pub(super) const UPLOAD_HEADER: &str = "X-Test-Storage:signed";

/// Grants one upload and returns its URL.
pub(super) fn grant(state: &mut State, run: &RunKey, path: &str) -> String {
    state.uploads.push((run.clone(), path.to_owned()));
    format!("{}/storage/{}?signature=granted", state.base_url, state.uploads.len() - 1)
}

/// `PUT /storage/{ticket}`.
pub(super) async fn receive(
    Extract(shared): Extract<Shared>,
    Path(ticket): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut state = shared.lock();
    let path = || uri.path().to_owned();
    state.note_request(&method, &uri, None);
    if headers.contains_key(header::AUTHORIZATION) {
        state.violations.push(Violation::KeyGivenAway { path: path() });
    }
    if let Some((name, value)) = UPLOAD_HEADER.split_once(':')
        && headers.get(name).is_none_or(|sent| sent != value)
    {
        state.violations.push(Violation::UploadHeader { path: path(), header: name.to_owned() });
        return StatusCode::FORBIDDEN;
    }
    let granted = ticket.parse().ok().and_then(|ticket: usize| state.uploads.get(ticket)).cloned();
    let Some((run, file)) = granted.filter(|_| uri.query() == Some("signature=granted")) else {
        state.violations.push(Violation::UnknownPath { method: method.to_string(), path: path() });
        return StatusCode::FORBIDDEN;
    };
    match state.runs.get_mut(&run) {
        Some(run) => {
            run.files.insert(file, body.to_vec());
            StatusCode::OK
        }
        None => StatusCode::NOT_FOUND,
    }
}

/// `GET /storage/{ticket}`.
pub(super) async fn give(
    Extract(shared): Extract<Shared>,
    Path(ticket): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let mut state = shared.lock();
    state.note_request(&method, &uri, None);
    if headers.contains_key(header::AUTHORIZATION) {
        state.violations.push(Violation::KeyGivenAway { path: uri.path().to_owned() });
    }
    let granted = ticket.parse().ok().and_then(|ticket: usize| state.uploads.get(ticket)).cloned();
    let Some((run, file)) = granted.filter(|_| uri.query() == Some("signature=granted")) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    match state.runs.get(&run).and_then(|run| run.files.get(&file)) {
        Some(bytes) => bytes.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
