//! A server, or what stands in its place, that means no good.

use ups_track_tests::server::{Fault, Place, Server};

use crate::{command, files_below, marker, record, said, sync};

#[test]
fn nobody_else_gets_key_or_rows() {
    for place in [Place::Operation("UpsertBucket"), Place::Stream] {
        let (server, other) = (Server::start(), Server::start());
        server.fail(place, &Fault::Redirect(other.url().to_owned()), 10);
        let recorded = record("redirected", 5);
        let said = sync(&server, &recorded.log, &[]);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(&format!("sends us to {}", other.url())), "{said:?}");
        assert!(other.requests().is_empty() && !marker(&recorded.log).exists());
    }
}

#[test]
fn an_upload_may_be_sent_on_but_without_the_key() {
    let server = Server::start();
    server.fail(Place::Storage, &Fault::Redirect(server.url().to_owned()), 2);
    // The place that the test server sends it to lacks the signature: that is what is refused, not the redirect, and another
    // place is asked for.
    let recorded = record("sent-on", 5);
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let violations = format!("{:?}", server.violations());
    assert!(violations.contains("UnknownPath") && !violations.contains("KeyGivenAway"), "{violations}");
}

#[test]
fn names_of_files_are_ours() {
    for answer in [
        &br#"{"data":{"createRunFiles":{"runID":"r","uploadHeaders":[],"files":[{"name":"../../../etc/passwd","uploadUrl":"http://127.0.0.1:1/"}]}}}"#[..],
        br#"{"data":{"createRunFiles":{"runID":"r","uploadHeaders":["no header"],"files":[]}}}"#,
        br#"{"data":{"createRunFiles":{"runID":"r","uploadHeaders":[],"files":[{"name":"weights.bin","uploadUrl":"file:///etc/passwd"}]}}}"#,
        br#"{"data":{"createRunFiles":{"runID":"r","uploadHeaders":[],"files":[]}}}"#,
    ] {
        let server = Server::start();
        server.fail(Place::Operation("CreateRunFiles"), &Fault::AnswerOnly(answer), 1);
        let recorded = record("names", 5);
        let before = files_below(recorded.root.path());
        let said = sync(&server, &recorded.log, &[]);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains("places for files"), "{said:?}");
        let beside = format!("{}.", recorded.log.display());
        let files = files_below(recorded.root.path()).into_iter();
        let after: Vec<_> = files.filter(|file| !file.starts_with(&beside)).collect();
        assert_eq!(after, before);
        assert!(server.requests().iter().all(|request| !request.path.starts_with("/storage")));
    }
}

#[test]
fn a_page_and_endless_answers_are_told_apart() {
    let page = Fault::AnswerOnly(b"\n<!DOCTYPE html><title>Sign in</title>");
    for (place, fault, words) in [
        (Place::Operation("UpsertBucket"), page.clone(), "a web page instead of data"),
        (Place::Stream, page, "a web page instead of data"),
        (Place::Operation("UpsertBucket"), Fault::Huge(40_000_000), "more than"),
        (Place::Stream, Fault::Huge(2_000_000), "more than"),
    ] {
        let server = Server::start();
        server.fail(place, &fault, 10);
        let recorded = record("answers", 5);
        let said = sync(&server, &recorded.log, &[]);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(words), "{words}: {said:?}");
        assert!(!marker(&recorded.log).exists());
        // One line for a person.
        assert_eq!(said.err.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{said:?}");
    }
}

#[test]
fn another_storage_gets_the_bytes_and_nothing_else() {
    let (server, other) = (Server::start(), Server::start());
    server.fail(Place::Storage, &Fault::Redirect(other.url().to_owned()), 1000);
    let recorded = record("elsewhere", 5);
    let home = tempfile::tempdir().unwrap();
    let mut command = command(&server, home.path());
    command.env("WANDB_X_EXTRA_HTTP_HEADERS", r#"{"X-Gateway": "let-me-in"}"#);
    let said = said(command.arg("sync").arg(&recorded.log));
    // The other one has granted nothing.
    assert_eq!(said.code, 2, "{said:?}");
    assert!(!other.received().is_empty());
    for received in other.received() {
        assert_eq!((received.method.as_str(), received.header("authorization")), ("PUT", None));
        assert_eq!(received.header("x-gateway"), None);
    }
    assert!(!format!("{:?}", other.violations()).contains("KeyGivenAway"));
}

#[test]
fn what_a_server_says_cannot_command_the_terminal() {
    let server = Server::start();
    let answer = br#"{"errors":[{"message":"\u001b]0;owned\u0007\u001b[2J\u202egone"}]}"#;
    server.fail(Place::Operation("UpsertBucket"), &Fault::Answer(answer), 1);
    let recorded = record("escapes", 5);
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("owned") && said.err.contains("gone"), "{said:?}");
    assert!(!said.err.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{said:?}");
}
