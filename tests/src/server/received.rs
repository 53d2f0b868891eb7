//! Requests, byte by byte.

use std::io::Read;

use axum::http::{HeaderMap, Method, Uri};
use flate2::read::GzDecoder;

/// One request, byte by byte.
#[derive(Debug, Clone)]
pub struct Received {
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Received {
    pub(super) fn new(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            method: method.to_string(),
            path: uri.to_string(),
            headers: headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
            body: body.to_vec(),
        }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as it was before it was compressed.
    ///
    /// # Errors
    ///
    /// If it says that it is gzip and is not.
    pub fn content(&self) -> std::io::Result<Vec<u8>> {
        match self.header("content-encoding") {
            Some("gzip") => gunzip(&self.body),
            _ => Ok(self.body.clone()),
        }
    }
}

/// What was compressed.
pub(super) fn gunzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut content)?;
    Ok(content)
}
