//! What the real W&B client leaves on a server, and that ours leaves the same.
//!
//! Most modules are a situation. The Python client plays it offline (`interop/scenarios.py`), its own `wandb sync`
//! uploads the log to the test server, and the module says what the server must hold then. Its twin below plays it
//! with ups-track; `wandb sync` uploads that log as well, and the two runs must be the same but for the differences
//! that are meant, each of which is named with its reason.
//!
//! ```text
//! UPS_TRACK_PYTHON="$(tests/interop/setup.sh)" cargo test -p ups-track-tests --features interop
//! ```
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests end by panicking")]

mod aggregates;
mod api;
mod children;
mod config;
mod console;
mod context;
mod ending;
mod example;
mod local;
mod metadata;
mod odd_values;
mod people;
mod pipeline;
mod ranks;
mod reading;
mod scenarios;
mod sessions;
mod several;
mod shared;
mod sizes;
mod stages;
mod summary;
mod table;
mod torn;
mod twin;
mod upload;

use std::path::Path;
use std::sync::OnceLock;
use std::thread;

use serde_json::Value;
use ups_track_tests::json::Row;
use ups_track_tests::normalized::{Meant, Side, assert_same};
use ups_track_tests::server::{Run, RunKey, Server};
use ups_track_tests::wandb;

/// All scenarios of `interop/scenarios.py`.
const SCENARIOS: [&str; 11] = [
    "stages",
    "summary_only",
    "nested_config",
    "odd_values",
    "odd_kinds",
    "min_max_mean",
    "definitions",
    "stage_summary",
    "exit_code",
    "console",
    "metadata",
];

/// The run that the Python client records in a scenario, after a sync. It is recorded once for all tests.
#[track_caller]
fn python(scenario: &str) -> &'static Run {
    static RUNS: [OnceLock<Run>; SCENARIOS.len()] = [const { OnceLock::new() }; SCENARIOS.len()];
    let index = SCENARIOS.iter().position(|known| *known == scenario).unwrap();
    RUNS[index].get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let run_dir =
            wandb::record(scenario, dir.path()).unwrap_or_else(|error| panic!("{scenario}: {error}"));
        synced(&run_dir, &run_id(scenario))
    })
}

/// The id of a scenario's run.
fn run_id(scenario: &str) -> String {
    scenario.replace('_', "-")
}

/// The run that a directory becomes when the real client syncs it.
#[track_caller]
fn synced(run_dir: &Path, run_id: &str) -> Run {
    let server = Server::start();
    let output =
        wandb::sync(run_dir, &server).unwrap_or_else(|error| panic!("{}: {error}", run_dir.display()));
    // The client marks a log that it could read and upload to its end.
    let mark = run_dir.join(format!("run-{run_id}.wandb.synced"));
    assert!(mark.exists(), "{output:?}");
    finished(&server, run_id)
}

/// The one run on the server, of which nothing may be missing or wrong.
#[track_caller]
fn finished(server: &Server, run_id: &str) -> Run {
    assert_eq!(server.violations(), []);
    let [run] = <[Run; 1]>::try_from(server.runs()).unwrap();
    assert_eq!(*run.key(), RunKey::new("test-entity", "interop", run_id));
    assert!(run.complete);
    let written: Value = ups_track_tests::json::parse(&text(&run, "wandb-summary.json")).unwrap();
    assert_eq!(written, Value::Object(run.summary()));
    run
}

/// A file of the run as text.
#[track_caller]
fn text(run: &Run, path: &str) -> String {
    let bytes = run.files.get(path).unwrap_or_else(|| panic!("{path} is not among {:?}", run.files.keys()));
    String::from_utf8(bytes.clone()).unwrap()
}

/// The row without what the client adds to it: `_timestamp`, `_runtime` and `_wandb`.
///
/// What it removes must have been there, or a test would overlook its absence.
#[track_caller]
fn own(mut row: Row, added: &[&str]) -> Value {
    for key in added {
        assert!(row.remove(*key).is_some(), "{key} is missing in {row:?}");
    }
    Value::Object(row)
}

/// The history as rows of user data and `_step`.
#[track_caller]
fn history(run: &Run) -> Value {
    run.history().into_iter().map(|row| own(row, &["_timestamp", "_runtime"])).collect()
}

/// The summary of a run that logged rows, as user data and `_step`.
#[track_caller]
fn summary(run: &Run) -> Value {
    own(run.summary(), &["_timestamp", "_runtime", "_wandb"])
}

/// The summary of a run that logged no row: there is no `_timestamp` and no `_step`.
#[track_caller]
fn summary_without_rows(run: &Run) -> Value {
    own(run.summary(), &["_runtime", "_wandb"])
}

/// What a run of ours has more, when the metrics of a plain event have no step, as the Python client's need none.
fn warned() -> Meant {
    let path = "summary[\"ups_track/warnings\"]";
    Meant::extra(path, Side::Is(1.into()), "a metric without a step is told, and counted")
}

/// The configuration as one value.
fn config_of(run: &Run) -> Value {
    Value::Object(run.config())
}

/// The two ways to the server lead to the same run; what the comparison leaves out is no more than what may differ.
#[test]
fn online_and_synced_runs_are_the_same() {
    // Most of the time the client waits.
    thread::scope(|scope| {
        for scenario in SCENARIOS {
            scope.spawn(move || assert_same(&online(scenario), python(scenario)));
        }
    });
}

/// The run that the Python client records in a scenario while it is online.
#[track_caller]
fn online(scenario: &str) -> Run {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    wandb::record_online(scenario, dir.path(), &server).unwrap_or_else(|error| panic!("{scenario}: {error}"));
    finished(&server, &run_id(scenario))
}

#[test]
fn a_synced_run_says_who_recorded_it() {
    let run = python("exit_code");
    let internal = run.internal();
    assert_eq!(internal["cli_version"], "0.31.0");
    assert_eq!(internal["t"]["5"], "0.31.0");
    let environments = internal["e"].as_object().unwrap();
    assert_eq!(environments.len(), 1);
    assert!(environments.values().all(|environment| environment["writerId"].is_string()));
    assert_eq!(run.upserts, 2);
    let files: Vec<_> = run.files.keys().collect();
    assert_eq!(files, ["config.yaml", "requirements.txt", "wandb-metadata.json", "wandb-summary.json"]);
    assert!(run.reported_files.iter().eq(files));
    assert!(run.summary()["_wandb"]["runtime"].is_u64());
}
