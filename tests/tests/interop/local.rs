//! What lies on the disk: the log as W&B's own offline reader sees it, and the files beside it.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use ups_track::log::record::Kind;
use ups_track::{Stream, config, summary};
use ups_track_tests::json::{self, Row};
use ups_track_tests::wandb;

use crate::reading::{Log, log_of};
use crate::stages::{diffusion, operator};
use crate::text;
use crate::twin::{self, Recorded};

/// A run with something of every kind.
fn recorded() -> Recorded {
    twin::record(
        "stages",
        |builder| builder.tags(["α", "b"]).name("A name"),
        |run| {
            let (lr, yes, tiny) = (0.001, "yes", 1e-7);
            config!(lr, yes, tiny, widths = vec![64, 128]);
            run.update_config(&[("model", json!({"name": "Ö: #1", "depth": {"encoder": 2}, "none": null}))]);
            operator(lr);
            summary!(nrmse = 0.25, not_a_number = f64::NAN);
            run.write_console(Stream::Stdout, "\rprogress 1\rprogress 2\nlast");
        },
    )
}

/// What every log has, whoever wrote it: consecutive numbers, the header first, the run second, the exit last.
#[track_caller]
fn check_order(log: &Log) {
    assert!(log.fault.is_none(), "{:?}", log.fault);
    assert!(log.entries.iter().map(|entry| entry.record.num).eq(1..=log.entries.len().try_into().unwrap()));
    let kinds: Vec<_> = log.kinds().map(Kind::name).collect();
    assert_eq!(kinds.len(), log.entries.len());
    assert_eq!((kinds[0], kinds[1], kinds[kinds.len() - 1]), ("header", "run", "exit"));
    // The last summary stands behind the last row.
    let last = |kind| kinds.iter().rposition(|found| *found == kind);
    assert!(last("history") < last("summary"));
}

/// The version of the server that a log asks for.
fn min_consumer(log: &Log) -> Option<String> {
    log.kinds().find_map(|kind| match kind {
        Kind::Header(header) => Some(header.version_info.as_ref()?.min_consumer.clone()),
        _ => None,
    })
}

/// What W&B's offline reader says of the whole run, without the file and times.
#[track_caller]
fn inspected(run_dir: &Path) -> Row {
    let mut run = json::parse_object(&wandb::inspect(run_dir, true).unwrap()).unwrap();
    for key in ["file", "last_write", "start_time"] {
        assert!(run.remove(key).is_some(), "{key}");
    }
    let summary = run.get_mut("summary").and_then(Value::as_object_mut).unwrap();
    summary.retain(|key, _| !["_timestamp", "_runtime", "_wandb"].contains(&key.as_str()));
    run
}

#[test]
fn the_offline_reader_sees_the_same_run() {
    let dir = tempfile::tempdir().unwrap();
    let theirs = wandb::record("stages", dir.path()).unwrap();
    let ours = twin::record(
        "stages",
        |builder| builder,
        |_| {
            operator(0.001);
            diffusion(0.001);
        },
    );
    let (their_log, our_log) = (Log::read(&log_of(&theirs, "stages")), Log::read(&ours.log()));
    check_order(&their_log);
    check_order(&our_log);
    assert_eq!(min_consumer(&their_log), min_consumer(&our_log));

    // Record by record.
    let printed = wandb::inspect(&ours.path, false).unwrap();
    let printed: Vec<_> = printed.lines().map(|line| json::parse_object(line).unwrap()).collect();
    assert!(printed.iter().map(|record| &record["type"]).eq(our_log.kinds().map(Kind::name)));
    assert!(printed.iter().zip(1..).all(|(record, number)| record["num"] == number));
    let rows = printed.iter().filter_map(|record| record.get("history")?.get("item")?.get("operator/loss"));
    assert!(rows.eq(&[json!(1), json!(0.5), json!(1.0 / 3.0)]));

    // As a whole.
    let (theirs, mut ours) = (inspected(&theirs), inspected(&ours.path));
    let summary = ours.get_mut("summary").and_then(Value::as_object_mut).unwrap();
    for stage in ["operator", "diffusion"] {
        assert_eq!(summary.remove(&format!("{stage}/status")), Some("ok".into()));
        assert!(summary.remove(&format!("{stage}/duration_s")).is_some_and(|value| value.is_number()));
    }
    assert_eq!(theirs, ours);
}

/// The user's entries of a `config.yaml`.
#[track_caller]
fn yaml(path: &Path) -> Row {
    let printed = wandb::run_script("read_yaml.py", &[path.as_ref()], &[]).unwrap();
    let mut entries = json::parse_object(&printed).unwrap();
    entries.remove("_wandb");
    entries
}

#[test]
fn files_beside_the_log_are_those_that_a_sync_makes() {
    let recorded = recorded();
    let own = |name: &str| fs::read_to_string(recorded.path.join("files").join(name)).unwrap();
    let (summary, metadata, console) =
        (own("wandb-summary.json"), own("wandb-metadata.json"), own("output.log"));
    let own_config = yaml(&recorded.path.join("files/config.yaml"));
    let run = recorded.synced();

    let made = tempfile::tempdir().unwrap();
    fs::write(made.path().join("config.yaml"), text(&run, "config.yaml")).unwrap();
    assert_eq!(own_config, yaml(&made.path().join("config.yaml")));

    assert_eq!(masked(&summary), masked(&text(&run, "wandb-summary.json")));
    assert_eq!(console, text(&run, "output.log"));
    assert_eq!(console, "progress 2\nlast\n");
    let there = json::parse_object(&text(&run, "wandb-metadata.json")).unwrap();
    assert_eq!(json::parse_object(&metadata).unwrap(), there);
}

/// A summary with its numbers as floats and without the times.
fn masked(summary: &str) -> Map<String, Value> {
    let summary = json::parse_object(summary).unwrap();
    let times = ["_timestamp", "_runtime", "_wandb"];
    assert!(times.iter().all(|time| summary.contains_key(*time)));
    let rest = summary.into_iter().filter(|(key, _)| !times.contains(&key.as_str()));
    rest.map(|(key, value)| (key, value.as_f64().map_or(value, Value::from))).collect()
}
