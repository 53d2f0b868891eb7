//! What a failed connection means, for a person.

use std::error::Error;
use std::time::Duration;

use super::attempt::Again;
use crate::upload::Failure;

/// Whether trying again may help, and the failure.
pub(super) fn of(error: &reqwest::Error, server: &str, limit: Duration) -> (Again, Failure) {
    let server = server.to_owned();
    let chain = chain(error);
    let cause = chain.last().cloned().unwrap_or_default();
    let says = |words: &[&str]| chain.iter().any(|text| words.iter().any(|word| text.contains(word)));
    if let Some(error) = tls(error) {
        use rustls::Error::{InvalidCertificate, InvalidMessage, NoCertificatesPresented, PeerIncompatible};
        return match error {
            InvalidCertificate(_) | NoCertificatesPresented => (Again::No, Failure::Tls { server, cause }),
            // Nobody who speaks TLS as we do, for now.
            InvalidMessage(_) | PeerIncompatible(_) => (Again::Few, Failure::Handshake { server, cause }),
            // An alert, for example: whatever stands there may have a bad moment.
            _ => (Again::Yes, Failure::Handshake { server, cause }),
        };
    }
    if says(&["dns error", "failed to lookup address"]) {
        return (Again::Yes, Failure::Dns { server, cause });
    }
    if says(&["tunnel", "proxy"]) {
        return (Again::Yes, Failure::Proxy { server, cause });
    }
    if error.is_timeout() {
        return (Again::Yes, Failure::Timeout { server, limit });
    }
    if error.is_builder() {
        return (Again::No, Failure::Connection { server, cause });
    }
    (Again::Yes, Failure::Connection { server, cause })
}

/// The messages from the outermost error to the cause, without the URL, which may be signed.
fn chain(error: &reqwest::Error) -> Vec<String> {
    let mut texts = Vec::new();
    let mut next = error.source();
    while let Some(error) = next {
        texts.push(crate::harmless::clean(&error.to_string()).into_owned());
        next = error.source();
    }
    if texts.is_empty() {
        texts.push("the request failed".to_owned());
    }
    texts
}

/// What TLS says, however deep.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    // What an error of input and output wraps is not its source, but that one's source is.
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    wrapped.and_then(|wrapped| tls(wrapped)).or_else(|| error.source().and_then(tls))
}
