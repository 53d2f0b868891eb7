//! Many threads and tasks at once: nothing is lost, doubled or out of order.

use std::collections::BTreeMap;

use serde_json::Value;
use ups_track::log::record::{Item, Kind};

use super::ROWS;
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
        assert_eq!(own.len(), 2, "{own:?}");
        let stage = own.iter().find_map(|(key, _)| key.strip_suffix("/step")).unwrap();
        let expected = counts.entry(stage.to_owned()).or_default();
        for name in ["step", "count"] {
            assert_eq!(row.get(&format!("{stage}/{name}")), Some(&Value::from(*expected)), "{stage}");
        }
        *expected += 1;
    }
    let stages = (0..8).map(|n| format!("thread{n}")).chain((0..4).map(|n| format!("task{n}")));
    assert_eq!(counts, stages.map(|stage| (stage, 2000)).collect());
}

/// Threads that all come to the first macro of the process lose nothing.
#[test]
fn the_first_rows_of_all_threads_arrive() {
    for _ in 0..10 {
        let ended = Program::new("rush").run();
        ended.assert_code(0);
        assert!(ended.warnings().is_empty(), "{}", ended.stderr);
        let log = ended.log();
        log.assert_ends_with(0);
        let mut counts = [0_u64; 8];
        for row in log.rows() {
            let number = |key: &str| row.get(key).and_then(Value::as_u64).unwrap();
            let expected = counts.get_mut(usize::try_from(number("thread")).unwrap()).unwrap();
            assert_eq!((number("count"), number("step")), (*expected, *expected));
            *expected += 1;
        }
        assert_eq!(counts, [ROWS; 8]);
    }
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
            Kind::Config(config) => seen.extend(config.update.iter().flat_map(Item::path).map(str::to_owned)),
            _ => {}
        }
    }
    let expected = (0..200).flat_map(|n| [format!("before {n}"), format!("round{n}"), format!("after {n}")]);
    assert_eq!(seen, expected.collect::<Vec<_>>());
}
