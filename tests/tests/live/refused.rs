//! A server, or what stands in its place, that refuses for a while: the run goes on, and so does its upload.

use ups_track_tests::normalized::assert_same;
use ups_track_tests::server::{API_KEY, Fault, Place, Run, Server};

use crate::player::{Player, eventually, is_marked};

/// What the run is like if nothing is refused.
fn without_faults() -> Run {
    let server = Server::start();
    let mut program = Player::new(server.url(), "refused").start();
    program.tell("rows 300");
    program.tell("finish 0");
    eventually(&server, "refused", |run| run.complete)
}

#[test]
fn what_was_refused_arrives_while_the_run_goes_on() {
    let expected = without_faults();
    let page = Fault::AnswerOnly(b"<!doctype html><html>sign in</html>");
    for (fault, times, words) in [
        (Fault::Status(401, None), 1, "does not accept the API key"),
        (Fault::Status(403, None), 1, "does not allow it"),
        (Fault::Status(404, None), 1, "no such entity"),
        (Fault::Status(422, None), 1, "answered 422"),
        // Longer than a request is repeated for it.
        (page, 8, "a web page instead of data"),
        (Fault::Redirect("http://127.0.0.1:1".to_owned()), 8, "sends us to http://127.0.0.1:1"),
    ] {
        for place in [Place::Stream, Place::Operation("UpsertBucket")] {
            let server = Server::start();
            let is_stream = place == Place::Stream;
            if !is_stream {
                server.fail(place, &fault, times);
            }
            let mut program = Player::new(server.url(), "refused").start();
            program.tell("rows 100");
            if is_stream {
                eventually(&server, "refused", |run| run.history().len() == 100);
                server.fail(place, &fault, times);
            }
            program.tell("rows 100");
            program.says("recording goes on, and the next attempt is in");
            program.tell("rows 100");
            eventually(&server, "refused", |run| run.history().len() == 300);
            assert_eq!(program.tell("finish 0"), "300 true", "{fault:?}");
            let played = program.end();
            assert_eq!(played.said.matches(words).count(), 1, "{words}: {}", played.said);
            assert!(played.said.contains("the upload goes on"), "{}", played.said);
            assert!(is_marked(played.dir.path(), "refused"));
            assert_same(&expected, &eventually(&server, "refused", |run| run.complete));
            assert_eq!(server.violations(), [], "{fault:?}");
        }
    }
}

#[test]
fn a_sign_in_page_that_goes_away_soon_is_no_refusal() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "refused").start();
    program.tell("rows 100");
    eventually(&server, "refused", |run| run.history().len() == 100);
    for place in [Place::Stream, Place::Storage, Place::Operation("CreateRunFiles")] {
        server.fail(place, &Fault::AnswerOnly(b"<html>sign in</html>"), 2);
    }
    server.fail(Place::Storage, &Fault::Status(302, None), 1);
    program.tell("rows 200");
    assert_eq!(program.tell("finish 0"), "300 true");
    let played = program.end();
    assert!(!played.said.contains("web page"), "{}", played.said);
    assert_same(&without_faults(), &eventually(&server, "refused", |run| run.complete));
    assert_eq!((server.violations(), server.faults_left()), (vec![], 0));
}

/// The next attempt would be in a minute.
#[test]
fn whoever_waits_for_the_end_gets_one_more_attempt_at_once() {
    let server = Server::start();
    let player = Player::new(server.url(), "refused").without("WANDB_X_GRAPHQL_RETRY_WAIT_MIN_SECONDS");
    let mut program = player.without("WANDB_X_GRAPHQL_RETRY_WAIT_MAX_SECONDS").start();
    program.tell("rows 100");
    eventually(&server, "refused", |run| run.history().len() == 100);
    server.fail(Place::Stream, &Fault::Status(403, None), 1);
    program.tell("rows 200");
    program.says("the next attempt is in 1 min");
    assert_eq!(program.tell("finish 0"), "300 true");
    program.end();
    assert_same(&without_faults(), &eventually(&server, "refused", |run| run.complete));
    // And no more than one.
    let server = Server::start();
    server.fail(Place::Operation("UpsertBucket"), &Fault::Status(403, None), 1000);
    let player = Player::new(server.url(), "refused").without("WANDB_X_GRAPHQL_RETRY_WAIT_MIN_SECONDS");
    let mut program = player.without("WANDB_X_GRAPHQL_RETRY_WAIT_MAX_SECONDS").start();
    program.says("the next attempt is in 1 min");
    assert_eq!(server.faults_left(), 999);
    assert_eq!(program.tell("finish 0"), "0 false");
    assert_eq!(server.faults_left(), 998);
    assert!(program.end().said.contains("does not allow it"));
}

#[test]
fn a_key_that_is_stored_while_the_run_goes_on_counts() {
    let server = Server::start();
    let player = Player::new(server.url(), "refused").without("WANDB_API_KEY");
    let netrc = player.dir.path().join(".netrc");
    let machine = server.url().strip_prefix("http://").unwrap().to_owned();
    let write = |key: &str| {
        std::fs::write(&netrc, format!("machine {machine}\n  login user\n  password {key}\n")).unwrap();
    };
    write(&"k".repeat(40));
    let mut program = player.start();
    program.tell("rows 100");
    program.says("does not accept the API key");
    write(API_KEY);
    eventually(&server, "refused", |run| run.history().len() == 100);
    program.tell("rows 200");
    assert_eq!(program.tell("finish 0"), "300 true");
    program.end();
    assert_same(&without_faults(), &eventually(&server, "refused", |run| run.complete));
}

#[test]
fn a_run_whose_last_files_take_long_gives_signs_of_life() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "alive")
        .env("UPS_TRACK_HEARTBEAT", "0.05")
        .env("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "3600")
        .env("UPS_TRACK_FINISH_PATIENCE", "20")
        .start();
    std::fs::write(program.dir.path().join("weights.bin"), vec![7; 300_000]).unwrap();
    program.tell("file weights.bin end");
    program.tell("rows 5");
    eventually(&server, "alive", |run| run.history().len() == 5);
    server.fail(Place::Storage, &Fault::Hold, 1);
    program.order("finish 0");
    // A file is on its way, and nothing else happens.
    let before = eventually(&server, "alive", |_| server.faults_left() == 0).stream_requests;
    let run = eventually(&server, "alive", |run| run.stream_requests >= before + 3);
    assert!(!run.complete);
    server.release();
    assert_eq!(program.answer("finish 0"), "5 true");
    let run = eventually(&server, "alive", |run| run.complete);
    assert_eq!(run.files.get("weights.bin").map(Vec::len), Some(300_000));
    assert_eq!(server.violations(), []);
}
