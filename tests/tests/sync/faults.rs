//! Whatever fails on the way, the run is the same in the end.

use ups_track::Alert;
use ups_track_tests::normalized::assert_same;
use ups_track_tests::server::{Fault, Place, Run, Server};

use crate::{command, marker, on, record, record_with, said, sync};

const PLACES: [Place; 5] = [
    Place::Operation("UpsertBucket"),
    Place::Operation("RunResumeStatus"),
    Place::Operation("CreateRunFiles"),
    Place::Stream,
    Place::Storage,
];

/// What the run is like if nothing fails.
fn without_faults() -> Run {
    let server = Server::start();
    assert_eq!(sync(&server, &record("faults", 50).log, &[]).code, 0);
    on(&server, "faults")
}

#[test]
fn a_fault_changes_nothing() {
    let expected = without_faults();
    let garbage = Fault::Answer(b"\x00\xff nonsense");
    let faults = [
        Fault::Status(500, None),
        Fault::Status(503, Some("0.01")),
        Fault::Status(429, Some("Thu, 01 Jan 1970 00:00:00 GMT")),
        Fault::DropBefore,
        Fault::DropAfter,
        garbage,
    ];
    for fault in faults {
        let server = Server::start();
        for place in PLACES {
            // A status that makes nobody ask for the past.
            server.fail(place, &fault, 2);
        }
        let recorded = record("faults", 50);
        let said = sync(&server, &recorded.log, &[]);
        assert_eq!(said.code, 0, "{fault:?}: {said:?}");
        assert!(marker(&recorded.log).exists());
        assert_same(&expected, &on(&server, "faults"));
        assert_eq!(server.violations(), [], "{fault:?}");
        // All were met but those of a query that a new run may not need.
        assert!(server.faults_left() <= 2, "{fault:?}: {} are left", server.faults_left());
    }
}

#[test]
fn a_place_that_has_ended_is_asked_for_anew_once() {
    let expected = without_faults();
    let asked = |server: &Server| {
        let is_it = |operation: &&str| *operation == "CreateRunFiles";
        server.requests().iter().filter_map(|request| request.operation.as_deref()).filter(is_it).count()
    };
    for status in [400, 401, 403, 404] {
        let server = Server::start();
        server.fail(Place::Storage, &Fault::Status(status, None), 1);
        let recorded = record("faults", 50);
        assert_eq!(sync(&server, &recorded.log, &[]).code, 0);
        assert_same(&expected, &on(&server, "faults"));
        assert_eq!((server.faults_left(), asked(&server)), (0, 2));
        assert_eq!(server.violations(), []);
    }
    // Not more often, whatever the storage says.
    let server = Server::start();
    server.fail(Place::Storage, &Fault::Status(403, None), 1000);
    assert_eq!(sync(&server, &record("faults", 50).log, &[]).code, 2);
    let puts = server.received().iter().filter(|request| request.method == "PUT").count();
    assert_eq!(asked(&server), 1 + puts / 2);
}

#[test]
fn a_conflict_of_the_run_passes() {
    let server = Server::start();
    server.fail(Place::Operation("UpsertBucket"), &Fault::Status(409, None), 3);
    assert_eq!(sync(&server, &record("faults", 5).log, &[]).code, 0);
    assert_eq!(server.faults_left(), 0);
}

#[test]
fn a_server_that_is_down_for_a_while_or_slow() {
    let expected = without_faults();
    let server = Server::start();
    server.fail(Place::Anywhere, &Fault::DropBefore, 10);
    server.fail(Place::Stream, &Fault::Slow(60_000), 1);
    server.fail(Place::Storage, &Fault::Slow(200), 2);
    let recorded = record("faults", 50);
    let home = tempfile::tempdir().unwrap();
    let mut command = command(&server, home.path());
    command.env("WANDB_X_FILE_STREAM_TIMEOUT_SECONDS", "2");
    let said = said(command.arg("sync").arg(&recorded.log));
    assert_eq!(said.code, 0, "{said:?}");
    assert_same(&expected, &on(&server, "faults"));
    assert_eq!((server.violations(), server.faults_left()), (vec![], 0));
}

