//! How a run ends.

use serde_json::json;
use ups_track_tests::normalized::assert_same_but;

use crate::{history, python, synced, twin, warned};

#[test]
fn the_exit_code_reaches_the_server() {
    let run = python("exit_code");
    assert_eq!(run.exit_code, Some(3));
    assert_eq!(history(run), json!([{"_step": 0, "loss": 1}]));
}

#[test]
fn ups_track_exit_codes_are_the_same() {
    let recorded = twin::record_ending(
        "exit_code",
        |builder| builder,
        3,
        |_| tracing::info!(metric.loss = 1.0, "no step"),
    );
    let run = recorded.synced();
    assert_eq!(run.exit_code, Some(3));
    assert_same_but(python("exit_code"), &run, &[warned()]);
}

#[test]
fn a_main_that_fails_is_exit_code_1() {
    let root = tempfile::tempdir().unwrap();
    let ended = twin::output(&mut twin::program("failing", root.path(), &[]));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let run = synced(&twin::latest(root.path()), "failing");
    assert_eq!((run.exit_code, run.complete), (Some(1), true));
}
