//! The log is taken away from under a run: what is lost is told, with a number.

use std::fs;
use std::path::{Path, PathBuf};

use ups_track::log::record::Kind;
use ups_track::{Error, Mode, Run, RunGuard};
use ups_track_tests::log::{Log, run_dirs};

const ROWS: u64 = 1000;

/// A run with some rows on the disk, and its log.
fn begin(dir: &Path) -> (RunGuard, PathBuf) {
    let builder = Run::builder().mode(Mode::Offline).dir(dir).id("gone").quiet(true).global(false);
    let run = builder.config(&[("rate", 0.1)]).start().unwrap();
    log(&run, 0..ROWS);
    assert!(run.flush());
    let path = run.dir().unwrap().join("run-gone.wandb");
    (run, path)
}

fn log(run: &Run, steps: std::ops::Range<u64>) {
    for step in steps {
        run.log(step, &[("loss", step as f64)]);
    }
}

/// The end of a run that has lost rows.
#[track_caller]
fn assert_lost(ended: Result<ups_track::Finished, Error>, rows: u64, words: &str) {
    let e = ended.unwrap_err();
    assert!(e.is_log(), "{e}");
    let text = e.to_string();
    assert!(text.contains(words) && text.contains(&format!("{rows} rows were lost")), "{text}");
}

#[test]
fn a_directory_that_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let (run, path) = begin(dir.path());
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    log(&run, ROWS..ROWS + 5);
    assert_lost(run.finish(), ROWS + 5, "deleted");
    assert_eq!(run_dirs(dir.path()).len(), 0);
}

#[test]
fn a_log_that_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (run, path) = begin(dir.path());
    let other = dir.path().join("other");
    fs::write(&other, "somebody's").unwrap();
    fs::rename(&other, &path).unwrap();
    assert_lost(run.finish(), ROWS, "another file in its place");
    // It is not ours.
    assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's");
}

#[test]
fn a_log_that_is_cut() {
    for left in [0, 3, 7, 20_000, 33_000] {
        let dir = tempfile::tempdir().unwrap();
        let (run, path) = begin(dir.path());
        fs::File::options().write(true).open(&path).unwrap().set_len(left).unwrap();
        log(&run, ROWS..ROWS + 5);
        run.flush();
        run.summarize(&[("score", 0.5)]);
        let ended = run.finish();
        let log = Log::of(path.parent().unwrap());
        // What was recorded then, or since, is there.
        let rows = log.rows();
        let lost = ROWS + 5 - rows.len() as u64;
        assert!(lost > 0 && (left < 20_000) == (rows.len() == 5), "{left}: {lost}");
        assert_eq!(rows.last().unwrap()["_step"], ROWS + 4);
        assert_lost(ended, lost, &format!("cut it to {left} bytes"));
        log.assert_ends_with(0);
        let runs = log.records.iter().filter(|kind| matches!(kind, Kind::Run(_))).count();
        assert!(matches!(log.records[0], Kind::Header(_)) && runs > 0);
        assert_eq!(log.config().get("rate"), Some(&0.1.into()));
        assert_eq!(log.summary().get("score"), Some(&0.5.into()));
        assert_eq!(log.summary().get("ups_track/dropped"), Some(&lost.into()));
    }
}

#[test]
fn a_log_that_is_written_anew_by_somebody_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (run, path) = begin(dir.path());
    fs::write(&path, "somebody's").unwrap();
    assert_lost(run.finish(), ROWS, "cannot be gone on with");
    assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's");
}

#[test]
fn a_directory_that_is_renamed_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (run, path) = begin(dir.path());
    let moved = dir.path().join("wandb/offline-run-moved");
    fs::rename(path.parent().unwrap(), &moved).unwrap();
    log(&run, ROWS..ROWS + 5);
    let finished = run.finish().unwrap();
    assert_eq!((finished.rows(), finished.lost()), (ROWS + 5, 0));
    let log = Log::of(&moved);
    assert_eq!(log.rows().len() as u64, ROWS + 5);
    log.assert_ends_with(0);
}

#[test]
fn a_log_that_is_moved_goes_on_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (run, path) = begin(dir.path());
    let moved = dir.path().join("moved.wandb");
    fs::rename(&path, &moved).unwrap();
    log(&run, ROWS..ROWS + 5);
    let finished = run.finish().unwrap();
    assert_eq!((finished.rows(), finished.lost()), (ROWS + 5, 0));
    let said = fs::read_to_string(path.parent().unwrap().join("logs/debug.log")).unwrap();
    assert_eq!(said.matches("was moved away").count(), 1, "{said}");
    let entries: Vec<_> = ups_track::log::Reader::open(&moved).unwrap().collect();
    assert!(matches!(&entries.last().unwrap().as_ref().unwrap().record.kind, Some(Kind::Exit(_))));
}
