//! The connections of a client: TLS and proxies.

use std::time::Duration;

use super::tls;
use super::wishes::Wishes;
use crate::upload::Failure;

/// A pool of connections.
///
/// # Errors
///
/// If TLS or a proxy cannot be set up.
pub(super) fn pool(wishes: &Wishes) -> Result<reqwest::Client, Failure> {
    let internal = |e: &dyn std::fmt::Display| Failure::Settings(format!("cannot set up HTTP: {e}"));
    let tls = tls::config(wishes.insecure).map_err(|e| internal(&e))?;
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        // Where a request may be sent on is decided by whoever sends it.
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(30))
        .user_agent(concat!("ups-track/", env!("CARGO_PKG_VERSION")));
    for proxy in wishes.proxies.build(wishes.extra.proxy.as_ref()).map_err(|e| internal(&e.without_url()))? {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|e| internal(&e.without_url()))
}
