//! The header `Authorization`: from the key, or from an access token that is renewed before it ends.

use std::sync::{Mutex as StdMutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::address::Address;
use super::credential::Credential;
use super::key::Key;
use super::token::{AccessToken, Identity, Token};
use crate::upload::Failure;
use crate::upload::transport::{Answer, Asked, Attempt, Endpoint, Transport, shown};

/// Bytes that the answer with an access token may have.
const LIMIT: usize = 1024 * 1024;

/// What lets us in.
#[derive(Debug)]
pub(super) enum Authorization {
    Key(Key, HeaderValue),
    Token(Tokens),
}

/// An identity token, and the access tokens for it.
#[derive(Debug)]
pub(super) struct Tokens {
    identity: Identity,
    /// The lock is held while a token is asked for: one is enough for all requests.
    held: Mutex<Option<Held>>,
    /// What has been sent, so that it can be taken out of what comes back.
    secrets: StdMutex<Vec<Token>>,
}

/// An access token that is in use.
#[derive(Debug)]
struct Held {
    access: AccessToken,
    header: HeaderValue,
    /// Whether an earlier process had asked for it, so that the server may have forgotten it.
    from_cache: bool,
}

impl Authorization {
    pub(super) fn new(credential: &Credential) -> Result<Self, reqwest::header::InvalidHeaderValue> {
        match credential {
            Credential::Key(key) => {
                let basic = BASE64_STANDARD.encode(format!("api:{}", key.reveal()));
                Ok(Self::Key(key.clone(), sensitive(&format!("Basic {basic}"))?))
            }
            Credential::Identity(identity) => Ok(Self::Token(Tokens {
                identity: identity.clone(),
                held: Mutex::default(),
                secrets: StdMutex::default(),
            })),
        }
    }

    /// The header for a request.
    pub(super) async fn header(
        &self,
        transport: &Transport,
        address: &Address,
    ) -> Result<HeaderValue, Failure> {
        match self {
            Self::Key(_, header) => Ok(header.clone()),
            Self::Token(tokens) => tokens.header(transport, address).await,
        }
    }

    /// What a refusal of the header means: another attempt if the token was an old one, and a failure with the right
    /// words.
    pub(super) async fn refused(&self, sent: &HeaderValue, server: String, message: String) -> Attempt {
        match self {
            Self::Key(..) => Attempt::last(Failure::Key { server, message }),
            Self::Token(tokens) => {
                let failure = Failure::Token { server, message };
                if tokens.give_up(sent).await { Attempt::at_once(failure) } else { Attempt::last(failure) }
            }
        }
    }

    /// A text without what lets us in.
    pub(super) fn hide_in(&self, text: &str) -> String {
        match self {
            Self::Key(key, _) => key.hide_in(text),
            Self::Token(tokens) => tokens.hide_in(text),
        }
    }
}

impl Tokens {
    async fn header(&self, transport: &Transport, address: &Address) -> Result<HeaderValue, Failure> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.access.is_good(SystemTime::now())) {
            return Ok(held.header.clone());
        }
        let server = address.base();
        // After one that has ended the file has nothing new for us.
        let cached = if held.is_none() { self.identity.cached(server, SystemTime::now()) } else { None };
        let from_cache = cached.is_some();
        let access = match cached {
            Some(access) => access,
            None => self.exchange(transport, address).await?,
        };
        self.remember(&access.token);
        let header = sensitive(&format!("Bearer {}", access.token.reveal()))
            .map_err(|e| Failure::Settings(format!("cannot use the access token: {e}")))?;
        if !from_cache && let Err(e) = self.identity.keep(server, &access) {
            crate::say::warning(&format!("{e}; the next process asks for an access token of its own"));
        }
        *held = Some(Held { access, header: header.clone(), from_cache });
        Ok(header)
    }

    /// A cached token that was refused counts as one that has ended, so that a new one is asked for; tells whether another
    /// attempt will have another token than this one.
    async fn give_up(&self, sent: &HeaderValue) -> bool {
        match self.held.lock().await.as_mut() {
            // Another request has renewed it meanwhile.
            Some(held) if held.header != *sent => true,
            Some(held) if held.from_cache => {
                (held.from_cache, held.access.expires) = (false, SystemTime::UNIX_EPOCH);
                true
            }
            _ => false,
        }
    }

    fn remember(&self, token: &Token) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if !secrets.contains(token) {
            // The answers to what was sent with older ones have come.
            if secrets.len() >= 8 {
                secrets.remove(0);
            }
            secrets.push(token.clone());
        }
    }

    /// Asks for an access token.
    async fn exchange(&self, transport: &Transport, address: &Address) -> Result<AccessToken, Failure> {
        let attempt = async || {
            // Whoever has put it there may have renewed it since the last attempt.
            let assertion = self.identity.read().map_err(Attempt::last)?;
            self.remember(&assertion);
            self.exchange_once(transport, address, &assertion).await
        };
        transport.retrying(Endpoint::Token, attempt).await
    }

    async fn exchange_once(
        &self,
        transport: &Transport,
        address: &Address,
        assertion: &Token,
    ) -> Result<AccessToken, Attempt> {
        let asked = Asked { endpoint: Endpoint::Token, what: "the identity token", limit: LIMIT };
        let form = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let grant = form("urn:ietf:params:oauth:grant-type:jwt-bearer");
        let body = format!("grant_type={grant}&assertion={}", form(assertion.reveal()));
        let request = transport.to(Method::POST, address.api(&["oidc", "token"]));
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let (server, asked_at) = (address.base(), SystemTime::now());
        let answer = transport.send(asked, server, request, body.into()).await;
        let answer = answer.and_then(|answer| object(asked, server, &answer, |text| self.hide_in(text)));
        let mut answer = answer.map_err(|attempt| attempt.map(about_the_token))?;
        let (token, seconds) = (answer.remove("access_token"), answer.remove("expires_in"));
        let token = token.as_ref().and_then(Value::as_str).and_then(Token::new);
        let seconds = seconds.as_ref().and_then(Value::as_f64);
        let lifetime = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        match (token, lifetime.and_then(|lifetime| asked_at.checked_add(lifetime))) {
            (Some(token), Some(expires)) => Ok(AccessToken { token, expires }),
            _ => Err(Attempt::last(Failure::Answer {
                server: server.to_owned(),
                what: asked.what,
                message: "`access_token` or `expires_in` is missing or none".to_owned(),
            })),
        }
    }

    /// A text without any of the tokens.
    fn hide_in(&self, text: &str) -> String {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().fold(text.to_owned(), |text, token| token.hide_in(&text))
    }
}

