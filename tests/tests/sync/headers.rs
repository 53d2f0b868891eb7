//! Headers, proxies and limits that the settings ask for.

use ups_track_tests::normalized::assert_same;
use ups_track_tests::server::{Fault, Place, Server};

use crate::{command, on, record, said, sync};

#[test]
fn extra_headers_go_everywhere_and_never_before_ours() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let recorded = record("headers", 20);
    let mut command = command(&server, home.path());
    let extra =
        r#"{"X-Gateway": "let-me-in", "Authorization": "Basic bm90OnVz", "content-type": "text/plain"}"#;
    command.env("WANDB_X_EXTRA_HTTP_HEADERS", extra);
    command.env("WANDB_USERNAME", "ada").env("WANDB_USER_EMAIL", "ada@example.org");
    assert_eq!(said(command.arg("sync").arg(&recorded.log)).code, 0);
    assert_eq!(server.violations(), []);
    let received = server.received();
    assert!(received.iter().any(|request| request.path.starts_with("/storage/")));
    for request in received {
        assert_eq!(request.header("x-gateway"), Some("let-me-in"), "{request:?}");
        assert_ne!(request.header("content-type"), Some("text/plain"), "{request:?}");
        assert!(request.header("user-agent").is_some_and(|agent| agent.starts_with("ups-track/")));
        // For whom a service account works, is told with GraphQL alone.
        let person = (request.path == "/graphql").then_some("ada");
        assert_eq!(request.header("x-wandb-username"), person, "{request:?}");
        assert_eq!(request.header("x-wandb-user-email").is_some(), person.is_some());
    }
}

#[test]
fn bad_settings_are_said_before_anything_is_sent() {
    let server = Server::start();
    let recorded = record("settings", 5);
    for (name, value, words) in [
        ("WANDB_X_EXTRA_HTTP_HEADERS", "X-Secret: s3cret", "must be a JSON object"),
        ("WANDB_X_EXTRA_HTTP_HEADERS", "{\"a b\": \"s3cret\"}", "no name of a header"),
        ("WANDB_HTTPS_PROXY", "socks9://me:s3cret@p", "URL of a proxy"),
        ("UPS_TRACK_UPLOAD_LIMIT", "fast", "500k"),
        ("WANDB_IGNORE_GLOBS", "a[", "no pattern"),
        ("WANDB_INSECURE_DISABLE_SSL", "perhaps", "must be true or false"),
        ("WANDB_X_FILE_STREAM_NO_GZIP", "perhaps", "must be true or false"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let said = said(command(&server, home.path()).env(name, value).arg("sync").arg(&recorded.log));
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(words) && said.err.contains(name), "{words}: {said:?}");
        assert!(!said.err.contains("s3cret"), "{said:?}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn proxies_of_wandb_go_before_those_of_the_system() {
    let (proxy, other) = (Server::start(), Server::start());
    let recorded = record("proxy", 5);
    let nobody = |vars: &[(&str, &str)]| {
        let home = tempfile::tempdir().unwrap();
        let mut command = command(&proxy, home.path());
        command.env("WANDB_X_GRAPHQL_RETRY_MAX", "0").envs(vars.iter().copied());
        said(command.args(["sync", "--include-synced"]).arg(&recorded.log))
    };
    let (ours, theirs) = (proxy.url(), other.url());
    // TLS goes through a tunnel, which a server that is no proxy refuses.
    let said = nobody(&[
        ("WANDB_BASE_URL", "https://nobody.invalid"),
        ("WANDB_HTTPS_PROXY", ours),
        ("HTTPS_PROXY", theirs),
        ("NO_PROXY", "nobody.invalid"),
        ("WANDB_X_EXTRA_HTTP_HEADERS", r#"{"Proxy-Authorization": "Basic bWU6bWU=", "X-Gateway": "g"}"#),
    ]);
    assert!(said.err.contains("the proxy does not let us through"), "{said:?}");
    let [tunnel] = &proxy.received()[..] else { unreachable!("{:?}", proxy.received()) };
    assert_eq!((tunnel.method.as_str(), tunnel.path.as_str()), ("CONNECT", "nobody.invalid:443"));
    assert_eq!(tunnel.header("proxy-authorization"), Some("Basic bWU6bWU="));
    assert_eq!(tunnel.header("x-gateway"), None);
    // Without TLS the proxy gets the requests themselves, which the test server answers.
    let said = nobody(&[
        ("WANDB_BASE_URL", "http://nobody.invalid"),
        ("WANDB_HTTP_PROXY", ours),
        ("http_proxy", theirs),
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(on(&proxy, "proxy").history().len(), 5);
    assert!(other.received().is_empty());
    // The usual ones, and their exceptions.
    let plain = ("WANDB_BASE_URL", "http://nobody.invalid");
    nobody(&[plain, ("http_proxy", theirs)]);
    let before = other.received().len();
    assert!(before > 0);
    let said = nobody(&[plain, ("http_proxy", theirs), ("NO_PROXY", "nobody.invalid")]);
    assert!(said.err.contains("the name of"), "{said:?}");
    let said =
        nobody(&[plain, ("http_proxy", theirs), ("NO_PROXY", "nobody.invalid"), ("WANDB_HTTPS_PROXY", ours)]);
    assert!(said.err.contains("the name of"), "{said:?}");
    assert_eq!(other.received().len(), before);
}

const SENSIBLE: &[(&str, &str)] = &[("RateLimit-Remaining", "1000"), ("RateLimit-Reset", "2")];
const GARBAGE: &[(&str, &str)] = &[("RateLimit-Remaining", "plenty"), ("RateLimit-Reset", "-1e999")];

#[test]
fn limits_change_nothing_but_the_time() {
    let expected = {
        let server = Server::start();
        assert_eq!(sync(&server, &record("limits", 300).log, &[]).code, 0);
        on(&server, "limits")
    };
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    for headers in [GARBAGE, SENSIBLE] {
        server.fail(Place::Stream, &Fault::Headers(headers), 1);
    }
    server.fail(Place::Storage, &Fault::DropAfter, 1);
    server.enable(&["FILESTREAM_GZIP"]);
    let recorded = record("limits", 300);
    let mut command = command(&server, home.path());
    command.env("UPS_TRACK_UPLOAD_LIMIT", "2M");
    assert_eq!(said(command.arg("sync").arg(&recorded.log)).code, 0);
    assert_same(&expected, &on(&server, "limits"));
    assert_eq!(server.violations(), []);
}
