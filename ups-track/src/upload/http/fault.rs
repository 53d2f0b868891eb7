//! What a failed connection means, for a person.

use std::error::Error;
use std::time::Duration;

use crate::upload::Failure;

/// Whether trying again may help, and the failure.
pub(super) fn of(error: &reqwest::Error, server: &str, limit: Duration) -> (bool, Failure) {
    let server = server.to_owned();
    let chain = chain(error);
    let cause = chain.last().cloned().unwrap_or_default();
    let says = |words: &[&str]| chain.iter().any(|text| words.iter().any(|word| text.contains(word)));
    if is_tls(error) {
        return (false, Failure::Tls { server, cause });
    }
    if says(&["dns error", "failed to lookup address"]) {
        return (true, Failure::Dns { server, cause });
    }
    if says(&["tunnel", "proxy"]) {
        return (true, Failure::Proxy { server, cause });
    }
    if error.is_timeout() {
        return (true, Failure::Timeout { server, limit });
    }
    if error.is_builder() {
        return (false, Failure::Connection { server, cause });
    }
    (true, Failure::Connection { server, cause })
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

/// Whether certificates or TLS itself are the matter.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let inside = inside.and_then(|inside| inside.downcast_ref::<rustls::Error>());
        if error.is::<rustls::Error>() || inside.is_some() {
            return true;
        }
        next = error.source();
    }
    false
}
