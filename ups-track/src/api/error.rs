//! Why something could not be read, and what to do about it.

use std::path::PathBuf;

use crate::harmless::clean;
use crate::upload::Failure;

/// A `Result` with the [`Error`] of reading.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be read.
///
/// The text names what was asked for and the remedy, is fit for a terminal whatever the server said, and never holds a
/// key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no API key.
    #[error("there is no API key for {server}: `ups-track login` stores one, or set WANDB_API_KEY")]
    NoKey {
        /// The server that the key would be for.
        server: String,
    },
    /// The server does not accept the API key.
    #[error(
        "{server} does not accept the API key ({message}); get one there and store it with `ups-track login`"
    )]
    WrongKey {
        /// The server.
        server: String,
        /// What it said.
        message: String,
    },
    /// A setting, of the builder, the environment, a settings file or the netrc file, is bad.
    #[error("{0}")]
    Setting(String),
    /// A name, path or number that was asked with is bad. Nothing was sent.
    #[error("{what} `{value}` {rule}")]
    Argument {
        /// What it is: a run, a filter, a page.
        what: &'static str,
        /// The value.
        value: String,
        /// The rule that it breaks.
        rule: String,
    },
    /// The server does not have it, or hides it from this key: servers do not tell these apart.
    #[error(
        "{server} has no {what}, or this key may not read it; check entity, project, run id and WANDB_BASE_URL"
    )]
    NotFound {
        /// The server.
        server: String,
        /// What was asked for.
        what: String,
    },
    /// The server does not let this key read it.
    #[error("{server} does not let this key read {what} ({message}); ask the owner of the entity for access")]
    Forbidden {
        /// The server.
        server: String,
        /// What was asked for.
        what: String,
        /// What the server said.
        message: String,
    },
    /// No connection, or no answer in time. What may pass was tried again first.
    #[error("cannot read {what}: {message}")]
    Network {
        /// What was asked for.
        what: String,
        /// What happened, and what may help.
        message: String,
    },
    /// The server answered with an error.
    #[error("cannot read {what}: {message}")]
    Refused {
        /// What was asked for.
        what: String,
        /// What the server said.
        message: String,
    },
    /// The answer is not one of a W&B server, or too large.
    #[error("cannot read {what}: {message}")]
    Answer {
        /// What was asked for.
        what: String,
        /// What is wrong with the answer.
        message: String,
    },
    /// A value is not there, or not of the type that was asked for.
    #[error("{what}: `{key}` {reason}")]
    Value {
        /// Where it was looked for.
        what: String,
        /// The key, or the type that all values were asked for as.
        key: String,
        /// What is there instead.
        reason: String,
    },
    /// A file could not be written.
    #[error("cannot write `{}`: {source}", crate::harmless::path(path))]
    File {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// What a failed request for `what` means.
    pub(super) fn of(failure: Failure, what: &str) -> Self {
        let (what, message) = (what.to_owned(), failure.to_string());
        let mut cause = failure;
        while let Failure::GaveUp { cause: inner, .. } = cause {
            cause = *inner;
        }
        match cause {
            Failure::NoKey { server } => Self::NoKey { server },
            Failure::Key { server, message } => Self::WrongKey { server, message },
            Failure::Forbidden { server, message } => Self::Forbidden { server, what, message },
            Failure::Unknown { server, .. } => Self::NotFound { server, what },
            Failure::Quota { .. } | Failure::Status { .. } | Failure::Refused { .. } => {
                Self::Refused { what, message }
            }
            Failure::WebPage { .. } | Failure::Answer { .. } => Self::Answer { what, message },
            Failure::TooLarge { server, limit, .. } => {
                let message = format!(
                    "{server} answered with more than {limit} bytes; ask for less at a time, with `per_page`"
                );
                Self::Answer { what, message }
            }
            Failure::Redirect { .. }
            | Failure::Tls { .. }
            | Failure::Handshake { .. }
            | Failure::Proxy { .. }
            | Failure::Dns { .. }
            | Failure::Connection { .. }
            | Failure::Timeout { .. } => Self::Network { what, message },
            Failure::File { path, source, .. } => Self::File { path, source },
            _ => Self::Setting(message),
        }
    }

    pub(super) fn argument(what: &'static str, value: &str, rule: impl Into<String>) -> Self {
        Self::Argument { what, value: clean(value).into_owned(), rule: rule.into() }
    }

    pub(super) fn answer(what: &str, message: &str) -> Self {
        Self::Answer { what: what.to_owned(), message: shown(message) }
    }
}

/// A text of unknown length and origin, fit for a message.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 300;
    let mut shown: String = clean(text).chars().take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}
