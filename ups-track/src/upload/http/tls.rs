//! TLS by rustls with ring, trusting what the system trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The configuration. A system without certificates gives one that trusts nobody: a server without TLS needs none,
/// and with one the error of the connection tells what is missing.
pub(super) fn config() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    // What cannot be read or understood is not trusted; others may do.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
