//! However the program ends, what it recorded is on the server, or one command brings it there.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use ups_track_tests::server::{Fault, Server};

use crate::player::{Player, eventually, is_marked, sync};

#[test]
fn what_kill_9_leaves_is_sent_by_sync_each_row_once() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "killed").start();
    program.tell("rows 500");
    eventually(&server, "killed", |run| run.history().len() == 500);
    server.fail_always(Some(Fault::DropAfter));
    program.tell("rows 500");
    // On the disk, and maybe on the server.
    std::thread::sleep(Duration::from_millis(500));
    let dir = program.kill();
    server.fail_always(None);
    sync(&server, dir.path());
    let run = eventually(&server, "killed", |run| run.complete);
    let steps: Vec<_> = run.history().iter().map(|row| row.get("_step").unwrap().as_u64().unwrap()).collect();
    assert!(steps.iter().copied().eq(0..1000), "{}", steps.len());
    assert_eq!(run.exit_code, Some(1));
    assert_eq!(server.violations(), []);
}

#[test]
fn sigterm_ends_the_upload_too() {
    let server = Server::start();
    let mut program =
        Player::new(server.url(), "term").env("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "3600").start();
    program.tell("rows 5");
    let pid = Pid::from_child(&program.child);
    kill_process(pid, Signal::TERM).unwrap();
    let played = program.ended();
    let run = eventually(&server, "term", |run| run.complete);
    assert_eq!((run.history().len(), run.exit_code), (5, Some(143)));
    assert!(is_marked(played.dir.path(), "term"));
}

#[test]
fn a_program_that_only_returns_from_main_delivers_all() {
    let server = Server::start();
    let mut program =
        Player::new(server.url(), "main").env("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "3600").start();
    program.tell("rows 5");
    let played = program.end();
    assert_eq!(played.code, Some(0));
    let run = eventually(&server, "main", |run| run.complete);
    assert_eq!((run.history().len(), run.exit_code), (5, Some(0)));
}

#[test]
fn a_limit_in_all_ends_a_wait_that_makes_progress() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "limit").env("WANDB_FINISH_TIMEOUT", "0.3").start();
    program.tell("rows 5");
    eventually(&server, "limit", |run| !run.history().is_empty());
    server.fail_always(Some(Fault::Slow(600_000)));
    assert_eq!(program.tell("finish 0"), "5 false");
    let played = program.end();
    assert!(played.said.contains("not through after"), "{}", played.said);
}

/// The guard of the run is dropped before anybody knows what `main` returns.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn what_main_returns_is_the_end_of_the_run() {
    let server = Server::start();
    let mut program = Player::new(server.url(), "returned").start();
    program.tell("rows 20");
    program.tell("code 3");
    let played = program.end();
    assert_eq!(played.code, Some(3));
    let run = eventually(&server, "returned", |run| run.exit_code == Some(3));
    assert_eq!((run.complete, run.history().len()), (true, 20));
    assert!(is_marked(played.dir.path(), "returned"));
    assert_eq!(server.violations(), []);
}
