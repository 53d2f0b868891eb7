//! What is recorded arrives, while the run goes on, and the same as by a later upload.

use ups_track_tests::normalized::assert_same;
use ups_track_tests::server::{Fault, Place, Run, RunKey, Server};

use crate::player::{Player, Playing, eventually, is_marked, sync};

/// A bit of everything.
fn play(program: &mut Playing) {
    std::fs::write(program.dir.path().join("weights.bin"), vec![7; 300_000]).unwrap();
    for (order, answer) in [
        ("rows 50", "50 rows"),
        ("summary nrmse 0.09", "set"),
        ("config optimizer adam", "set"),
        ("tag late", "added"),
        ("notes words", "set"),
        ("alert title text", "sent"),
        ("console hello", "written"),
        ("file weights.bin now", "saved"),
        ("rows 50", "100 rows"),
    ] {
        assert_eq!(program.tell(order), answer);
    }
}

/// The same, recorded offline and uploaded later.
fn later() -> Run {
    let server = Server::start();
    let mut program = Player::new(server.url(), "same").env("WANDB_MODE", "offline").start();
    play(&mut program);
    assert_eq!(program.tell("finish 3"), "100 false");
    let played = program.end();
    sync(&server, played.dir.path());
    eventually(&server, "same", |run| run.complete)
}

#[test]
fn all_kinds_arrive_as_by_a_later_upload() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "same").start();
    play(&mut program);
    // All of it while the run goes on.
    let run = eventually(&server, "same", |run| {
        run.history().len() == 100
            && run.config().contains_key("optimizer")
            && run.tags == ["late"]
            && run.notes.as_deref() == Some("words")
            && run.alerts.len() == 1
            && run.console().iter().any(|line| line.text == "hello")
            && run.reported_files.contains("weights.bin")
            && run.summary().contains_key("nrmse")
    });
    assert!(!run.complete);
    assert_eq!(program.tell("finish 3"), "100 true");
    let played = program.end();
    assert!(played.said.contains("/test-entity/p/runs/same"), "{}", played.said);
    assert!(is_marked(played.dir.path(), "same"));
    assert_same(&later(), &eventually(&server, "same", |run| run.complete));
    assert_eq!(server.violations(), []);
}

#[test]
fn the_first_rows_do_not_wait_for_the_second() {
    let server = Server::start();
    // One request in an hour, but the first at once.
    let mut program =
        Player::new(server.url(), "first").env("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "3600").start();
    program.tell("rows 1");
    eventually(&server, "first", |run| !run.history().is_empty());
    program.tell("rows 1");
    assert_eq!(program.tell("finish 0"), "2 true");
    let run = eventually(&server, "first", |run| run.complete);
    assert_eq!((run.history().len(), run.exit_code), (2, Some(0)));
    // The first rows, and the end in two.
    assert!(run.stream_requests <= 4, "{}", run.stream_requests);
}

#[test]
fn a_live_file_is_sent_again_when_it_changes() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "file").start();
    let path = program.dir.path().join("report.txt");
    std::fs::write(&path, "first").unwrap();
    program.tell("file report.txt live");
    eventually(&server, "file", |run| run.files.get("report.txt").is_some_and(|file| file == b"first"));
    std::fs::write(&path, "second, longer").unwrap();
    eventually(&server, "file", |run| {
        run.files.get("report.txt").is_some_and(|file| file == b"second, longer")
    });
    std::fs::write(&path, "last").unwrap();
    program.tell("finish 0");
    let run = eventually(&server, "file", |run| run.complete);
    assert_eq!(run.files.get("report.txt").unwrap(), b"last");
    assert_eq!(server.violations(), []);
}

#[test]
fn a_file_for_the_end_is_sent_at_the_end_and_others_once() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "policies").start();
    for name in ["now.bin", "end.bin"] {
        std::fs::write(program.dir.path().join(name), name).unwrap();
    }
    program.tell("file now.bin now");
    program.tell("file end.bin end");
    let run = eventually(&server, "policies", |run| run.files.contains_key("now.bin"));
    assert!(!run.files.contains_key("end.bin"));
    program.tell("finish 0");
    let run = eventually(&server, "policies", |run| run.complete);
    assert!(run.files.contains_key("end.bin"));
    let granted = server.requests().iter().filter(|request| request.path.starts_with("/storage/")).count();
    // These two, metadata (at the start, and at the end if it is written anew), summary, config.
    assert!(granted <= 7, "{granted}");
}

#[test]
fn many_rows_are_all_there() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "many").start();
    for _ in 0..10 {
        program.tell("rows 10000");
    }
    assert_eq!(program.tell("finish 0"), "100000 true");
    let run = eventually(&server, "many", |run| run.complete);
    let steps: Vec<_> = run.history().iter().map(|row| row.get("_step").unwrap().as_u64().unwrap()).collect();
    assert!(steps.iter().copied().eq(0..100_000));
    assert_eq!(server.violations(), []);
}

#[test]
fn the_stop_button_reaches_the_program() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "stop").start();
    program.tell("rows 1");
    eventually(&server, "stop", |run| !run.history().is_empty());
    assert_eq!(program.tell("stop"), "false false");
    server.ask_to_stop(&RunKey::new("test-entity", "p", "stop"));
    let mut answer = String::new();
    // Each row makes a request, whose answer tells.
    for _ in 0..3000 {
        program.tell("rows 1");
        answer = program.tell("stop");
        if answer == "true true" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(answer, "true true");
    // Nothing more violent than that.
    let rows = program.tell("rows 1");
    assert!(rows.ends_with(" rows"));
    let played = program.end();
    assert_eq!(played.code, Some(0));
    assert!(played.said.contains("asked on the server that this run stops"), "{}", played.said);
}

#[test]
fn what_attached_children_record_is_on_the_server_too() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "family").start();
    let page = program.tell("url");
    let context = program.dir.path().join("context.json");
    assert_eq!(program.tell(&format!("context {}", context.display())), "saved");
    assert!(std::fs::read_to_string(&context).unwrap().contains(&page));
    program.tell("rows 3");
    program.tell("child 20");
    // While the parent goes on.
    eventually(&server, "family", |run| run.history().len() == 23);
    assert_eq!(program.tell("finish 0"), "23 true");
    program.end();
    assert_eq!(server.runs().len(), 1);
    assert_eq!(server.violations(), []);
}

#[test]
fn what_nobody_can_send_is_said() {
    let server = Server::start();
    server.fail(
        Place::Operation("NotifyScriptableRunAlert"),
        &Fault::AnswerOnly(br#"{"errors":[{"message":"no alerts here"}]}"#),
        1,
    );
    let mut program = Player::new(server.url(), "said").start();
    std::fs::write(program.dir.path().join("gone.txt"), "text").unwrap();
    program.tell("alert a b");
    program.tell("file gone.txt end");
    std::fs::remove_file(program.dir.path().join("gone.txt")).unwrap();
    assert_eq!(program.tell("finish 0"), "0 true");
    let said = program.end().said;
    for words in
        ["an alert was not taken by the server", "no alerts here", "not there any more", "`gone.txt`"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
}
