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

/// Whether certificates or TLS itself are the matter, however deep.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    // What an error of input and output wraps is not its source, but that one's source is.
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || wrapped.is_some_and(|wrapped| is_tls(wrapped))
        || error.source().is_some_and(is_tls)
}
