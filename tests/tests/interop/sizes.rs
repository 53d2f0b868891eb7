//! Many rows, large records, several runs at once.

use serde_json::json;
use ups_track::{metric, track_stage};
use ups_track_tests::server::{RunKey, Server};
use ups_track_tests::wandb;

use crate::reading::{Log, assert_rows, is_marked};
use crate::twin;

const ROWS: u32 = 100_000;

#[track_stage("train")]
fn train(rows: u32) {
    for step in 0..rows {
        metric!(step, loss = 1.0 / (f64::from(step) + 1.0), grad_norm = f64::from(step).sqrt());
    }
}

#[test]
fn a_hundred_thousand_rows_and_large_values_arrive() {
    let long = "0123456789".repeat(30_000);
    let recorded = twin::record(
        "large",
        |builder| builder.config(&[("long", long.as_str())]),
        |run| {
            run.summarize(&[("long", long.as_str())]);
            train(ROWS);
            run.update_config(&[("later", long.as_str())]);
        },
    );
    let log = Log::read(&recorded.log());
    assert!(log.fault.is_none() && log.entries.iter().filter(|entry| entry.size > 300_000).count() >= 3);
    let run = recorded.synced();
    assert_eq!(run.history().len(), ROWS as usize);
    assert_rows(&run, &log);
    assert_eq!(run.config(), *json!({"long": long, "later": long}).as_object().unwrap());
    assert_eq!(run.summary()["long"], long);
    assert_eq!(run.summary()["train/step"], ROWS - 1);
    assert_eq!(run.exit_code, Some(0));
}

#[test]
fn several_runs_are_synced_at_once() {
    let ids = ["first", "second"];
    let root = tempfile::tempdir().unwrap();
    let recorded = ids.map(|id| twin::record(id, |builder| builder.dir(root.path()), |_| train(10)));
    let server = Server::start();
    // The directory of both.
    let output = wandb::sync_all(&[root.path().join("wandb")], &server);
    assert_eq!(server.violations(), []);
    for (recorded, id) in recorded.iter().zip(ids) {
        assert!(is_marked(&recorded.path, id), "{output:?}");
        let run = server.run(&RunKey::new("test-entity", "interop", id)).unwrap();
        assert_rows(&run, &Log::read(&recorded.log()));
        assert_eq!((run.history().len(), run.exit_code, run.complete), (10, Some(0), true));
    }
}
