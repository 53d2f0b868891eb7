//! Power cuts, played: a process is killed, and what it had written but not made fast is taken back. A later `sync` brings
//! every row that the log still has, and none twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use ups_track::log::Reader;
use ups_track::log::record::Kind;
use ups_track_tests::log::Log;
use ups_track_tests::server::{Fault, Place, RunKey, Server};

use crate::player::{Player, command, run_dir};

/// Rounds of each kind, and how many run at the same time.
const ROUNDS: u64 = 60;
const AT_ONCE: u8 = 4;

fn log_of(dir: &Path) -> PathBuf {
    run_dir(dir).join("run-power.wandb")
}

/// The ends of the log's records from the first row on, in bytes.
fn ends(log: &Path) -> Vec<u64> {
    let mut reader = Reader::open(log).unwrap();
    let mut ends = Vec::new();
    while let Some(Ok(entry)) = reader.next() {
        if !ends.is_empty() || matches!(entry.record.kind, Some(Kind::History(_))) {
            ends.push(reader.position());
        }
    }
    ends
}

/// Takes back what a power cut may take: the log's end, which is never made fast while the run goes on, and what the journal
/// says behind the last request that was about to go.
fn cut(log: &Path, chance: &mut Rng) {
    let ends = ends(log);
    if chance.u64(..3) > 0 && !ends.is_empty() {
        // Anywhere, in the middle of a record as well.
        let length = ends[0] + chance.u64(..=ends[ends.len() - 1] - ends[0]);
        fs::File::options().write(true).open(log).unwrap().set_len(length).unwrap();
    }
    let journal = PathBuf::from(format!("{}.sent", log.display()));
    let Ok(text) = fs::read_to_string(&journal) else { return };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_under_way = |line: &str| {
        let at: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        let lanes = at["at"].as_array().cloned().unwrap_or_default();
        lanes.iter().any(|lane| lane[2].as_u64() > Some(0))
    };
    if let Some(last) = lines.iter().rposition(|line| is_under_way(line)) {
        let fast: usize = lines[..=last].iter().map(|line| line.len()).sum();
        let length = fast as u64 + chance.u64(..=(text.len() - fast) as u64);
        fs::File::options().write(true).open(&journal).unwrap().set_len(length).unwrap();
    }
}

/// Which row of the program it was, whose losses are 1, 1/2, 1/3 and so on.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
pub(crate) fn number(loss: f64) -> u64 {
    loss.recip().round() as u64
}

/// The rows of the log, by their only value that no other has.
fn recorded(log: &Path) -> BTreeSet<u64> {
    let rows = Log::of(log.parent().unwrap()).rows();
    rows.iter().map(|row| number(row["loss"].as_f64().unwrap())).collect()
}

fn sync(server: &Server, dir: &Path) {
    let mut command = command(env!("CARGO_BIN_EXE_command"), server.url(), dir);
    let output = command.args(["sync", "--include-synced"]).arg(run_dir(dir)).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn check(server: &Server, log: &Path, seed: u64) {
    let run = server.run(&RunKey::new("test-entity", "p", "power")).unwrap();
    let rows: Vec<_> = run.history().iter().map(|row| number(row["loss"].as_f64().unwrap())).collect();
    let there: BTreeSet<_> = rows.iter().copied().collect();
    assert_eq!(there.len(), rows.len(), "twice, seed {seed}");
    let missing: Vec<_> = recorded(log).difference(&there).copied().collect();
    assert!(missing.is_empty(), "seed {seed}: {} rows are missing of {}", missing.len(), rows.len());
    assert_eq!(server.violations(), [], "seed {seed}");
}

fn rounds(round: impl Fn(u64) + Sync) {
    thread::scope(|scope| {
        for first in 0..AT_ONCE {
            let round = &round;
            scope.spawn(move || (u64::from(first)..ROUNDS).step_by(usize::from(AT_ONCE)).for_each(round));
        }
    });
}

#[test]
fn the_power_goes_while_a_run_is_recorded_and_sent() {
    rounds(|seed| {
        let mut chance = Rng::with_seed(seed);
        let server = Server::start();
        let mut program =
            Player::new(server.url(), "power").env("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "0.01").start();
        program.tell("url");
        for _ in 0..=chance.u64(..6) {
            program.tell(&format!("rows {}", 1 + chance.u64(..30)));
            match chance.u64(..4) {
                0 => server.fail(Place::Stream, &Fault::DropAfter, 1),
                1 => server.fail(Place::Stream, &Fault::DropBefore, 1),
                _ => {}
            }
            thread::sleep(Duration::from_millis(chance.u64(..40)));
        }
        let dir = program.kill();
        server.recover();
        let log = log_of(dir.path());
        cut(&log, &mut chance);
        sync(&server, dir.path());
        check(&server, &log, seed);
    });
}

#[test]
fn the_power_goes_while_a_log_is_sent() {
    rounds(|seed| {
        let mut chance = Rng::with_seed(seed);
        let server = Server::start();
        let mut program = Player::new(server.url(), "power").env("WANDB_MODE", "offline").start();
        program.tell(&format!("rows {}", 300 + chance.u64(..300)));
        program.tell("finish 0");
        let dir = program.end().dir;
        let log = log_of(dir.path());
        for _ in 0..=chance.u64(..3) {
            server.recover();
            // So that they go in many requests, each of a few rows.
            server.fail(Place::Stream, &Fault::Status(413, None), 5);
            if chance.u64(..2) == 0 {
                server.fail(Place::Stream, &Fault::DropAfter, 1);
            }
            let mut sync = command(env!("CARGO_BIN_EXE_command"), server.url(), dir.path());
            let mut child = sync.args(["sync", "--quiet"]).arg(run_dir(dir.path())).spawn().unwrap();
            thread::sleep(Duration::from_millis(chance.u64(..300)));
            child.kill().unwrap();
            child.wait().unwrap();
            cut_journal_alone(&log, &mut chance);
        }
        server.recover();
        sync(&server, dir.path());
        check(&server, &log, seed);
    });
}

/// The log was complete, and on the disk, before.
fn cut_journal_alone(log: &Path, chance: &mut Rng) {
    let whole = fs::read(log).unwrap();
    cut(log, chance);
    fs::write(log, whole).unwrap();
}
