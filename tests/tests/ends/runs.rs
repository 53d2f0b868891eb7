//! Several runs in one process.

use serde_json::Value;

use super::program::{Ended, Program};
use ups_track_tests::log::{Log, run_dirs};

fn two(mode: &str) -> (Ended, Log, Log) {
    let ended = Program::new(mode).run();
    ended.assert_code(0);
    assert!(ended.warnings().is_empty(), "{}", ended.stderr);
    let of = |id: &str| {
        let dirs = run_dirs(ended.dir.path());
        Log::of(dirs.iter().find(|dir| dir.to_str().unwrap().ends_with(&format!("-{id}"))).unwrap())
    };
    let (one, two) = (of("one"), of("two"));
    one.assert_ends_with(0);
    two.assert_ends_with(3);
    (ended, one, two)
}

#[test]
fn runs_keep_their_data_apart() {
    let (ended, one, two) = two("runs-apart");
    assert_eq!(ended.stdout, ["one 600", "two 800"]);
    for (log, name, steps) in [(one, "one", 0..300), (two, "two", 1000..1400)] {
        let mut rows = (0_u64..).zip(log.rows());
        for step in steps {
            for key in ["value", "direct"] {
                let (number, row) = rows.next().unwrap();
                assert_eq!(row.get("_step"), Some(&number.into()));
                assert_eq!(row.get(&format!("{name}/step")), Some(&step.into()));
                let value = row.get(&format!("{name}/{key}")).and_then(Value::as_f64);
                assert_eq!(value, Some(f64::from(step)), "{row:?}");
            }
        }
        assert_eq!(rows.next(), None);
        assert_eq!(log.summary().get("name"), Some(&name.into()));
        assert_eq!(log.run().run_id, name);
    }
}

#[test]
fn one_subscriber_feeds_both() {
    let (ended, one, two) = two("runs-together");
    assert_eq!(ended.stdout, ["one 100", "two 100"]);
    for log in [one, two] {
        for (step, row) in (0_u64..).zip(log.rows()) {
            assert_eq!(
                (row.get("both/step"), row.get("both/value")),
                (Some(&step.into()), Some(&step.into()))
            );
        }
    }
}

/// A run that may not be the global one does not begin.
#[test]
fn a_second_global_run_is_refused() {
    let ended = Program::new("builder-guard-second").run();
    ended.assert_code(1);
    assert!(ended.stdout.join("\n").contains("the global run is already"), "{:?}", ended.stdout);
    let log = ended.log();
    log.assert_work(super::ROWS);
    // The first run ends with the function that fails, and with it the process.
    log.assert_ends_with(i32::from(super::TELLS_CODE));
}

#[test]
fn a_taken_subscriber_is_refused() {
    let ended = Program::new("builder-init-twice").run();
    ended.assert_code(1);
    assert!(ended.stdout.join("\n").contains("subscriber is already set"), "{:?}", ended.stdout);
    assert!(run_dirs(ended.dir.path()).is_empty(), "nothing is left behind");
}
