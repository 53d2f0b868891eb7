//! Logs without their end: what is there arrives, and the run has failed.
//!
//! The client says on its standard error that a log was incomplete, leaves it unmarked, and ends with code 0.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use ups_track::log::ReadError;
use ups_track::log::record::Kind;
use ups_track::{alert, metric, track_stage};
use ups_track_tests::server::{RunKey, Server};
use ups_track_tests::wandb;

use crate::reading::{Log, assert_rows, is_marked, log_of};
use crate::twin::{self, Recorded};

#[track_stage("train")]
fn train() {
    for step in 0..50_u32 {
        metric!(step, loss = 1.0 / (f64::from(step) + 1.0));
    }
}

/// A run with rows before and behind a record that spans blocks.
fn recorded(id: &str) -> Recorded {
    twin::record(
        id,
        |builder| builder,
        |run| {
            train();
            run.update_config(&[("long", "x".repeat(70_000))]);
            alert!("half way");
            train();
        },
    )
}

/// Where a log is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Header,
    Run,
    FirstRow,
    RowHeader,
    BetweenRows,
    Block,
    BlockHeader,
    LastByte,
}

/// Those behind the run record.
const CUTS: [Cut; 6] =
    [Cut::FirstRow, Cut::RowHeader, Cut::BetweenRows, Cut::Block, Cut::BlockHeader, Cut::LastByte];

impl Cut {
    /// The byte in a log of [`recorded`].
    fn place(self, log: &Log, length: u64) -> u64 {
        const BLOCK: u64 = 32 * 1024;

        let of = |kind: &str, skip: usize| {
            let of_kind = log.entries.iter().zip(log.kinds()).filter(|(_, found)| found.name() == kind);
            of_kind.map(|(entry, _)| entry.offset).nth(skip).unwrap()
        };
        let config = of("config", 0);
        assert!(config < BLOCK && config + 70_000 > 2 * BLOCK, "the record does not span three blocks");
        match self {
            Self::Header => 3,
            Self::Run => of("run", 0) + 20,
            Self::FirstRow => of("history", 0) + 3,
            Self::RowHeader => of("history", 20) + 7,
            Self::BetweenRows => of("history", 30),
            Self::Block => BLOCK,
            Self::BlockHeader => 2 * BLOCK + 5,
            Self::LastByte => length - 1,
        }
    }
}

impl Cut {
    fn run_id(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// A run whose log is cut here.
    fn recorded(self) -> Recorded {
        let recorded = recorded(&self.run_id());
        let whole = Log::read(&recorded.log());
        let file = OpenOptions::new().write(true).open(recorded.log()).unwrap();
        file.set_len(self.place(&whole, file.metadata().unwrap().len())).unwrap();
        recorded
    }
}

#[test]
fn a_torn_log_is_uploaded_up_to_the_cut() {
    let torn = CUTS.map(Cut::recorded);
    let server = Server::start();
    let dirs = torn.each_ref().map(|recorded| &recorded.path);
    let answer = wandb::sync_all(&dirs, &server);
    assert_eq!(server.violations(), []);
    for (cut, recorded) in CUTS.iter().zip(&torn) {
        let (id, log) = (cut.run_id(), Log::read(&recorded.log()));
        let inside = *cut != Cut::BetweenRows;
        assert_eq!(log.fault.as_ref().is_some_and(ReadError::is_torn), inside, "{id}: {:?}", log.fault);
        assert_eq!(is_marked(&recorded.path, &id), !inside, "{id}: {answer:?}");
        let run = server.run(&RunKey::new("test-entity", "interop", &id)).unwrap();
        assert_rows(&run, &log);
        assert_eq!((run.exit_code, run.complete), (Some(1), true), "{id}");
    }
}

#[test]
fn without_its_first_records_a_log_is_no_run() {
    // Each by itself: the client gives up on all others as well.
    for cut in [Cut::Header, Cut::Run] {
        let recorded = cut.recorded();
        assert!(Log::read(&recorded.log()).fault.is_some_and(|fault| fault.is_torn()));
        let server = Server::start();
        let answer = wandb::sync(&recorded.path, &server);
        assert!(!is_marked(&recorded.path, &cut.run_id()), "{answer:?}");
        assert_eq!((server.violations(), server.runs().len()), (Vec::new(), 0), "{answer:?}");
    }
}

#[test]
fn a_killed_run_has_its_rows_and_has_failed() {
    let root = tempfile::tempdir().unwrap();
    let mut child = twin::program("endless", root.path(), &[]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut safe = lines.nth(4).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it still had said.
    safe = lines.last().unwrap_or(safe);

    let run_dir = twin::latest(root.path());
    let log = Log::read(&log_of(&run_dir, "endless"));
    assert!(log.rows().count() >= safe.parse::<usize>().unwrap(), "{} rows", log.rows().count());
    assert!(!log.kinds().any(|kind| matches!(kind, Kind::Exit(_))));
    let server = Server::start();
    let synced = wandb::sync(&run_dir, &server);
    // Where the write stopped is a matter of luck.
    assert_eq!(is_marked(&run_dir, "endless"), log.fault.is_none(), "{synced:?}");
    assert_eq!(server.violations(), []);
    let [run] = <[_; 1]>::try_from(server.runs()).unwrap();
    assert_rows(&run, &log);
    assert_eq!((run.exit_code, run.complete), (Some(1), true));
}