#[test]
fn what_will_not_pass_is_said_and_the_next_upload_goes_on() {
    let expected = without_faults();
    for (place, fault, words) in [
        (Place::Operation("UpsertBucket"), Fault::Status(401, None), "does not accept the API key"),
        (Place::Operation("UpsertBucket"), Fault::Status(403, None), "does not allow it"),
        (Place::Operation("UpsertBucket"), Fault::Status(404, None), "no such entity"),
        (
            Place::Operation("UpsertBucket"),
            Fault::Answer(br#"{"errors":[{"message":"project not \u001bfound"}]}"#),
            "project not \u{241b}found",
        ),
        (
            Place::Operation("UpsertBucket"),
            Fault::AnswerOnly(b"{\"data\":{\"upsertBucket\":7}}"),
            "not understood",
        ),
        (Place::Operation("CreateRunFiles"), Fault::AnswerOnly(br#"{"data":null}"#), "not understood"),
        (Place::Storage, Fault::Status(403, None), "does not allow it"),
    ] {
        let server = Server::start();
        // For a place at the storage that has ended another one is asked for.
        server.fail(place, &fault, if place == Place::Storage { 100 } else { 1 });
        let recorded = record("faults", 50);
        let said = sync(&server, &recorded.log, &[]);
        assert_eq!(said.code, 2, "{fault:?}: {said:?}");
        assert!(format!("{}{}", said.out, said.err).contains(words), "{words}: {said:?}");
        assert!(!marker(&recorded.log).exists());
        server.recover();
        let said = sync(&server, &recorded.log, &[]);
        assert_eq!(said.code, 0, "{said:?}");
        assert_same(&expected, &on(&server, "faults"));
        assert_eq!(server.violations(), []);
    }
}

/// What is too much for the server at a time goes in parts, and only a line that is too long alone is left out.
#[test]
fn a_request_that_is_too_large_is_halved() {
    let expected = without_faults();
    let server = Server::start();
    server.fail(Place::Stream, &Fault::Status(413, None), 3);
    let recorded = record("faults", 50);
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_same(&expected, &on(&server, "faults"));
    // 52 lines, 26, 13, and then no more than 6 at a time.
    assert!(on(&server, "faults").stream_requests >= 9);
    assert_eq!(server.violations(), []);
}

/// A log of which something can never be sent is not sent again and again, which would undo what people have changed.
#[test]
fn what_can_never_be_sent_is_not_tried_again() {
    let server = Server::start();
    // Down to a line that is alone, and then that one.
    server.fail(Place::Stream, &Fault::Status(413, None), 7);
    let recorded = record("faults", 50);
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 1, "{said:?}");
    // One or two, as long as the lines are.
    let run = on(&server, "faults");
    let left_out = 50 - run.history().len();
    let words = format!("{left_out} line{} longer", if left_out == 1 { "" } else { "s" });
    assert!((1..4).contains(&left_out) && said.out.contains(&words), "{said:?}");
    assert!(!marker(&recorded.log).exists());
    let requests = server.requests().len();
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("nothing new can be sent") && said.out.contains(&words), "{said:?}");
    assert_eq!(server.requests().len(), requests);
    // Whoever wants it has it sent nevertheless.
    let said = sync(&server, &recorded.log, &["--include-synced"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(server.requests().len() > requests);
    assert_same(&run, &on(&server, "faults"));
    assert_eq!(server.violations(), []);
}

/// The next upload begins with the alert that failed.
#[test]
fn no_alert_goes_past_one_that_failed() {
    let recorded = record_with(
        "alerts",
        |builder| builder,
        |run| {
            let alert = |title: &str| run.alert(Alert::new(title));
            alert("a");
            alert("b");
            assert!(run.flush());
            for step in 0..25_000_u32 {
                run.log(step, &[("loss", 1.0)]);
            }
            assert!(run.flush());
            alert("c");
        },
    );
    let server = Server::start();
    server.fail(Place::Operation("NotifyScriptableRunAlert"), &Fault::Status(403, None), 1);
    assert_eq!(sync(&server, &recorded.log, &[]).code, 2);
    assert_eq!(sync(&server, &recorded.log, &[]).code, 0);
    let alerts = on(&server, "alerts").alerts;
    let titles: Vec<_> = alerts.iter().map(|alert| alert.title.as_str()).collect();
    assert_eq!(titles, ["a", "b", "c"]);
}

#[test]
fn attempts_have_an_end() {
    let server = Server::start();
    server.fail(Place::Operation("UpsertBucket"), &Fault::Status(429, Some("86400")), 1);
    let said = sync(&server, &record("faults", 5).log, &[]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("quota") && said.err.contains("gave up after 1 attempt"), "{said:?}");

    server.fail(Place::Operation("UpsertBucket"), &Fault::Status(503, None), 5);
    let home = tempfile::tempdir().unwrap();
    let recorded = record("faults", 5);
    let mut command = command(&server, home.path());
    let few = crate::said(command.env("WANDB_X_GRAPHQL_RETRY_MAX", "4").arg("sync").arg(&recorded.log));
    assert_eq!(few.code, 2, "{few:?}");
    assert!(few.err.contains("gave up after 5 attempts"), "{few:?}");
}

#[test]
fn nobody_is_there() {
    let server = Server::start();
    let recorded = record("faults", 5);
    let home = tempfile::tempdir().unwrap();
    for (url, words) in [
        // A port on which nobody listens: it was ours a moment ago.
        ("http://127.0.0.1:1", "no connection to http://127.0.0.1:1"),
        ("http://nobody.invalid", "the name of http://nobody.invalid is not known"),
        ("not a url", "is no URL"),
        // It speaks no TLS.
        (&server.url().replace("http:", "https:"), "no encrypted connection"),
    ] {
        let mut command = command(&server, home.path());
        command.env("WANDB_BASE_URL", url).env("WANDB_X_GRAPHQL_RETRY_MAX", "1");
        let said = said(command.arg("sync").arg(&recorded.log));
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
}

#[test]
fn a_proxy_that_does_not_let_us_through() {
    let server = Server::start();
    let recorded = record("faults", 5);
    let home = tempfile::tempdir().unwrap();
    let mut command = command(&server, home.path());
    // The test server is no proxy: it refuses the tunnel.
    command.env("WANDB_BASE_URL", "https://nobody.invalid").env("HTTPS_PROXY", server.url());
    let said = said(command.env("WANDB_X_GRAPHQL_RETRY_MAX", "1").arg("sync").arg(&recorded.log));
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("the proxy does not let us through"), "{said:?}");
    let methods: Vec<_> = server.requests().into_iter().map(|request| request.method).collect();
    assert!(methods.iter().all(|method| method == "CONNECT"), "{methods:?}");
}
