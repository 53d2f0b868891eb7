//! The client: one connection pool, and the two kinds of requests.

use std::fs::File;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, StatusCode, Url};

use super::retry::{Endpoint, Policy, retry_after};
use super::{FileBody, Pulse, answer, fault, tls};
use crate::settings::Sources;
use crate::upload::Failure;
use crate::upload::access::{Address, Key};

/// Bytes of an error's body that are looked at.
const ERROR_LIMIT: usize = 64 * 1024;

/// Places to which the storage may send an upload on.
const MOST_REDIRECTS: usize = 5;

/// Hears of every attempt that failed and will be repeated, and (none) of the one that then succeeded.
pub(crate) type Trouble = Rc<dyn Fn(Option<&Failure>)>;

/// Talks to one server.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: Address,
    key: Key,
    authorization: HeaderValue,
    graphql: Policy,
    stream: Policy,
    storage: Policy,
    pulse: Arc<Pulse>,
    trouble: Option<Trouble>,
    /// The id of this process among those that write one run.
    writer: Option<HeaderValue>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What is asked, for messages and rules.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) endpoint: Endpoint,
    pub(crate) what: &'static str,
    /// Bytes that the answer may have.
    pub(crate) limit: usize,
}

/// An upload takes no longer than this, at so many bytes per second.
const SETTLING: Duration = Duration::from_mins(2);
const SLOWEST: u64 = 16 * 1024;

/// One upload to the storage.
pub(crate) struct Put<'a> {
    pub(crate) url: &'a str,
    /// What the server wants to have sent along.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) length: u64,
    /// Opens the bytes, once per attempt.
    pub(crate) open: &'a dyn Fn() -> std::io::Result<File>,
}

/// An attempt that failed, and whether another one may help.
struct Attempt {
    again: bool,
    asked_wait: Option<Duration>,
    failure: Failure,
}

impl Attempt {
    fn last(failure: Failure) -> Self {
        Self { again: false, asked_wait: None, failure }
    }

    fn again(failure: Failure) -> Self {
        Self { again: true, asked_wait: None, failure }
    }
}

