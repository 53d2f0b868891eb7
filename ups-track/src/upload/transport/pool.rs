//! One pool of connections, and what all requests have in common: the limit of what is sent, the pulse, and the attempts
//! that follow one that failed.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{IntoUrl, Method, RequestBuilder};

use super::answer::{Answer, Asked};
use super::attempt::{Attempt, Retry, Trouble};
use super::bandwidth::Lane;
use super::body::Paced;
use super::gate::Gate;
use super::pulse::Pulse;
use super::retry::{Endpoint, Policies, Policy};
use super::wishes::Wishes;
use super::{connect, fault};
use crate::settings::Sources;
use crate::upload::Failure;

/// Sends and fetches. A clone has the same connections and the same limit.
#[derive(Clone)]
pub(crate) struct Transport {
    http: reqwest::Client,
    /// Headers that a person wants to have with all requests.
    extra: HeaderMap,
    /// The limit of what is sent, if there is one.
    pub(super) gate: Option<Arc<Gate>>,
    policies: Policies,
    pub(super) pulse: Arc<Pulse>,
    trouble: Option<Trouble>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl Transport {
    /// As the settings want it. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// If a setting is bad or TLS cannot be set up.
    pub(crate) fn new(sources: &Sources) -> Result<Self, Failure> {
        let wishes = Wishes::find(sources)?;
        Ok(Self {
            http: connect::pool(&wishes)?,
            gate: wishes.limit.map(Gate::new),
            extra: wishes.extra.headers,
            policies: Policies::find(sources)?,
            pulse: Arc::default(),
            trouble: None,
        })
    }

    /// Whether the settings are such that there can be one.
    ///
    /// # Errors
    ///
    /// If one of them is bad.
    pub(crate) fn check(sources: &Sources) -> Result<(), Failure> {
        Wishes::find(sources)?;
        Policies::find(sources).map(drop)
    }

    /// It does not give up by itself, however long the server is away.
    pub(crate) fn endless(&self) -> Self {
        Self { policies: self.policies.endless(), ..self.clone() }
    }

    /// Its attempts are heard there.
    pub(crate) fn heard(&self, pulse: Arc<Pulse>, trouble: Trouble) -> Self {
        Self { pulse, trouble: Some(trouble), ..self.clone() }
    }

    pub(crate) fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    pub(super) fn policy(&self, endpoint: Endpoint) -> Policy {
        self.policies.of(endpoint)
    }

    /// A request with the headers that a person wants to have with all. What is set afterwards goes before them.
    pub(crate) fn to(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        self.bare(method, url).headers(self.extra.clone())
    }

    /// A request without any.
    pub(super) fn bare(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request once, and reads what comes back. A redirect is an answer like any other: whether the request may be
    /// sent on is for those to say who know what it holds.
    pub(crate) async fn send(
        &self,
        asked: Asked,
        server: &str,
        request: RequestBuilder,
        body: Bytes,
    ) -> Result<Answer, Attempt> {
        let broken = |e: &reqwest::Error| self.broken(e, server, asked.endpoint);
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
        let response = request.timeout(patience).body(body).send().await.map_err(|e| broken(&e))?;
        Answer::read(response, asked.limit).await.map_err(|e| broken(&e))
    }

    pub(super) fn broken(&self, error: &reqwest::Error, server: &str, endpoint: Endpoint) -> Attempt {
        let (again, failure) = fault::of(error, server, self.policy(endpoint).attempt);
        Attempt { again, asked_wait: None, failure }
    }

    /// Tries until it succeeds, cannot succeed, or has been tried enough.
    ///
    /// # Errors
    ///
    /// What the last attempt met.
    pub(crate) async fn retrying<T>(
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
                trouble(Some(Retry { failure: &failure, wait }));
            }
            self.pulse.rest(wait).await;
        }
        Err(Failure::Settings("too many attempts".to_owned()))
    }
}

/// A number between 0 and 1.
fn random() -> f64 {
    f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX)
}
