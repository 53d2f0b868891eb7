//! Identity tokens instead of keys.

use std::fs;
use std::path::Path;
use std::process::Command;

use ups_track_tests::server::{API_KEY, Fault, Place, Received, Server};

use crate::{Said, command, files_below, has, on, record, record_with, said};

const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwb2QtMSJ9.c2lnbmF0dXJlLW9mLXRoZS10ZXN0";

/// The command with an identity token instead of a key.
fn with_token(server: &Server, home: &Path, token: &str) -> Command {
    fs::write(home.join("token"), format!("{token}\n")).unwrap();
    let mut command = command(server, home);
    command.env_remove("WANDB_API_KEY").env("WANDB_IDENTITY_TOKEN_FILE", home.join("token"));
    command
}

#[track_caller]
fn said_without_tokens(command: &mut Command) -> Said {
    let said = said(command);
    for secret in [TOKEN, "access-token-"] {
        assert!(!said.out.contains(secret) && !said.err.contains(secret), "{said:?}");
    }
    said
}

fn cache(home: &Path) -> std::path::PathBuf {
    home.join(".config/wandb/credentials.json")
}

#[test]
fn a_token_is_exchanged_once_and_kept() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    server.trust(TOKEN, 3600);
    let status = said_without_tokens(with_token(&server, home.path(), TOKEN).arg("status"));
    assert_eq!(status.code, 0, "{status:?}");
    for words in ["identity token in", "WANDB_IDENTITY_TOKEN_FILE", "accepted, as test-entity"] {
        assert!(status.out.contains(words), "{words}: {status:?}");
    }
    let recorded = record("identity", 100);
    let synced = said_without_tokens(with_token(&server, home.path(), TOKEN).arg("sync").arg(&recorded.log));
    assert_eq!(synced.code, 0, "{synced:?}");
    assert_eq!(on(&server, "identity").history().len(), 100);
    assert_eq!((server.tokens(), server.violations()), (1, vec![]));

    let text = fs::read_to_string(cache(home.path())).unwrap();
    assert!(
        text.contains("access-token-1") && text.contains(server.url()) && !text.contains(TOKEN),
        "{text}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(cache(home.path())).unwrap().permissions().mode() & 0o777, 0o600);
    }
    for file in files_below(recorded.root.path()) {
        let bytes = fs::read(&file).unwrap();
        assert!(!has(&bytes, b"access-token-") && !has(&bytes, TOKEN.as_bytes()), "{file}");
    }
    let leaked = |request: &Received| {
        let exchange = request.path == "/oidc/token";
        has(&request.body, b"access-token-") || (!exchange && has(&request.body, b"eyJhbGciOiJSUzI1NiJ9"))
    };
    assert!(!server.received().iter().any(leaked));
}

#[test]
fn a_token_that_ends_soon_is_renewed_on_the_way() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    // Five minutes left are too few, so that each request has a token of its own, and the server knows the last one only.
    server.trust(TOKEN, 300);
    // Nothing beside the lines, so that one request comes after the other.
    let recorded = record_with(
        "renewed",
        |builder| builder,
        |run| {
            for step in 0..50_000_u32 {
                run.log(step, &[("loss", 1.0 / (f64::from(step) + 1.0))]);
            }
        },
    );
    let synced = said_without_tokens(with_token(&server, home.path(), TOKEN).arg("sync").arg(&recorded.log));
    assert_eq!(synced.code, 0, "{synced:?}");
    assert_eq!(on(&server, "renewed").history().len(), 50_000);
    assert!(on(&server, "renewed").stream_requests > 2);
    let bearing =
        server.received().iter().filter(|request| request.header("authorization").is_some()).count();
    assert_eq!((server.tokens(), server.violations()), (bearing, vec![]));
}

#[test]
fn a_kept_token_that_the_server_has_forgotten_is_renewed() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    server.trust(TOKEN, 3600);
    assert_eq!(said_without_tokens(with_token(&server, home.path(), TOKEN).arg("status")).code, 0);
    server.forget_token();
    let status = said_without_tokens(with_token(&server, home.path(), TOKEN).arg("status"));
    assert_eq!(status.code, 0, "{status:?}");
    assert_eq!(server.tokens(), 2);
    // A new one that is not accepted is not renewed for ever.
    server.forget_token();
    server.fail(Place::Operation("Viewer"), &Fault::Status(401, None), 2);
    let status = said_without_tokens(with_token(&server, home.path(), TOKEN).arg("status"));
    assert_eq!(status.code, 2, "{status:?}");
    assert!(status.err.contains("does not accept the identity token"), "{status:?}");
    assert_eq!((server.tokens(), server.faults_left()), (3, 0));
}

#[test]
fn a_cache_that_cannot_be_used_costs_an_exchange() {
    for (content, words) in [("nonsense", None), ("", Some("cannot write"))] {
        let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
        server.trust(TOKEN, 3600);
        let path = home.path().join("kept");
        if words.is_some() {
            fs::create_dir(&path).unwrap();
        } else {
            fs::write(&path, content).unwrap();
        }
        let mut command = with_token(&server, home.path(), TOKEN);
        let status = said_without_tokens(command.env("WANDB_CREDENTIALS_FILE", &path).arg("status"));
        assert_eq!((status.code, server.tokens()), (0, 1), "{status:?}");
        assert!(words.is_none_or(|words| status.err.contains(words)), "{status:?}");
        assert!(words.is_some() || fs::read_to_string(&path).unwrap().contains("access-token-1"));
    }
}

#[test]
fn the_exchange_is_tried_again_or_its_failure_said() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    server.trust(TOKEN, 3600);
    let exchange = Place::Path("/oidc/token");
    server.fail(exchange, &Fault::Status(503, Some("0.01")), 2);
    assert_eq!(said_without_tokens(with_token(&server, home.path(), TOKEN).arg("status")).code, 0);

    for (token, fault, words) in [
        ("other.token.here", None, "does not accept the identity token"),
        (TOKEN, Some(Fault::Status(404, None)), "knows nothing of identity tokens"),
        (TOKEN, Some(Fault::AnswerOnly(br#"{"access_token": "a b", "expires_in": 7}"#)), "`access_token`"),
        (TOKEN, Some(Fault::AnswerOnly(br#"{"access_token": "a", "expires_in": -1}"#)), "`expires_in`"),
        (TOKEN, Some(Fault::AnswerOnly(b"<html>")), "a web page"),
        (TOKEN, Some(Fault::Redirect("http://127.0.0.1:1".to_owned())), "sends us to http://127.0.0.1:1"),
        ("", None, "it holds no token"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let before = server.received().len();
        if let Some(fault) = fault {
            server.fail(exchange, &fault, 1);
        }
        let status = said_without_tokens(with_token(&server, home.path(), token).arg("status"));
        assert_eq!(status.code, 2, "{status:?}");
        assert!(
            status.err.contains(words) && !status.err.contains("other.token.here"),
            "{words}: {status:?}"
        );
        assert!(server.received().len() - before <= 1 && !cache(home.path()).exists());
    }
}

#[test]
fn a_key_besides_is_one_too_many() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let mut command = with_token(&server, home.path(), TOKEN);
    let status = said_without_tokens(command.env("WANDB_API_KEY", API_KEY).arg("status"));
    assert_eq!(status.code, 2, "{status:?}");
    for words in ["WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "unset one of them"] {
        assert!(status.err.contains(words), "{status:?}");
    }
    assert!(server.requests().is_empty());
}
