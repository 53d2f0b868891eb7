//! Pipelines of several runs: their directories, and what the server has after all of them were synced.

use std::fs;
use std::path::{Path, PathBuf};

use ups_track_tests::log::{Log, run_dirs};
use ups_track_tests::server::{Run, Server};
use ups_track_tests::wandb;

/// The directories of all runs below `root`, in the order in which the runs began.
pub(crate) fn in_order(root: &Path) -> Vec<PathBuf> {
    let start = |dir: &PathBuf| {
        let start = Log::of(dir).run().start_time.unwrap();
        (start.seconds, start.nanos)
    };
    let mut dirs = run_dirs(root);
    dirs.sort_by_key(start);
    dirs
}

/// The runs that the server has when the real client has synced every directory below `root`, one after another.
#[track_caller]
pub(crate) fn synced_all(root: &Path) -> Vec<Run> {
    let server = Server::start();
    for dir in in_order(root) {
        let output = wandb::sync(&dir, &server).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        let is_mark = |path: &Path| path.extension().is_some_and(|extension| extension == "synced");
        let marked = fs::read_dir(&dir).unwrap().any(|entry| is_mark(&entry.unwrap().path()));
        assert!(marked, "{output:?}");
    }
    assert_eq!(server.violations(), []);
    let runs = server.runs();
    assert!(runs.iter().all(|run| run.complete));
    runs
}

/// The one run of a job type.
#[track_caller]
pub(crate) fn of_job<'runs>(runs: &'runs [Run], job_type: Option<&str>) -> &'runs Run {
    let mut found = runs.iter().filter(|run| run.job_type.as_deref() == job_type);
    let run = found.next().unwrap_or_else(|| panic!("no run of job type {job_type:?}"));
    assert_eq!(found.count(), 0, "several runs of job type {job_type:?}");
    run
}
