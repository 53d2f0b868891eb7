//! The client: one pool of connections, and the requests that bear what lets us in.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{IntoUrl, Method, RequestBuilder, Url};
use serde_json::{Map, Value};
use tokio::sync::{OnceCell, Semaphore};

use super::authorization::Authorization;
use super::bandwidth::Lane;
use super::body::Paced;
use super::gate::Gate;
use super::pulse::Pulse;
use super::rate_limit::{Quota, RateLimit};
use super::retry::{Endpoint, Policy, retry_after};
use super::{answer, connect, fault, packed};
use crate::settings::Sources;
use crate::upload::Failure;
use crate::upload::access::{Address, Credential, Preferences};
use crate::upload::graphql::Features;

/// Bytes of an error's body that are looked at.
pub(super) const ERROR_LIMIT: usize = 64 * 1024;

/// Hears of every attempt that failed and will be repeated, and after which time, and (none) of the one that then succeeded.
pub(crate) type Trouble = Arc<dyn Fn(Option<(&Failure, Duration)>) + Send + Sync>;

/// Files that are sent at the same time, if nobody wants it otherwise.
const TRANSFERS: usize = 8;

/// Talks to one server.
pub(crate) struct Client {
    http: reqwest::Client,
    address: Address,
    credential: Credential,
    authorization: Arc<Authorization>,
    preferences: Preferences,
    /// The limit of what is sent, if there is one.
    pub(super) gate: Option<Arc<Gate>>,
    /// What the server can do, as soon as somebody has asked.
    pub(in crate::upload) features: Arc<OnceCell<Features>>,
    began: Instant,
    rate_limit: Arc<Mutex<RateLimit>>,
    /// One for each file that may be on its way.
    pub(in crate::upload) transfers: Arc<Semaphore>,
    graphql: Policy,
    stream: Policy,
    storage: Policy,
    token: Policy,
    pub(super) pulse: Arc<Pulse>,
    trouble: Option<Trouble>,
    /// The id of this process among those that write one run.
    writer: Option<HeaderValue>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

/// An attempt that failed, and whether another one may help.
pub(super) struct Attempt {
    again: bool,
    asked_wait: Option<Duration>,
    failure: Failure,
}

impl Attempt {
    pub(super) fn last(failure: Failure) -> Self {
        Self { again: false, asked_wait: None, failure }
    }

    pub(super) fn again(failure: Failure) -> Self {
        Self { again: true, asked_wait: None, failure }
    }

    /// What has failed may succeed now.
    pub(super) fn at_once(failure: Failure) -> Self {
        Self { again: true, asked_wait: Some(Duration::ZERO), failure }
    }

    /// The same attempt with another failure.
    pub(super) fn map(self, change: impl FnOnce(Failure) -> Failure) -> Self {
        Self { failure: change(self.failure), ..self }
    }
}

impl Client {
    /// A client for a server. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// If a setting is bad or TLS cannot be set up.
    pub(crate) fn new(
        address: &Address,
        credential: &Credential,
        sources: &Sources,
    ) -> Result<Self, Failure> {
        let preferences = Preferences::find(sources)?;
        let policy = |endpoint| Policy::of(endpoint, sources).map_err(Failure::Settings);
        Ok(Self {
            http: connect::pool(&preferences)?,
            address: address.clone(),
            credential: credential.clone(),
            authorization: Authorization::new(credential)
                .map(Arc::new)
                .map_err(|e| Failure::Settings(format!("cannot use the key: {e}")))?,
            gate: preferences.limit.map(Gate::new),
            preferences,
            features: Arc::default(),
            began: Instant::now(),
            rate_limit: Arc::default(),
            transfers: Arc::new(Semaphore::new(TRANSFERS)),
            graphql: policy(Endpoint::GraphQl)?,
            stream: policy(Endpoint::FileStream)?,
            storage: policy(Endpoint::Storage)?,
            token: policy(Endpoint::Token)?,
            pulse: Arc::default(),
            trouble: None,
            writer: None,
        })
    }

    /// Whether the settings are such that there can be a client.
    ///
    /// # Errors
    ///
    /// If one of them is bad.
    pub(crate) fn check(sources: &Sources) -> Result<(), Failure> {
        Preferences::find(sources)?;
        for endpoint in [Endpoint::GraphQl, Endpoint::FileStream, Endpoint::Storage, Endpoint::Token] {
            Policy::of(endpoint, sources).map_err(Failure::Settings)?;
        }
        Ok(())
    }

    /// For an upload that goes along with its run: it does not give up by itself, however long the server is away.
    pub(crate) fn for_run(mut self, pulse: Arc<Pulse>, trouble: Trouble) -> Self {
        self.graphql = self.graphql.endless();
        self.stream = self.stream.endless();
        self.storage = self.storage.endless();
        self.token = self.token.endless();
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
        Ok(Self { writer: Some(id), ..self.again() })
    }

    /// The same client, whose troubles somebody else hears of.
    #[cfg(feature = "cli")]
    pub(crate) fn heard_by(&self, trouble: Trouble) -> Self {
        Self { trouble: Some(trouble), ..self.again() }
    }

    /// The same client with as many files on their way at the same time, whatever run they belong to.
    #[cfg(feature = "cli")]
    pub(crate) fn with_transfers(self, most: usize) -> Self {
        Self { transfers: Arc::new(Semaphore::new(most)), ..self }
    }

