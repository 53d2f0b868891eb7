//! Runs with a history: two and three sessions of one run, each recorded in another way, and `sync` between and after. The
//! server has every row, console line, file and summary value of every session, once.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use fastrand::Rng;
use tempfile::TempDir;
use ups_track_tests::json::Row;
use ups_track_tests::log::Log;
use ups_track_tests::server::{Fault, Place, Run, RunKey, Server, Stream};

use crate::player::{Player, Playing, command, eventually, run_dir};
use crate::power::number;

/// How a session is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Offline,
    Online,
    /// The server is away all the time.
    Down,
    /// The run is there, and its stream is not.
    StreamDown,
    /// The stream is refused once.
    Refused,
    /// Killed as soon as something of it is there.
    Killed,
    /// Killed while the server takes everything, and nobody hears of it.
    Unheard,
}

const ALL: [How; 7] =
    [How::Offline, How::Online, How::Down, How::StreamDown, How::Refused, How::Killed, How::Unheard];

const ID: &str = "sessions";

/// A session that is over, in its directory.
struct Session(TempDir);

fn rows_there(server: &Server) -> usize {
    server.run(&RunKey::new("test-entity", "p", ID)).map_or(0, |run| run.history().len())
}

/// Plays a session, which records things of its own number.
fn play(server: &Server, how: How, number: usize) -> Session {
    let before = rows_there(server);
    let player = Player::new(server.url(), ID)
        .env("WANDB_RESUME", "allow")
        .env("UPS_TRACK_FINISH_PATIENCE", "0.3")
        .env("WANDB_MODE", if how == How::Offline { "offline" } else { "online" });
    match how {
        How::Down => server.fail_always(Some(Fault::DropBefore)),
        How::StreamDown => server.fail(Place::Stream, &Fault::DropBefore, 100_000),
        How::Refused => server.fail(Place::Stream, &Fault::Status(403, None), 1),
        How::Unheard => server.fail(Place::Stream, &Fault::DropAfter, 100_000),
        How::Offline | How::Online | How::Killed => {}
    }
    let mut program = player.start();
    std::fs::write(program.dir.path().join(format!("file-{number}.txt")), "text").unwrap();
    // No two sessions have as many.
    program.tell(&format!("rows {}", 3 + 2 * number));
    program.tell(&format!("console line-{number}"));
    program.tell(&format!("summary key-{number} {number}"));
    let dir = match how {
        How::Killed | How::Unheard => {
            let key = RunKey::new("test-entity", "p", ID);
            server.run_when(&key, |run| run.history().len() > before);
            program.tell("rows 2");
            program.kill()
        }
        _ => ended(program, number),
    };
    server.fail_always(None);
    server.recover();
    Session(dir)
}

fn ended(mut program: Playing, number: usize) -> TempDir {
    program.tell(&format!("file file-{number}.txt end"));
    program.tell("finish 0");
    program.end().dir
}

/// Sends what a session has left; whether it is whole depends on how it ended.
fn sync(server: &Server, session: &Session) {
    let dir = session.0.path();
    let mut command: Command = command(env!("CARGO_BIN_EXE_command"), server.url(), dir);
    let output = command.args(["sync", "--include-online"]).arg(run_dir(dir)).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
}

/// A row, by what no other row of any session has.
type RowKey = (String, u64);

fn key_of(row: &Row) -> RowKey {
    (row["_timestamp"].to_string(), number(row["loss"].as_f64().unwrap()))
}

/// What a log holds: its rows, and its console.
fn recorded(dir: &Path) -> (Vec<RowKey>, Vec<String>) {
    let log = Log::of(&run_dir(dir));
    let lines = log.console().lines().map(|line| line.trim().to_owned()).collect();
    (log.rows().iter().map(key_of).collect(), lines)
}

#[track_caller]
fn check(server: &Server, sessions: &[(How, Session)], what: &str) {
    let run = eventually(server, ID, |run| run.complete);
    let mut expected = Vec::new();
    let mut lines = Vec::new();
    for (_, session) in sessions {
        let (rows, console) = recorded(session.0.path());
        expected.extend(rows);
        lines.extend(console);
    }
    let mut there: Vec<RowKey> = run.history().iter().map(key_of).collect();
    expected.sort();
    there.sort();
    assert_eq!(there, expected, "{what}");
    let mut console: Vec<_> = run.console().into_iter().map(|line| line.text).collect();
    console.sort();
    lines.sort();
    assert_eq!(console, lines, "{what}");
    told(&run, sessions, what);
    assert_eq!(server.violations(), [], "{what}");
    assert_eq!(run.lines(Stream::History).len(), there.len());
}

/// Summary and files, of sessions that came to their end.
fn told(run: &Run, sessions: &[(How, Session)], what: &str) {
    let summary = run.summary();
    for (number, (how, _)) in sessions.iter().enumerate() {
        if !matches!(how, How::Killed | How::Unheard) {
            assert_eq!(summary[&format!("key-{number}")], number as f64, "{what}");
            assert!(run.files.contains_key(&format!("file-{number}.txt")), "{what}: {:?}", run.files.keys());
        }
    }
}

/// Plays sessions; after each of them may be a `sync` of those before, and at the end there is one of all, in this order.
fn story(hows: &[How], between: bool, last: &[usize]) {
    let what = format!("{hows:?} {between} {last:?}");
    let server = Server::start();
    let mut sessions: Vec<(How, Session)> = Vec::new();
    for (number, how) in hows.iter().enumerate() {
        let session = play(&server, *how, number);
        if between {
            sync(&server, &session);
        }
        sessions.push((*how, session));
    }
    for at in last {
        sync(&server, &sessions[*at].1);
    }
    check(&server, &sessions, &what);
    // And again, which changes nothing.
    for at in last {
        sync(&server, &sessions[*at].1);
    }
    check(&server, &sessions, &what);
}

/// All pairs that begin so.
fn pairs(first: How) {
    for second in ALL {
        for (between, last) in [(false, [0, 1]), (false, [1, 0]), (true, [1, 0])] {
            story(&[first, second], between, &last);
        }
    }
}

#[test]
fn after_a_session_offline() {
    pairs(How::Offline);
}

#[test]
fn after_a_session_online() {
    pairs(How::Online);
}

#[test]
fn after_a_session_without_a_server() {
    pairs(How::Down);
}

#[test]
fn after_a_session_without_a_stream() {
    pairs(How::StreamDown);
}

#[test]
fn after_a_session_that_was_refused() {
    pairs(How::Refused);
}

#[test]
fn after_a_session_that_was_killed() {
    pairs(How::Killed);
}

#[test]
fn after_a_session_that_was_never_answered() {
    pairs(How::Unheard);
}

/// Three sessions, in orders that a generator chooses; the seed is fixed, so that what fails can be played again.
#[test]
fn of_three_sessions_nothing_is_lost_or_twice() {
    let mut random = Rng::with_seed(0x5eed);
    let mut seen = BTreeMap::new();
    for _ in 0..24 {
        let hows: Vec<How> = (0..3).map(|_| ALL[random.usize(..ALL.len())]).collect();
        let mut last = vec![0, 1, 2];
        random.shuffle(&mut last);
        for how in &hows {
            *seen.entry(format!("{how:?}")).or_insert(0) += 1;
        }
        story(&hows, random.bool(), &last);
    }
    assert_eq!(seen.len(), ALL.len(), "{seen:?}");
}
