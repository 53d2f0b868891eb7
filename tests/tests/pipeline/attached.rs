//! Attached children: their data is the parent's, once, while both run.

use serde_json::Value;
use ups_track::log::record::Kind;

use super::place::{Place, assert_sound, until, values};

#[test]
fn data_arrives_while_both_run() {
    let place = Place::new();
    let (parent, context) = place.parent();
    let child = place.member(&context, &["steady", "child"]);
    // Not at the end: the child goes on, and so does the parent.
    until("rows of the child in the parent's log", || {
        (values(&place.log(), "child/value").len() > 50).then_some(())
    });
    until("rows of the parent behind them", || {
        let rows = place.log().rows();
        let first = rows.iter().position(|row| row.contains_key("child/value"))?;
        rows.iter().skip(first).any(|row| row.contains_key("parent/value")).then_some(())
    });
    drop(child);
    parent.finish().assert_ok();
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(0);
    let rows = values(&log, "child/value");
    assert_eq!(rows, (0..rows.len() as u64).collect::<Vec<_>>());
}

#[test]
fn everything_is_as_if_the_parent_had_logged_it() {
    let place = Place::new();
    let (parent, context) = place.parent();
    let child = place.member(&context, &["everything"]).end();
    child.assert_ok();
    let log = place.log();
    let id = log.run().run_id.clone();
    assert_eq!(child.told, [format!("attached true {id}")]);
    until("the child's summary", || place.log().summary().contains_key("label").then_some(()));
    parent.finish().assert_ok();

    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(0);
    let (summary, config) = (log.summary(), log.config());
    assert_eq!((summary.get("score"), summary.get("label")), (Some(&0.75.into()), Some(&"good".into())));
    assert_eq!(summary.get("eval/status"), Some(&"ok".into()));
    // What the history says, not a value that was set.
    assert_eq!(summary.get("eval/loss").and_then(Value::as_f64), Some(1.0 / 3.0));
    assert_eq!((config.get("samples"), config.get("from_builder")), (Some(&12.into()), Some(&3.into())));
    let run = log.run();
    assert_eq!(
        (run.tags.as_slice(), run.notes.as_str()),
        (["evaluated".to_owned()].as_slice(), "from the child")
    );
    assert_eq!((run.display_name.as_str(), run.project.as_str()), ("", "pipeline"));
    let rows: Vec<_> = log.rows().into_iter().filter(|row| row.contains_key("eval/loss")).collect();
    let steps: Vec<_> =
        rows.iter().map(|row| row.get("eval/step").and_then(Value::as_u64).unwrap()).collect();
    assert_eq!(steps, [0, 1, 2]);

    let has = |check: &dyn Fn(&Kind) -> bool| log.records.iter().filter(|kind| check(kind)).count();
    assert_eq!(has(&|kind| matches!(kind, Kind::Alert(alert) if alert.title == "look")), 1);
    assert_eq!(has(&|kind| matches!(kind, Kind::OutputRaw(out) if out.line == "said by the child\n")), 1);
    assert_eq!(has(&|kind| matches!(kind, Kind::Metric(metric) if metric.glob_name == "late/*")), 1);
    assert_eq!(has(&|kind| matches!(kind, Kind::Metric(metric) if metric.glob_name == "eval/*")), 1);
    assert_eq!(has(&|kind| matches!(kind, Kind::Exit(_) | Kind::Header(_))), 2, "one of each");
    for (file, content) in [("report.txt", "now"), ("model.bin", "late")] {
        assert_eq!(has(&|kind| matches!(kind, Kind::Files(f) if f.files.iter().any(|f| f.path == file))), 1);
        let saved = place.run_dir().join("files").join(file);
        assert!(!saved.is_symlink());
        assert_eq!(std::fs::read_to_string(saved).unwrap(), content);
    }
    let side = std::fs::read_to_string(place.run_dir().join("files/wandb-summary.json")).unwrap();
    assert!(side.contains("\"score\":0.75") && side.contains("\"eval/loss\""), "{side}");
    let side = std::fs::read_to_string(place.run_dir().join("files/config.yaml")).unwrap();
    assert!(side.contains("samples"), "{side}");
    let side = std::fs::read_to_string(place.run_dir().join("files/output.log")).unwrap();
    assert!(side.contains("said by the child"), "{side}");
}

