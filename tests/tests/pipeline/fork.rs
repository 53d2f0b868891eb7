//! `fork` without `exec`.

use super::place::{Place, until, values};

#[test]
fn a_forked_child_leaves_the_log_alone() {
    for end in ["return", "exit"] {
        let place = Place::new();
        let ended = place.start(&["fork", end]).end();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        assert!(ended.told.contains(&"parent saw 7".to_owned()), "{:?}", ended.told);
        assert!(ended.told.contains(&"child flush false".to_owned()), "{:?}", ended.told);
        assert!(ended.told.iter().any(|line| line.contains("was forked from")), "{:?}", ended.told);
        let warnings = ended.stderr.matches("warning: this process was forked").count();
        assert_eq!(warnings, 1, "{}", ended.stderr);
        let log = place.log();
        log.assert_ends_with(0);
        assert_eq!(values(&log, "value"), (0..150).collect::<Vec<_>>());
        assert!(!log.summary().contains_key("in_child"));
    }
}

#[test]
fn a_forked_child_may_have_a_run_of_its_own() {
    let place = Place::new();
    let ended = place.start(&["fork", "own"]).end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.told.contains(&"own true".to_owned()), "{:?}\n{}", ended.told, ended.stderr);
    let logs = place.logs();
    let own = logs.iter().find(|log| log.run().run_id == "own").unwrap();
    own.assert_ends_with(0);
    assert_eq!((logs.len(), values(own, "own")), (2, vec![1]));
}

/// A daemon that was forked off does not keep its parent's run alive.
#[test]
fn a_forked_child_does_not_hold_the_lock() {
    let place = Place::new();
    let mut parent = place.start(&["fork", "linger"]);
    assert_eq!(parent.hear(), "lingers");
    let context = place.path().join("context.json");
    let text =
        format!(r#"{{"run_id": "{}", "dir": "{}"}}"#, place.log().run().run_id, place.run_dir().display());
    std::fs::write(&context, text).unwrap();
    parent.kill();
    until("the end of the parent", || parent.has_ended().then_some(()));
    // Its end, in the run of a parent that is gone, merges.
    place.member(&context, &["rows", "late", "10"]).end().assert_ok();
    let log = place.log();
    log.assert_ends_with(1);
    assert_eq!(values(&log, "late/value"), (0..10).collect::<Vec<_>>());
    // The lingering child hears that the test closes the pipe.
    parent.finish();
}

/// Whatever lock another thread of the parent had at that moment, nobody gives it back in the child.
#[test]
fn forked_children_do_not_wait_for_threads_that_they_lack() {
    let place = Place::new();
    let ended = place.start(&["fork", "crowd"]).end();
    assert!(ended.told.contains(&"hung 0".to_owned()), "{:?}", ended.told);
    assert!(place.log().summary().keys().all(|key| key != "in_child"));
}
