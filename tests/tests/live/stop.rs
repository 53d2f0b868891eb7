//! What a program does that is asked to stop.

use ups_track_tests::server::{RunKey, Server};

use crate::player::{Player, Playing, eventually, is_marked};

/// A program that does this when it is asked to stop, as soon as it is.
fn asked(server: &Server, what: &str) -> Playing {
    let mut program = Player::new(server.url(), "stop").start();
    assert_eq!(program.tell(&format!("on-stop {what}")), "noted");
    program.tell("rows 5");
    eventually(server, "stop", |run| run.history().len() == 5);
    server.ask_to_stop(&RunKey::new("test-entity", "p", "stop"));
    // A request, whose answer tells.
    program.order("rows 5");
    program
}

#[test]
fn it_may_end_the_process() {
    let server = Server::start();
    let played = asked(&server, "exit").ended();
    assert_eq!(played.code, Some(7), "{}", played.said);
    let run = eventually(&server, "stop", |run| run.complete);
    assert_eq!((run.history().len(), run.exit_code), (10, Some(7)));
    assert!(is_marked(played.dir.path(), "stop"), "{}", played.said);
    assert_eq!(server.violations(), []);
}

#[test]
fn it_may_end_the_run() {
    let server = Server::start();
    let mut program = asked(&server, "finish");
    let mut answers = [program.answer("rows 5"), program.answer("on-stop")];
    answers.sort();
    assert_eq!(answers, ["10 rows", "finished true"]);
    let played = program.end();
    assert_eq!(played.code, Some(0), "{}", played.said);
    let run = eventually(&server, "stop", |run| run.complete);
    assert_eq!((run.history().len(), run.exit_code), (10, Some(5)));
    assert!(is_marked(played.dir.path(), "stop"), "{}", played.said);
}