/// The JSON object in an answer of the server. `hide` takes out of messages what lets us in.
pub(super) fn object(
    asked: Asked,
    server: &str,
    answer: &Answer,
    hide: impl Fn(&str) -> String,
) -> Result<Map<String, Value>, Attempt> {
    let name = || server.to_owned();
    if answer.status.is_redirection() {
        // What lets us in goes nowhere else.
        return Err(Attempt::last(Failure::Redirect { server: name(), to: answer.leads_to() }));
    }
    if !answer.status.is_success() {
        return Err(answer.refusal(asked, server, hide));
    }
    let Some(body) = &answer.body else {
        let Asked { what, limit, .. } = asked;
        return Err(Attempt::last(Failure::TooLarge { server: name(), what, limit }));
    };
    if answer.is_web_page() {
        return Err(Attempt::last(Failure::WebPage { server: name() }));
    }
    serde_json::from_slice(body).map_err(|e| {
        let message = format!("{e}: {}", shown(&hide(&String::from_utf8_lossy(body))));
        Attempt::again(Failure::Answer { server: name(), what: asked.what, message })
    })
}

fn sensitive(text: &str) -> Result<HeaderValue, reqwest::header::InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A refusal of the exchange is about the token, not about a key or a project.
fn about_the_token(failure: Failure) -> Failure {
    match failure {
        Failure::Status { server, status: 400 | 422, message, .. }
        | Failure::Key { server, message }
        | Failure::Forbidden { server, message } => Failure::Token { server, message },
        Failure::Unknown { server, message } => {
            Failure::Token { server, message: format!("it knows nothing of identity tokens: {message}") }
        }
        other => other,
    }
}