impl Client {
    /// A client for a server. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// If a setting is bad or TLS cannot be set up.
    pub(crate) fn new(address: &Address, key: &Key, sources: &Sources) -> Result<Self, Failure> {
        let internal = |e: &dyn std::fmt::Display| Failure::Settings(format!("cannot set up HTTP: {e}"));
        let tls = tls::config().map_err(|e| internal(&e))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            // Where a request may be sent on is decided below, with the key in mind.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(30))
            .user_agent(concat!("ups-track/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| internal(&e))?;
        let basic = BASE64_STANDARD.encode(format!("api:{}", key.reveal()));
        let mut authorization = HeaderValue::try_from(format!("Basic {basic}")).map_err(|e| internal(&e))?;
        authorization.set_sensitive(true);
        let policy = |endpoint| Policy::of(endpoint, sources).map_err(Failure::Settings);
        Ok(Self {
            http,
            address: address.clone(),
            key: key.clone(),
            authorization,
            graphql: policy(Endpoint::GraphQl)?,
            stream: policy(Endpoint::FileStream)?,
            storage: policy(Endpoint::Storage)?,
            pulse: Arc::default(),
            trouble: None,
            writer: None,
        })
    }

    /// For an upload that goes along with its run: it does not give up by itself, however long the server is away.
    pub(crate) fn for_run(mut self, pulse: Arc<Pulse>, trouble: Trouble) -> Self {
        self.graphql = self.graphql.endless();
        self.stream = self.stream.endless();
        self.storage = self.storage.endless();
        self.pulse = pulse;
        self.trouble = Some(trouble);
        self
    }

    /// The same client for one of several processes that write one run: the server tells them apart by this id.
    ///
    /// # Errors
    ///
    /// If the id has characters that a header cannot have.
    pub(crate) fn for_writer(&self, id: &str) -> Result<Self, Failure> {
        let id = HeaderValue::try_from(id)
            .map_err(|_| Failure::Log(format!("`{}` is no id of a writer", crate::harmless::clean(id))))?;
        Ok(Self { writer: Some(id), ..self.clone() })
    }

    /// What tells the server which of several writers this is.
    fn writer_headers(&self, endpoint: Endpoint) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(id) = &self.writer {
            let name = match endpoint {
                Endpoint::FileStream => "x-wandb-async-client-id",
                _ => "x-wandb-client-id",
            };
            headers.insert("x-wandb-use-async-filestream", HeaderValue::from_static("true"));
            headers.insert(name, id.clone());
        }
        headers
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// A message of the server, fit for a terminal and without the key.
    pub(crate) fn shown(&self, text: &str) -> String {
        answer::shown(&self.key.hide_in(text))
    }

    fn policy(&self, endpoint: Endpoint) -> &Policy {
        match endpoint {
            Endpoint::GraphQl | Endpoint::UpsertBucket => &self.graphql,
            Endpoint::FileStream => &self.stream,
            Endpoint::Storage => &self.storage,
        }
    }

    /// Posts JSON to a path of the server's API, with the key, and gives the JSON object that comes back.
    ///
    /// # Errors
    ///
    /// What the last attempt met.
    pub(crate) async fn post(
        &self,
        asked: Asked,
        path: &[&str],
        body: Vec<u8>,
    ) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
        let url = self.address.api(path);
        let body = bytes::Bytes::from(body);
        let length = body.len() as u64;
        let answer =
            self.retrying(asked.endpoint, async || self.post_once(asked, &url, body.clone()).await).await?;
        self.pulse.beat(length);
        Ok(answer)
    }

    async fn post_once(
        &self,
        asked: Asked,
        url: &str,
        body: bytes::Bytes,
    ) -> Result<serde_json::Map<String, serde_json::Value>, Attempt> {
        let request = self
            .http
            .post(url)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/json")
            .headers(self.writer_headers(asked.endpoint))
            .timeout(self.policy(asked.endpoint).attempt)
            .body(body);
        let server = self.address.base();
        let mut response = request.send().await.map_err(|e| self.broken(&e, server, asked.endpoint))?;
        if response.status().is_redirection() {
            let to = location(&response).map_or_else(|| "nowhere".to_owned(), |url| origin(&url));
            return Err(Attempt::last(Failure::Redirect { server: server.to_owned(), to }));
        }
        if !response.status().is_success() {
            return Err(self.unsuccessful(asked, server, &mut response).await);
        }
        let body = answer::read(&mut response, asked.limit)
            .await
            .map_err(|e| self.broken(&e, server, asked.endpoint))?;
        let Some(body) = body else {
            let (server, what) = (server.to_owned(), asked.what);
            return Err(Attempt::last(Failure::TooLarge { server, what, limit: asked.limit }));
        };
        if answer::is_web_page(&body) {
            return Err(Attempt::last(Failure::WebPage { server: server.to_owned() }));
        }
        serde_json::from_slice(&body).map_err(|e| {
            let message = format!("{e}: {}", self.shown(&String::from_utf8_lossy(&body)));
            Attempt::again(Failure::Answer { server: server.to_owned(), what: asked.what, message })
        })
    }

    /// Puts bytes to a signed URL: without the key, with the headers that the server gave.
    ///
    /// # Errors
    ///
    /// What the last attempt met.
    pub(crate) async fn put(&self, put: &Put<'_>) -> Result<(), Failure> {
        self.retrying(Endpoint::Storage, async || self.put_once(put).await).await
    }

    async fn put_once(&self, put: &Put<'_>) -> Result<(), Attempt> {
        let asked = Asked { endpoint: Endpoint::Storage, what: "an upload", limit: ERROR_LIMIT };
        let mut url = self.storage_url(put.url).map_err(Attempt::last)?;
        for _ in 0..=MOST_REDIRECTS {
            let server = origin(&url);
            let local = |e: std::io::Error| {
                let (action, path) = ("read", std::path::PathBuf::from("the file to upload"));
                Attempt::last(Failure::File { action, path, source: e })
            };
            let file = (put.open)().map_err(local)?;
            let request = self
                .http
                .request(Method::PUT, url.clone())
                .headers(put.headers.clone())
                // Of an empty file as well, about which the HTTP library says nothing; a storage insists on it.
                .header(CONTENT_LENGTH, put.length)
                .timeout(
                    self.storage.attempt.min(SETTLING + Duration::from_secs(put.length.div_ceil(SLOWEST))),
                )
                .body(reqwest::Body::wrap(FileBody::new(file, put.length, Arc::clone(&self.pulse))));
            let mut response =
                request.send().await.map_err(|e| self.broken(&e, &server, Endpoint::Storage))?;
            match response.status() {
                status if status.is_success() => return Ok(()),
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {
                    let to = location(&response).ok_or_else(|| {
                        Attempt::last(Failure::Redirect { server: server.clone(), to: "nowhere".to_owned() })
                    })?;
                    url = self.storage_url(to.as_str()).map_err(Attempt::last)?;
                }
                _ => return Err(self.unsuccessful(asked, &server, &mut response).await),
            }
        }
        Err(Attempt::last(Failure::Redirect { server: origin(&url), to: "too many places".to_owned() }))
    }

    /// The URL of an upload. What the server sends over TLS is not sent on without.
    fn storage_url(&self, text: &str) -> Result<Url, Failure> {
        let server = || self.address.base().to_owned();
        let bad = |message: &str| Failure::Answer {
            server: server(),
            what: "the request for an upload",
            message: message.to_owned(),
        };
        let url =
            Url::parse(text).map_err(|e| bad(&format!("the address of the storage is no URL ({e})")))?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if !self.address.is_https() => Ok(url),
            scheme => Err(bad(&format!("the address of the storage begins with {}://", self.shown(scheme)))),
        }
    }