    /// The same client: the connections, what it knows of the server and the limits are shared.
    fn again(&self) -> Self {
        Self {
            http: self.http.clone(),
            address: self.address.clone(),
            credential: self.credential.clone(),
            authorization: Arc::clone(&self.authorization),
            preferences: self.preferences.clone(),
            gate: self.gate.clone(),
            features: Arc::clone(&self.features),
            began: self.began,
            rate_limit: Arc::clone(&self.rate_limit),
            transfers: Arc::clone(&self.transfers),
            pulse: Arc::clone(&self.pulse),
            trouble: self.trouble.clone(),
            writer: self.writer.clone(),
            ..*self
        }
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

    /// How the settings want uploads to be.
    pub(crate) fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    /// A message of the server, fit for a terminal and without what lets us in.
    pub(crate) fn shown(&self, text: &str) -> String {
        let text = match &self.credential {
            Credential::Key(key) => key.hide_in(text),
            Credential::Identity(_) => self.authorization.hide_in(text),
        };
        answer::shown(&text)
    }

    pub(super) fn policy(&self, endpoint: Endpoint) -> Policy {
        match endpoint {
            Endpoint::GraphQl | Endpoint::UpsertBucket => self.graphql,
            Endpoint::Features => self.graphql.impatient(),
            Endpoint::FileStream => self.stream,
            Endpoint::Storage => self.storage,
            Endpoint::Token => self.token,
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
    ) -> Result<Map<String, Value>, Failure> {
        let url = self.address.api(path);
        let mut headers = self.writer_headers(asked.endpoint);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut body = Bytes::from(body);
        let length = body.len() as u64;
        if asked.endpoint == Endpoint::FileStream {
            // Once: an attempt that follows sends the same bytes.
            if let Some(packed) = self.packed(&body).await {
                body = packed;
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        } else {
            headers.extend(self.preferences.person.clone());
        }
        let answer = self
            .retrying(asked.endpoint, async || self.post_once(asked, &url, &headers, body.clone()).await)
            .await?;
        self.pulse.beat(length);
        Ok(answer)
    }

    /// The body compressed, if the person and the server want it so.
    async fn packed(&self, body: &[u8]) -> Option<Bytes> {
        if !self.preferences.gzip || !packed::is_worth_it(body) {
            return None;
        }
        // Asking is a request, too.
        if Box::pin(self.features()).await.gzip { packed::gzip(body) } else { None }
    }

    async fn post_once(
        &self,
        asked: Asked,
        url: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Map<String, Value>, Attempt> {
        // Asking for a token is a request, too.
        let authorization = Box::pin(self.authorization.header(self)).await.map_err(Attempt::last)?;
        if asked.endpoint == Endpoint::FileStream {
            let wait = self.rate_limit(RateLimit::wait);
            tokio::time::sleep(wait).await;
        }
        let request =
            self.to(Method::POST, url).headers(headers.clone()).header(AUTHORIZATION, authorization.clone());
        match self.object(asked, request, body).await {
            Err(Attempt { failure: Failure::Key { server, message }, .. }) => {
                Err(self.authorization.refused(&authorization, server, message).await)
            }
            answer => answer,
        }
    }

    /// A request with the headers that a person wants to have with all. What is set afterwards goes before them.
    pub(super) fn to(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        self.bare(method, url).headers(self.preferences.extra.headers.clone())
    }

    /// A request without any.
    pub(super) fn bare(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        self.http.request(method, url)
    }

    pub(super) fn rate_limit<T>(&self, ask: impl FnOnce(&mut RateLimit, Duration) -> T) -> T {
        let mut limit = self.rate_limit.lock().unwrap_or_else(PoisonError::into_inner);
        ask(&mut limit, self.began.elapsed())
    }

    /// Sends a request to the server, and reads the JSON object that comes back.
    pub(super) async fn object(
        &self,
        asked: Asked,
        request: RequestBuilder,
        body: Bytes,
    ) -> Result<Map<String, Value>, Attempt> {
        let server = self.address.base();
        let mut patience = self.policy(asked.endpoint).attempt;
        let lane = if asked.endpoint == Endpoint::FileStream { Lane::Lines } else { Lane::Other };
        let body = match &self.gate {
            None => body.into(),
            Some(gate) => {
                // Twice: others send as well.
                patience = patience.saturating_add(gate.time_for(2 * body.len() as u64));
                reqwest::Body::wrap(Paced::new(body, Some(gate.pass(lane)), Arc::clone(&self.pulse)))
            }
        };
        let request = request.timeout(patience).body(body);
        let mut response = request.send().await.map_err(|e| self.broken(&e, server, asked.endpoint))?;
        if asked.endpoint == Endpoint::FileStream {
            let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
            let quota = Quota::parse(header("ratelimit-remaining"), header("ratelimit-reset"));
            self.rate_limit(|limit, now| limit.answered(quota, now));
        }
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

    pub(super) fn broken(&self, error: &reqwest::Error, server: &str, endpoint: Endpoint) -> Attempt {
        let (again, failure) = fault::of(error, server, self.policy(endpoint).attempt);
        Attempt { again, asked_wait: None, failure }
    }

    pub(super) async fn unsuccessful(
        &self,
        asked: Asked,
        server: &str,
        response: &mut reqwest::Response,
    ) -> Attempt {
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
    pub(super) async fn retrying<T>(
        &self,
        endpoint: Endpoint,
        mut attempt: impl AsyncFnMut() -> Result<T, Attempt>,
    ) -> Result<T, Failure> {
        let policy = self.policy(endpoint);
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
                trouble(Some((&failure, wait)));
            }
            self.pulse.rest(wait).await;
        }
        Err(Failure::Settings("too many attempts".to_owned()))
    }
}

pub(super) fn location(response: &reqwest::Response) -> Option<Url> {
    response.url().join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

/// Scheme, host and port: what may be shown of a URL that may be signed.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// A number between 0 and 1.
fn random() -> f64 {
    f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX)
}
