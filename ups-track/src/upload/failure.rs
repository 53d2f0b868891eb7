//! Why an upload did not happen, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::os::descriptors::is_shortage;
use crate::settings::Given;

/// What went wrong. The text is for a person: it names the thing and the remedy, and never a key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Settings(String),
    #[error("the server's address `{value}` (from {from}) {rule}")]
    Address { value: String, from: String, rule: String },
    #[error(
        "there is no API key for {server}: `ups-track login` stores one, or set WANDB_API_KEY or WANDB_IDENTITY_TOKEN_FILE"
    )]
    NoKey { server: String },
    #[error("the API key (from {from}) {rule}; copy it anew, or use `ups-track login`")]
    KeyForm { from: String, rule: String },
    #[error(
        "{server} does not accept the API key ({message}); get one there and store it with `ups-track login`"
    )]
    Key { server: String, message: String },
    #[error(
        "{server} does not accept the identity token ({message}); is the file that WANDB_IDENTITY_TOKEN_FILE names up to date, and does the server trust its issuer?"
    )]
    Token { server: String, message: String },
    #[error("{server} does not allow it ({message}); is the entity one that you may write to?")]
    Forbidden { server: String, message: String },
    #[error("{server} knows no such entity or project ({message}); check --entity and --project")]
    Unknown { server: String, message: String },
    #[error("{server} takes no more: a quota or rate limit is reached ({message}); try again later")]
    Quota { server: String, message: String },
    #[error("{server} answered {status} to {what}: {message}")]
    Status { server: String, status: u16, what: &'static str, message: String },
    #[error("{server} refused {what}: {message}")]
    Refused { server: String, what: &'static str, message: String },
    #[error(
        "{server} answered with a web page instead of data; is the address right (WANDB_BASE_URL), and does no proxy or sign-in page stand between?"
    )]
    WebPage { server: String },
    #[error("{server} answered {what} with something that is not understood: {message}")]
    Answer { server: String, what: &'static str, message: String },
    #[error("{server} answered {what} with more than {limit} bytes, which no W&B server does")]
    TooLarge { server: String, what: &'static str, limit: usize },
    #[error(
        "{server} sends us to {to}, where the key does not belong; if that is the right server, set WANDB_BASE_URL to it"
    )]
    Redirect { server: String, to: String },
    #[error(
        "no trusted connection to {server}: {cause}; if the certificates of this system are missing or others are needed, install `ca-certificates` or set SSL_CERT_FILE"
    )]
    Tls { server: String, cause: String },
    #[error(
        "the proxy does not let us through to {server}: {cause}; check HTTPS_PROXY (or WANDB_HTTPS_PROXY) and NO_PROXY"
    )]
    Proxy { server: String, cause: String },
    #[error("the name of {server} is not known: {cause}; check WANDB_BASE_URL and the network")]
    Dns { server: String, cause: String },
    #[error("no connection to {server}: {cause}")]
    Connection { server: String, cause: String },
    #[error("{server} did not answer within {} s", limit.as_secs_f64())]
    Timeout { server: String, limit: Duration },
    #[error("{cause}; gave up after {attempts} attempts in {} s", took.as_secs())]
    GaveUp { cause: Box<Self>, attempts: u32, took: Duration },
    #[error("cannot {action} `{}`: {source}", crate::harmless::path(path))]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("it keeps changing while it is read; upload it again when whoever writes it is done")]
    Changing,
    #[error("the system gives no event loop: {0}")]
    EventLoop(#[source] io::Error),
    #[error("{0}")]
    Log(String),
}

impl Failure {
    /// A setting that breaks a rule; `what` is its value, or words for one that may be secret.
    pub(super) fn setting(what: &str, found: &Given, rule: &str) -> Self {
        Self::Settings(format!("{what} (from {}) {rule}", found.from))
    }

    /// Whether it failed because this process has too many files open, so that it may be tried again later.
    pub(super) fn is_shortage(&self) -> bool {
        matches!(self, Self::EventLoop(e) | Self::File { source: e, .. } if is_shortage(e))
    }

    /// Whether a request was larger than the server takes.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(self, Self::Status { status: 413, .. })
    }

    /// Whether the server is there and does not want this one thing, so that others may still be sent.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. } | Self::Status { .. } | Self::Answer { .. } | Self::TooLarge { .. }
        )
    }
}