    fn broken(&self, error: &reqwest::Error, server: &str, endpoint: Endpoint) -> Attempt {
        let (again, failure) = fault::of(error, server, self.policy(endpoint).attempt);
        Attempt { again, asked_wait: None, failure }
    }

    async fn unsuccessful(&self, asked: Asked, server: &str, response: &mut reqwest::Response) -> Attempt {
        let status = response.status().as_u16();
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let asked_wait = wait.and_then(|value| retry_after(value, SystemTime::now()));
        // The status says enough if the body does not come, or does not end.
        let body = answer::read(response, ERROR_LIMIT).await.ok().flatten().unwrap_or_default();
        let message = self.shown(&answer::message(&body));
        let failure = answer::failure(status, asked, server, message);
        Attempt { again: !asked.endpoint.is_final(status), asked_wait, failure }
    }

    /// Tries until it succeeds, cannot succeed, or has been tried enough.
    async fn retrying<T>(
        &self,
        endpoint: Endpoint,
        mut attempt: impl AsyncFnMut() -> Result<T, Attempt>,
    ) -> Result<T, Failure> {
        let policy = *self.policy(endpoint);
        let began = Instant::now();
        for failed in 1.. {
            let Attempt { again, asked_wait, failure } = match attempt().await {
                Ok(done) => {
                    self.pulse.beat(1);
                    if let (true, Some(trouble)) = (failed > 1, &self.trouble) {
                        trouble(None);
                    }
                    return Ok(done);
                }
                Err(failed) => failed,
            };
            if !again {
                return Err(failure);
            }
            let took = began.elapsed();
            let Some(wait) = policy.wait(failed, took, asked_wait, random()) else {
                return Err(Failure::GaveUp { cause: Box::new(failure), attempts: failed, took });
            };
            if let Some(trouble) = &self.trouble {
                trouble(Some(&failure));
            }
            self.pulse.rest(wait).await;
        }
        Err(Failure::Settings("too many attempts".to_owned()))
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

fn location(response: &reqwest::Response) -> Option<Url> {
    response.url().join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

/// Scheme, host and port: what may be shown of a URL that may be signed.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// A number between 0 and 1.
fn random() -> f64 {
    f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX)
}
