//! Many threads and tasks at once: nothing is lost, doubled or out of order.

use std::collections::BTreeMap;

use serde_json::Value;
use ups_track::log::record::Kind;

use super::program::Program;

#[test]
fn every_row_arrives_once_and_in_order() {
    let ended = Program::new("crowd").run();
    ended.assert_code(0);
    let log = ended.log();
    log.assert_ends_with(0);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (number, row) in (0_u64..).zip(log.rows()) {
        assert_eq!(row.get("_step"), Some(&number.into()));
        let own: Vec<_> = row.iter().filter(|(key, _)| !key.starts_with('_')).collect();
        let [(count_key, count), (step_key, step)] = own.as_slice() else { panic!("{own:?}") };
        let stage = count_key.strip_suffix("/count").unwrap();
        assert_eq!(step_key.strip_suffix("/step"), Some(stage));
        let expected = counts.entry(stage.to_owned()).or_default();
        assert_eq!((*count, *step), (&Value::from(*expected), &Value::from(*expected)), "{stage}");
        *expected += 1;
    }
    let stages = (0..8).map(|n| format!("thread{n}")).chain((0..4).map(|n| format!("task{n}")));
    assert_eq!(counts, stages.map(|stage| (stage, 2000)).collect());
}

#[test]
fn what_happened_before_stands_before() {
    let ended = Program::new("order").run();
    ended.assert_code(0);
    let log = ended.log();
    log.assert_ends_with(0);
    let summary = log.summary();
    for round in 0..200 {
        assert_eq!(summary.get(&format!("who/{round}")), Some(&"other".into()), "round {round}");
    }
    // Row, the other thread's config, row: over and over.
    let mut seen = Vec::new();
    for kind in &log.records {
        match kind {
            Kind::History(history) => {
                let item =
                    history.item.iter().find(|i| i.nested_key == ["before"] || i.nested_key == ["after"]);
                let item = item.unwrap();
                seen.push(format!("{} {}", item.nested_key.join("."), item.value_json));
            }
            Kind::Config(config) => {
                seen.extend(config.update.iter().flat_map(|i| i.path()).map(str::to_owned))
            }
            _ => {}
        }
    }
    let expected = (0..200).flat_map(|n| [format!("before {n}"), format!("round{n}"), format!("after {n}")]);
    assert_eq!(seen, expected.collect::<Vec<_>>());
}
