//! The server is away: from the start, in the middle, at the end.

use ups_track_tests::normalized::assert_same;
use ups_track_tests::server::{Fault, Place, Run, Server};

use crate::player::{Player, eventually, is_marked, sync};

/// What the run is like if nothing fails.
fn without_faults() -> Run {
    let server = Server::start();
    let mut program = Player::new(server.url(), "outage").start();
    program.tell("rows 300");
    program.tell("summary nrmse 0.09");
    program.tell("finish 0");
    eventually(&server, "outage", |run| run.complete)
}

#[test]
fn down_from_the_first_second_and_one_later_sync_delivers_all() {
    let server = Server::start();
    server.fail_always(Some(Fault::DropBefore));
    let mut program = Player::new(server.url(), "outage").env("UPS_TRACK_FINISH_PATIENCE", "0.5").start();
    program.tell("rows 300");
    program.tell("summary nrmse 0.09");
    assert_eq!(program.tell("finish 0"), "300 false");
    let played = program.end();
    assert_eq!(played.code, Some(0));
    for words in ["not everything is on the server: no progress for", "upload   ups-track sync "] {
        assert!(played.said.contains(words), "{words}: {}", played.said);
    }
    assert!(!is_marked(played.dir.path(), "outage"));
    server.fail_always(None);
    sync(&server, played.dir.path());
    assert_same(&without_faults(), &eventually(&server, "outage", |run| run.complete));
    assert_eq!(server.violations(), []);
    assert!(is_marked(played.dir.path(), "outage"));
}

#[test]
fn down_at_first_and_then_there() {
    let server = Server::start();
    server.fail_always(Some(Fault::Status(503, None)));
    let mut program = Player::new(server.url(), "outage").start();
    program.tell("rows 300");
    program.tell("summary nrmse 0.09");
    server.fail_always(None);
    assert!(program.tell("url").ends_with("/runs/outage"));
    let answer = program.tell("finish 0");
    let played = program.end();
    assert_eq!(answer, "300 true", "{}", played.said);
    assert_same(&without_faults(), &eventually(&server, "outage", |run| run.complete));
}

#[test]
fn away_in_the_middle() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "outage").start();
    program.tell("rows 100");
    eventually(&server, "outage", |run| run.history().len() == 100);
    // Applied, and nobody hears of it.
    server.fail_always(Some(Fault::DropAfter));
    program.tell("rows 100");
    eventually(&server, "outage", |run| run.history().len() == 200);
    program.tell("rows 100");
    server.fail_always(None);
    program.tell("summary nrmse 0.09");
    assert_eq!(program.tell("finish 0"), "300 true");
    program.end();
    assert_same(&without_faults(), &eventually(&server, "outage", |run| run.complete));
    assert_eq!(server.violations(), []);
}

#[test]
fn a_stream_that_is_refused_for_good_is_left_to_sync() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "outage").start();
    program.tell("rows 100");
    eventually(&server, "outage", |run| run.history().len() == 100);
    server.fail(Place::Stream, &Fault::Status(403, None), 1000);
    program.tell("rows 200");
    program.tell("summary nrmse 0.09");
    assert_eq!(program.tell("finish 0"), "300 false");
    let played = program.end();
    assert!(played.said.contains("does not allow it"), "{}", played.said);
    server.recover();
    sync(&server, played.dir.path());
    assert_same(&without_faults(), &eventually(&server, "outage", |run| run.complete));
    assert_eq!(server.violations(), []);
}

#[test]
fn metrics_do_not_wait_for_files_or_descriptions() {
    let server = Server::start();
    for place in
        [Place::Storage, Place::Operation("CreateRunFiles"), Place::Operation("NotifyScriptableRunAlert")]
    {
        server.fail(place, &Fault::Slow(600_000), 1);
    }
    let mut program = Player::new(server.url(), "outage").env("UPS_TRACK_FINISH_PATIENCE", "0.5").start();
    std::fs::write(program.dir.path().join("weights.bin"), vec![7; 300_000]).unwrap();
    program.tell("file weights.bin now");
    program.tell("alert a b");
    program.tell("rows 10");
    eventually(&server, "outage", |run| run.history().len() == 10);
    // Once the slow requests are known, an update of the run is slow as well.
    server.fail(Place::Operation("UpsertBucket"), &Fault::Slow(600_000), 1);
    program.tell("tag late");
    program.tell("rows 10");
    eventually(&server, "outage", |run| run.history().len() == 20);
    assert_eq!(program.tell("finish 0"), "20 false");
}

#[test]
fn an_alert_that_is_refused_is_told_and_rows_go_on_and_it_is_sent_at_the_end() {
    let server = Server::start();
    server.fail(Place::Operation("NotifyScriptableRunAlert"), &Fault::Status(403, None), 1);
    let mut program = Player::new(server.url(), "outage").start();
    program.tell("alert one text");
    program.says("something of the run is not sent");
    program.tell("alert two text");
    program.tell("rows 10");
    let run = eventually(&server, "outage", |run| run.history().len() == 10);
    assert!(run.alerts.is_empty());
    assert_eq!(program.tell("finish 0"), "10 true");
    program.end();
    let run = eventually(&server, "outage", |run| run.complete && run.alerts.len() == 2);
    assert_eq!(run.alerts.iter().map(|alert| alert.title.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(run.history().len(), 10);
    assert_eq!(server.violations(), []);
}

/// A million rows are some 130 MB of log: had they to be kept until the server is there, the program could not go on.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_while_the_server_is_away() {
    let server = Server::start();
    server.fail_always(Some(Fault::DropBefore));
    let player = Player::limited(server.url(), "outage", 64).env("UPS_TRACK_FINISH_PATIENCE", "0.5");
    let mut program = player.start();
    for _ in 0..10 {
        program.tell("rows 100000");
    }
    assert_eq!(program.tell("finish 0"), "1000000 false");
    let played = program.end();
    assert_eq!(played.code, Some(0), "{}", played.said);
    let log = crate::player::run_dir(played.dir.path()).join("run-outage.wandb");
    assert!(log.metadata().unwrap().len() > 100_000_000);
}

/// With too few descriptors for an upload the program is told once, and the upload begins when there are more.
#[test]
fn too_few_descriptors() {
    let server = Server::start();
    for few in [12, 14, 20] {
        let id = format!("few-{few}");
        let mut program = Player::under(&format!("-S -n {few}"), server.url(), &id).start();
        program.tell("rows 5");
        program.says("too many files are open");
        program.tell("rows 5");
        assert_eq!(program.tell("files 256"), "limited");
        eventually(&server, &id, |run| run.history().len() == 10);
        assert_eq!(program.tell("finish 0"), "10 true");
        let played = program.end();
        assert_eq!(played.code, Some(0));
        assert!(!played.said.contains("panicked"), "{}", played.said);
        assert_eq!(played.said.matches("too many files").count(), 1, "{}", played.said);
    }
}

/// What the server takes at last is no reason to call the run not whole.
#[test]
fn a_description_that_is_taken_at_last_is_whole() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "outage").start();
    program.tell("rows 10");
    eventually(&server, "outage", |run| run.history().len() == 10);
    server.fail(Place::Operation("UpsertBucket"), &Fault::Status(403, None), 1);
    program.tell("tag late");
    program.says("something of the run is not sent");
    assert_eq!(program.tell("finish 0"), "10 true");
    let played = program.end();
    assert_eq!(eventually(&server, "outage", |run| run.complete).tags, ["late"]);
    assert!(is_marked(played.dir.path(), "outage"));
}
