//! Servers with certificates, and without such that anybody trusts.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use ups_track_tests::server::Server;

use crate::{Said, command, on, record, said};

/// TLS in front of a server, with a certificate of its own making.
struct Tls {
    url: String,
    /// The certificate, for those who want to trust it.
    certificate: PathBuf,
    connections: Arc<AtomicUsize>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Tls {
    fn start(server: &Server, name: &str, dir: &Path) -> Self {
        Self::disturbed(server, name, dir, 0)
    }

    /// The same, behind something that disturbs so many handshakes first: with an alert, or by going away.
    fn disturbed(server: &Server, name: &str, dir: &Path, disturbed: usize) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let certificate = dir.join("certificate.pem");
        let text = BASE64_STANDARD.encode(made.cert.der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        fs::write(&certificate, pem).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let behind = server.url().strip_prefix("http://").unwrap().to_owned();
        server.set_public_url(&url);
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((connection, _)) = listener.accept().await {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                if number < disturbed {
                    tokio::spawn(disturb(connection, number));
                    continue;
                }
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    // Whoever does not trust us goes away.
                    let Ok(mut outside) = acceptor.accept(connection).await else { return };
                    let mut inside = tokio::net::TcpStream::connect(behind).await.unwrap();
                    drop(tokio::io::copy_bidirectional(&mut outside, &mut inside).await);
                });
            }
        });
        Self { url, certificate, connections, runtime: Some(runtime) }
    }
}

/// Ends a handshake.
async fn disturb(mut connection: tokio::net::TcpStream, number: usize) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut hello = [0; 4096];
    match number % 3 {
        // An alert: fatal, internal error.
        0 => {
            drop(connection.read(&mut hello).await);
            drop(connection.write_all(&[21, 3, 3, 0, 2, 2, 80]).await);
        }
        // Nothing more.
        1 => drop(connection.read(&mut hello).await),
        // What came is not read, which is a reset.
        _ => {
            drop(connection.readable().await);
        }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn sync_with(server: &Server, tls: &Tls, id: &str, vars: &[(&str, &str)]) -> Said {
    let home = tempfile::tempdir().unwrap();
    let recorded = record(id, 20);
    let mut command = command(server, home.path());
    command.env_remove("SSL_CERT_DIR").env_remove("SSL_CERT_FILE");
    command.env("WANDB_BASE_URL", &tls.url).envs(vars.iter().copied());
    said(command.arg("sync").arg(&recorded.log))
}

#[test]
fn a_certificate_that_nobody_trusts_is_said_once() {
    let (server, dir) = (Server::start(), tempfile::tempdir().unwrap());
    let tls = Tls::start(&server, "127.0.0.1", dir.path());
    let said = sync_with(&server, &tls, "untrusted", &[]);
    assert_eq!(said.code, 2, "{said:?}");
    for words in ["no trusted connection to", &tls.url, "UnknownIssuer", "SSL_CERT_FILE"] {
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
    assert_eq!(said.err.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{said:?}");
    assert!(!said.err.contains("gave up"), "{said:?}");
    assert_eq!(tls.connections.load(Ordering::SeqCst), 1);
    assert!(server.received().is_empty());
}

#[test]
fn a_handshake_that_is_disturbed_is_tried_again() {
    let (server, dir) = (Server::start(), tempfile::tempdir().unwrap());
    let tls = Tls::disturbed(&server, "127.0.0.1", dir.path(), 6);
    let file = tls.certificate.to_str().unwrap();
    let said = sync_with(&server, &tls, "disturbed", &[("SSL_CERT_FILE", file)]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(on(&server, "disturbed").complete);
    assert!(tls.connections.load(Ordering::SeqCst) > 6);
    assert_eq!(server.violations(), []);
}

#[test]
fn what_speaks_no_tls_is_told() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let recorded = record("plain", 5);
    let mut command = command(&server, home.path());
    command.env("WANDB_BASE_URL", server.url().replacen("http", "https", 1));
    let said = said(command.arg("sync").arg(&recorded.log));
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.err.contains("no encrypted connection to") && said.err.contains("does it speak TLS"),
        "{said:?}"
    );
}

#[test]
fn one_that_is_named_is_trusted_for_its_name() {
    let (server, dir) = (Server::start(), tempfile::tempdir().unwrap());
    let tls = Tls::start(&server, "127.0.0.1", dir.path());
    let file = tls.certificate.to_str().unwrap();
    let said = sync_with(&server, &tls, "trusted", &[("SSL_CERT_FILE", file)]);
    assert_eq!(said.code, 0, "{said:?}");
    let run = on(&server, "trusted");
    assert!(run.complete && run.files.contains_key("weights.bin"));
    assert_eq!(server.violations(), []);

    let (server, dir) = (Server::start(), tempfile::tempdir().unwrap());
    let tls = Tls::start(&server, "wandb.example", dir.path());
    let file = tls.certificate.to_str().unwrap();
    let said = sync_with(&server, &tls, "misnamed", &[("SSL_CERT_FILE", file)]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("no trusted connection to"), "{said:?}");
    assert_eq!((tls.connections.load(Ordering::SeqCst), server.received().len()), (1, 0));
}

#[test]
fn trust_can_be_switched_off_with_a_warning() {
    let (server, dir) = (Server::start(), tempfile::tempdir().unwrap());
    let tls = Tls::start(&server, "wandb.example", dir.path());
    let said = sync_with(&server, &tls, "insecure", &[("WANDB_INSECURE_DISABLE_SSL", "true")]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.err.matches("certificates are not checked").count(), 1, "{said:?}");
    assert!(on(&server, "insecure").complete);
    assert_eq!(server.violations(), []);
}
