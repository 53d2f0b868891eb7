//! The client of a server: the requests that bear what lets us in.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::address::Address;
use super::authorization::{Authorization, object};
use super::credential::Credential;
use super::features::Features;
use super::preferences::Preferences;
use crate::settings::Sources;
use crate::upload::Failure;
use crate::upload::transport::{
    Asked, Attempt, Endpoint, Expected, Place, Pulse, Quota, RateLimit, Transport, Trouble, shown,
};

/// Talks to one server. What others make of it for one log or one writer shares its connections and its limits.
pub(crate) struct Client {
    transport: Transport,
    address: Address,
    authorization: Arc<Authorization>,
    preferences: Arc<Preferences>,
    /// What the server can do, as soon as somebody has asked.
    pub(super) features: Arc<OnceCell<Features>>,
    began: Instant,
    rate_limit: Arc<Mutex<RateLimit>>,
    /// The id of this process among those that write one run.
    writer: Option<HeaderValue>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
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
        Ok(Self {
            transport: Transport::new(sources)?,
            address: address.clone(),
            authorization: Authorization::new(credential)
                .map(Arc::new)
                .map_err(|e| Failure::Settings(format!("cannot use the key: {e}")))?,
            preferences: Arc::new(Preferences::find(sources)?),
            features: Arc::default(),
            began: Instant::now(),
            rate_limit: Arc::default(),
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
        Transport::check(sources)
    }

    /// The same client with another transport, which comes from this one's.
    fn by(&self, transport: Transport) -> Self {
        Self {
            transport,
            address: self.address.clone(),
            authorization: Arc::clone(&self.authorization),
            preferences: Arc::clone(&self.preferences),
            features: Arc::clone(&self.features),
            began: self.began,
            rate_limit: Arc::clone(&self.rate_limit),
            writer: self.writer.clone(),
        }
    }

    /// For an upload that goes along with its run: it does not give up by itself, however long the server is away.
    pub(crate) fn for_run(&self, pulse: Arc<Pulse>, trouble: Trouble) -> Self {
        self.by(self.transport.endless().heard(pulse, trouble))
    }

    /// The same client, with so many transfers of files under way at most, in all that is made of it.
    #[cfg(feature = "cli")]
    pub(crate) fn with_transfers(&self, most: usize) -> Self {
        self.by(self.transport.with_transfers(most))
    }

    /// The same client, whose attempts are heard there: for one of many logs that share connections and limits.
    #[cfg(feature = "cli")]
    pub(crate) fn for_log(&self, trouble: Trouble) -> Self {
        self.by(self.transport.heard(Arc::default(), trouble))
    }

    /// The same client for one of several processes that write one run: the server tells them apart by this id.
    ///
    /// # Errors
    ///
    /// If the id has characters that a header cannot have.
    pub(crate) fn for_writer(&self, id: &str) -> Result<Self, Failure> {
        let id = HeaderValue::try_from(id)
            .map_err(|_| Failure::Log(format!("`{}` is no id of a writer", crate::harmless::clean(id))))?;
        Ok(Self { writer: Some(id), ..self.by(self.transport.clone()) })
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

    /// What carries bytes of files: it has no key.
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// How the settings want uploads to be.
    pub(crate) fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    /// A message of the server, fit for a terminal and without what lets us in.
    pub(crate) fn shown(&self, text: &str) -> String {
        shown(&self.authorization.hide_in(text))
    }

    /// The place at a storage that the server names.
    ///
    /// # Errors
    ///
    /// If it is none, or one without TLS where the server has it.
    pub(crate) fn place(&self, url: &str) -> Result<Place, Failure> {
        Place::new(url, self.address.is_https()).map_err(|message| Failure::Answer {
            server: self.address.base().to_owned(),
            what: "the request for an upload",
            message: self.shown(&message),
        })
    }

    /// Gets what is behind a signed URL into a new file, if it is what is expected.
    ///
    /// # Errors
    ///
    /// What the last attempt met.
    pub(crate) async fn fetch(&self, url: &str, expected: Expected, to: &Path) -> Result<(), Failure> {
        self.transport.fetch(&self.place(url)?, expected, to).await
    }

    /// Posts JSON, with the key and these headers, and gives the JSON object that comes back.
    ///
    /// # Errors
    ///
    /// What the last attempt met.
    pub(super) async fn json(
        &self,
        asked: Asked,
        path: &[&str],
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Map<String, Value>, Failure> {
        let url = self.address.api(path);
        headers.extend(self.writer_headers(asked.endpoint));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if asked.endpoint != Endpoint::FileStream {
            headers.extend(self.preferences.person.clone());
        }
        let length = body.len() as u64;
        let attempt = async || self.json_once(asked, &url, &headers, body.clone()).await;
        let answer = self.transport.retrying(asked.endpoint, attempt).await?;
        self.transport.pulse().beat(length);
        Ok(answer)
    }

    async fn json_once(
        &self,
        asked: Asked,
        url: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Map<String, Value>, Attempt> {
        let authorization = self.authorization.header(&self.transport, &self.address).await;
        let authorization = authorization.map_err(Attempt::last)?;
        if asked.endpoint == Endpoint::FileStream {
            let wait = self.rate_limit(RateLimit::wait);
            tokio::time::sleep(wait).await;
        }
        let request = self.transport.to(Method::POST, url).headers(headers.clone());
        let request = request.header(AUTHORIZATION, authorization.clone());
        let server = self.address.base();
        let answer = self.transport.send(asked, server, request, body).await?;
        if asked.endpoint == Endpoint::FileStream {
            let quota = Quota::parse(answer.header("ratelimit-remaining"), answer.header("ratelimit-reset"));
            self.rate_limit(|limit, now| limit.answered(quota, now));
        }
        match object(asked, server, &answer, |text| self.authorization.hide_in(text)) {
            Err(Attempt { failure: Failure::Key { server, message }, .. }) => {
                Err(self.authorization.refused(&authorization, server, message).await)
            }
            answer => answer,
        }
    }

    pub(super) fn rate_limit<T>(&self, ask: impl FnOnce(&mut RateLimit, Duration) -> T) -> T {
        let mut limit = self.rate_limit.lock().unwrap_or_else(PoisonError::into_inner);
        ask(&mut limit, self.began.elapsed())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::{BufReader, Read, Write};
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;
    use crate::upload::block_on;
    use crate::upload::server::Key;
    use crate::upload::transport::tests::head;

    /// Answers requests with `{}` and these header lines.
    fn serve(headers: &'static str) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut connection in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(connection.try_clone().unwrap());
                while let Some(length) = head(&mut reader) {
                    reader.read_exact(&mut vec![0; length]).unwrap();
                    write!(connection, "HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\n{{}}").unwrap();
                }
            }
        });
        url
    }

    #[test]
    fn a_quota_in_an_answer_limits_the_file_stream_alone() {
        for (headers, rate) in [
            ("RateLimit-Remaining: 5\r\nRateLimit-Reset: 10\r\n", Some(0.5)),
            ("RateLimit-Remaining: lots\r\nRateLimit-Reset: 10\r\n", None),
            ("", None),
        ] {
            let address = Address::new(&serve(headers), "a test", None).unwrap();
            let key = Key::new(&"k".repeat(40)).unwrap();
            let client = Client::new(&address, &key.into(), &Sources::default()).unwrap();
            let post = |endpoint| {
                let asked = Asked { endpoint, what: "a test", limit: 100 };
                block_on(client.post(asked, &["x"], b"{}".to_vec())).unwrap();
                client.rate_limit(|limit, _| limit.rate())
            };
            assert_eq!(post(Endpoint::GraphQl), None);
            assert_eq!(post(Endpoint::FileStream), rate, "{headers}");
        }
    }
}
