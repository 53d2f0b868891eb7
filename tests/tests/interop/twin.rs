//! Runs of ups-track, recorded in this process or in another.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;
use ups_track::{Mode, Run, RunBuilder};
use ups_track_tests::server;

use crate::reading::log_of;
use crate::{run_id, synced};

/// A run directory of ours, which is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The run's id.
    pub id: String,
    /// The run directory.
    pub path: PathBuf,
    _root: TempDir,
}

impl Recorded {
    /// The log.
    pub(crate) fn log(&self) -> PathBuf {
        log_of(&self.path, &self.id)
    }

    /// The run that it becomes when the real client syncs it.
    #[track_caller]
    pub(crate) fn synced(&self) -> server::Run {
        synced(&self.path, &self.id)
    }
}

/// Plays a scenario: what the code logs, by macros, events and the handle, is in the run. Without console lines of the
/// events, as the Python client has no such thing.
#[track_caller]
pub(crate) fn record(
    scenario: &str,
    configure: impl FnOnce(RunBuilder) -> RunBuilder,
    play: impl FnOnce(&Run),
) -> Recorded {
    record_ending(scenario, configure, 0, play)
}

/// As [`record`], with an exit code.
#[track_caller]
pub(crate) fn record_ending(
    scenario: &str,
    configure: impl FnOnce(RunBuilder) -> RunBuilder,
    exit_code: i32,
    play: impl FnOnce(&Run),
) -> Recorded {
    let root = tempfile::tempdir().unwrap();
    let id = run_id(scenario);
    let builder = Run::builder().project("interop").id(&id).mode(Mode::Offline).dir(root.path());
    let run = configure(builder.console(false).quiet(true).global(false)).start().unwrap();
    tracing::subscriber::with_default(Registry::default().with(run.layer()), || run.scope(|run| play(run)));
    let finished = run.finish_with(exit_code).unwrap();
    assert_eq!((finished.lost(), finished.refused()), (0, 0));
    let path = finished.dir().unwrap().to_owned();
    Recorded { id, path, _root: root }
}

/// A program of `interop/twin.rs`, which records offline below `root`; `settings` are `WANDB_*` variables.
pub(crate) fn program(name: &str, root: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interop-twin"));
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("WANDB_") {
            command.env_remove(variable);
        }
    }
    command.arg(name).env("WANDB_MODE", "offline").env("WANDB_DIR", root).env("WANDB_CONSOLE", "off");
    command.env("HOME", root).env("WANDB_RUN_ID", run_id(name)).envs(settings.iter().copied());
    command
}

/// Runs the command to its end.
#[track_caller]
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// The run directory that a program made.
#[track_caller]
pub(crate) fn latest(root: &Path) -> PathBuf {
    std::fs::canonicalize(root.join("wandb").join("latest-run")).unwrap()
}
