//! Whether a run is online, and what a server that cannot be used means.

use ups_track_tests::server::{Fault, Place, Server};

use crate::player::{Player, eventually, run_dir, sync};

#[test]
fn with_a_key_and_no_mode_it_is_online() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "mode").start();
    assert_eq!(program.tell("mode"), "online");
    assert_eq!(program.tell("url"), format!("{}/test-entity/p/runs/mode", server.url()));
    assert_eq!(program.end().code, Some(0));
    eventually(&server, "mode", |run| run.complete && run.exit_code == Some(0));
}

#[test]
fn without_a_key_and_mode_it_is_offline_and_says_so() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "mode").without("WANDB_API_KEY").start();
    assert_eq!((program.tell("mode").as_str(), program.tell("url").as_str()), ("offline", "no page"));
    let played = program.end();
    assert!(played.said.contains("recording offline (there is no API key)"), "{}", played.said);
    assert!(server.requests().is_empty());
}

#[test]
fn online_without_a_key_is_an_error_at_the_start() {
    let server = Server::start();
    let player = Player::new(server.url(), "mode").without("WANDB_API_KEY").env("WANDB_MODE", "online");
    let played = player.start().end();
    assert_eq!(played.code, Some(2));
    for words in ["cannot record in mode `online`", "ups-track login", "WANDB_MODE=offline"] {
        assert!(played.said.contains(words), "{words}: {}", played.said);
    }
    assert!(!played.dir.path().join("wandb").exists());
}

#[test]
fn a_bad_setting_of_the_upload_is_an_error_at_the_start() {
    let server = Server::start();
    for (name, value) in [("UPS_TRACK_UPLOAD_LIMIT", "fast"), ("WANDB_X_GRAPHQL_RETRY_MAX", "often")] {
        let player = Player::new(server.url(), "bad").env("WANDB_MODE", "online").env(name, value);
        let played = player.start().end();
        assert_eq!(played.code, Some(2), "{}", played.said);
        assert!(played.said.contains(name) && played.said.contains(value), "{}", played.said);
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_server_that_refuses_is_told_once_and_the_run_goes_on_in_its_log() {
    for (fault, words) in [
        (Fault::Status(401, None), "does not accept the API key"),
        (Fault::Status(403, None), "does not allow it"),
        (Fault::Status(404, None), "no such entity"),
        (Fault::AnswerOnly(b"<!doctype html><html>sign in</html>"), "a web page instead of data"),
    ] {
        let server = Server::start();
        server.fail(Place::Operation("UpsertBucket"), &fault, 1000);
        let mut program = Player::new(server.url(), "refused").start();
        assert_eq!(program.tell("rows 7"), "7 rows");
        assert_eq!(program.tell("url"), "no page");
        assert_eq!(program.tell("rows 7"), "14 rows");
        assert_eq!(program.tell("finish 0"), "14 false");
        let played = program.end();
        assert_eq!(played.code, Some(0));
        assert_eq!(played.said.matches(words).count(), 2, "{}", played.said);
        assert!(played.said.contains("recording goes on, and the next attempt is in"), "{}", played.said);
        let dir = run_dir(played.dir.path());
        let name = dir.file_name().unwrap().to_str().unwrap();
        assert!(played.said.contains("ups-track sync") && played.said.contains(name), "{}", played.said);
        server.recover();
        sync(&server, played.dir.path());
        let run = eventually(&server, "refused", |run| run.complete);
        assert_eq!((run.history().len(), run.exit_code), (14, Some(0)));
    }
}

#[test]
fn nobody_is_there_and_it_is_told_what_is_wrong() {
    for (url, words) in [
        ("http://127.0.0.1:1", "no connection to http://127.0.0.1:1"),
        ("http://nobody.invalid", "the name of http://nobody.invalid is not known"),
    ] {
        let mut program = Player::new(url, "nobody").env("UPS_TRACK_FINISH_PATIENCE", "0.2").start();
        assert_eq!(program.tell("rows 7"), "7 rows");
        program.says(words);
        assert_eq!(program.tell("finish 0"), "7 false");
        let played = program.end();
        assert!(played.said.contains(words), "{}", played.said);
        assert!(played.said.contains("recording goes on"), "{}", played.said);
    }
}
