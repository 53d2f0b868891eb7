//! A context that another program than ours has written: the run goes on as one more log of the same id.

use super::place::{Place, values};

#[test]
fn the_same_run_in_a_log_of_its_own() {
    let place = Place::new();
    let context = place.path().join("context.json");
    let text = r#"{"run_id": "from-python", "project": "ups", "entity": null, "url": null}"#;
    std::fs::write(&context, text).unwrap();
    let ended = place.member(&context, &["rows", "eval", "20"]).end();
    ended.assert_ok();
    let log = place.log();
    let run = log.run();
    assert_eq!((run.run_id.as_str(), run.project.as_str(), run.resume), ("from-python", "ups", true));
    assert_eq!(values(&log, "eval/value"), (0..20).collect::<Vec<_>>());
    log.assert_ends_with(0);
}

#[test]
fn a_linked_child_of_it_has_a_run_of_its_own() {
    let place = Place::new();
    let variables =
        [("WANDB_CONTEXT_FILE", "gone.json"), ("UPS_TRACK_CHILD", "linked"), ("WANDB_TAGS", "parent:p")];
    place.start_with(&["rows", "train", "20"], &variables).end().assert_ok();
    let log = place.log();
    assert_eq!((log.run().tags.as_slice(), log.run().resume), (["parent:p".to_owned()].as_slice(), false));
}

#[test]
fn a_mode_that_the_context_names() {
    let place = Place::new();
    let context = place.path().join("context.json");
    std::fs::write(&context, r#"{"run_id": "a", "mode": "disabled"}"#).unwrap();
    place.member(&context, &["rows", "eval", "20"]).end().assert_ok();
    assert!(!place.path().join("wandb").exists());
}