#[test]
fn several_at_once_each_in_its_own_order() {
    let place = Place::new();
    let (parent, context) = place.parent();
    let names = ["a", "b", "c", "d"];
    let children: Vec<_> = names.iter().map(|name| place.member(&context, &["rows", name, "1000"])).collect();
    for child in children {
        child.end().assert_ok();
    }
    let ended = parent.finish();
    ended.assert_ok();
    let log = place.log();
    assert_sound(&log);
    for name in names {
        assert_eq!(values(&log, &format!("{name}/value")), (0..1000).collect::<Vec<_>>());
        for n in 0..20 {
            let score = log.summary().get(&format!("{name}/score{n}")).and_then(Value::as_f64);
            assert_eq!(score, Some(f64::from(n) * 0.5));
        }
    }
    // The parent tells its own rows and all that are in its log.
    let own = values(&log, "parent/value").len();
    assert_eq!(ended.told, [format!("finished {own} {}", own + 4000)]);
}

#[test]
fn children_of_children() {
    let place = Place::new();
    let ended = place.start(&["nest", "3"]).end();
    ended.assert_ok();
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(0);
    assert_eq!(place.shards().len(), 3);
    for depth in 0..=3 {
        for moment in ["before", "after"] {
            assert_eq!(values(&log, &format!("depth{depth}/{moment}")), [1], "{depth} {moment}");
        }
        assert_eq!(log.summary().get(&format!("depth{depth}/done")), Some(&true.into()));
    }
    // Who started whom: each end was recorded by the parent, in the run of all.
    for depth in 0..3 {
        assert_eq!(log.summary().get(&format!("children/depth{depth}/exit_code")), Some(&0.into()));
    }
}

#[test]
fn the_attribute_joins() {
    let place = Place::new();
    let (parent, context) = place.parent();
    let child = place.member(&context, &["main"]).end();
    child.assert_ok();
    parent.finish().assert_ok();
    let log = place.log();
    assert_eq!(child.told, [format!("run {}", log.run().run_id)]);
    assert_eq!(values(&log, "main"), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_builder_that_names_another_run_wins() {
    let place = Place::new();
    let (parent, context) = place.parent();
    let other = place.member(&context, &["other", "mine"]).end();
    other.assert_ok();
    assert_eq!(other.told, ["attached false"]);
    let same = place.member(&context, &["other", &context_id(&context)]).end();
    assert_eq!(same.told, ["attached true"]);
    parent.finish().assert_ok();
    let ids: Vec<_> =
        place.logs().iter().map(|log| (log.run().run_id.clone(), values(log, "other").len())).collect();
    assert!(ids.contains(&("mine".to_owned(), 1)) && ids.contains(&(context_id(&context), 1)), "{ids:?}");
}

fn context_id(context: &std::path::Path) -> String {
    ups_track::Context::load(context).unwrap().run_id().to_owned()
}

#[test]
fn a_disabled_child_records_nothing() {
    let place = Place::new();
    let (parent, context) = place.parent();
    let variables = [("WANDB_CONTEXT_FILE", context.to_str().unwrap()), ("WANDB_MODE", "disabled")];
    place.start_with(&["rows", "x", "10"], &variables).end().assert_ok();
    assert!(place.shards().is_empty(), "no shard");
    parent.finish().assert_ok();
}

/// Whoever has waited for a child finds what it has recorded in the run, before what comes later.
#[test]
fn what_a_child_has_recorded_is_there_when_it_was_waited_for() {
    let place = Place::new();
    let ended = place.start(&["behind", "2000"]).end();
    ended.assert_ok();
    let ways = [
        "status",
        "output",
        "wait",
        "with_output",
        "try_wait",
        "tokio_status",
        "tokio_output",
        "tokio_wait",
        "tokio_with_output",
    ];
    assert_eq!(ended.told, ways.map(|way| format!("{way} 2000")));
    let log = place.log();
    assert_sound(&log);
    let rows = log.rows();
    for way in ways {
        let after = format!("after/{way}");
        let before = rows.iter().take_while(|row| !row.contains_key(&after));
        assert_eq!(before.filter(|row| row.contains_key(&format!("{way}/value"))).count(), 2000, "{way}");
    }
}
