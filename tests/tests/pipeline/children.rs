//! How children end, and children that never use this crate.

use ups_track::log::record::Kind;
use ups_track_tests::log::Log;

use super::place::{Place, assert_sound};

fn alerts(log: &Log) -> Vec<(String, String)> {
    let alerts = log.records.iter().filter_map(|kind| match kind {
        Kind::Alert(alert) => Some((alert.title.clone(), alert.text.clone())),
        _ => None,
    });
    alerts.collect()
}

#[test]
fn a_failed_child_raises_an_alert_and_a_summary_value() {
    for (script, code, said) in [("exit 3", 3, "exit status: 3"), ("kill -9 $$", 137, "signal: 9")] {
        let place = Place::new();
        let ended = place.start(&["track", "attached", "sh", "-c", script]).end();
        ended.assert_ok();
        assert!(ended.stderr.contains("child `sh` failed"), "{}", ended.stderr);
        let log = place.log();
        log.assert_ends_with(0);
        let summary = log.summary();
        assert_eq!(summary.get("children/sh/status"), Some(&"failed".into()));
        assert_eq!(summary.get("children/sh/exit_code"), Some(&code.into()));
        let alerts = alerts(&log);
        assert!(
            matches!(alerts.as_slice(), [(title, text)] if title == "child `sh` failed" && text.contains(said)),
            "{alerts:?}"
        );
    }
}

/// A method that adjusts the command gives the tracked one, whose end is recorded.
#[test]
fn a_command_stays_tracked_when_it_is_adjusted() {
    let place = Place::new();
    let ended = place.start(&["adjusted"]).end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let summary = place.log().summary();
    for name in ["std", "tokio"] {
        assert!(ended.told.contains(&format!("{name} Some(3)")), "{:?}", ended.told);
        assert_eq!(summary.get(&format!("children/{name}/exit_code")), Some(&3.into()), "{summary:?}");
    }
    assert_eq!(summary.get("children/own/exit_code"), Some(&5.into()));
    assert_eq!(summary.get("ups_track/children/own/exit_code"), Some(&1.into()));
    assert!(ended.stderr.contains("`children/own/exit_code` is a value of the program"), "{}", ended.stderr);
}

#[test]
fn a_child_that_cannot_be_started() {
    let place = Place::new();
    let ended = place.start(&["track", "linked", "/nowhere/train"]).end();
    ended.assert_ok();
    assert!(ended.told.iter().any(|line| line.starts_with("not started: ")), "{:?}", ended.told);
    let log = place.log();
    assert_eq!(log.summary().get("children/train/status"), Some(&"not started".into()));
    assert_eq!(alerts(&log).len(), 1);
}

#[test]
fn a_child_that_never_uses_us() {
    let place = Place::new();
    let ended = place.start(&["track", "attached", "sh", "-c", "true"]).end();
    ended.assert_ok();
    assert!(place.shards().is_empty());
    let log = place.log();
    assert_sound(&log);
    assert_eq!(log.summary().get("children/sh/status"), Some(&"finished".into()));
    assert_eq!((log.rows().len(), alerts(&log).len()), (0, 0));
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert!(code == 0 && out.contains("nothing to merge"), "{out}");
}

#[test]
fn tokios_commands() {
    let place = Place::new();
    let ended = place.start(&["tokio", "sh", "-c", "exit 4"]).end();
    ended.assert_ok();
    let status = "exit status: 4";
    assert_eq!(ended.told.len(), 1, "{:?}", ended.told);
    assert!(
        ended.told.concat().starts_with(&format!("{status} {status} {status} Some(")),
        "{:?}",
        ended.told
    );
    let log = place.log();
    for name in ["status", "output", "spawn"] {
        assert_eq!(log.summary().get(&format!("children/{name}/exit_code")), Some(&4.into()), "{name}");
    }
    assert_eq!(alerts(&log).len(), 3);
}
