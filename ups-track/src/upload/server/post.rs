//! Posts: JSON to a path of the server's API, for JSON that comes back.

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use serde_json::{Map, Value};

use super::client::Client;
use crate::upload::Failure;
use crate::upload::transport::{Asked, Endpoint, gzip, is_worth_it};

impl Client {
    /// Posts JSON to a path of the server's API, with the key, and gives the JSON object that comes back. Lines of the file
    /// stream are compressed, if the person and the server want it so.
    ///
    /// # Errors
    ///
    /// What the last attempt met.
    pub(crate) async fn post(
        &self,
        asked: Asked,
        path: &[&str],
        body: Vec<u8>,
    ) -> Result<Map<String, Value>, Failure> {
        let mut headers = HeaderMap::new();
        let mut body = Bytes::from(body);
        if asked.endpoint == Endpoint::FileStream
            && self.preferences().gzip
            && is_worth_it(&body)
            && self.features().await.gzip
            && let Some(packed) = gzip(&body)
        {
            // Once: an attempt that follows sends the same bytes.
            body = packed;
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        self.json(asked, path, headers, body).await
    }
}
