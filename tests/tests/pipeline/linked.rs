//! Linked children: runs of their own that know their parent.

use super::place::{PROGRAM, Place};

/// What a child of `kind` finds in its environment, as `NAME=value`.
fn environment(place: &Place, kind: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let ended = place.start_with(&["track", kind, PROGRAM, "environment"], variables).end();
    // The child tells the test by the standard output that it has from its parent.
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    ended.told.into_iter().filter(|line| line.contains('=')).collect()
}

fn id(place: &Place) -> String {
    place.log().run().run_id.clone()
}

#[test]
fn a_stock_client_is_linked_by_the_environment_alone() {
    let place = Place::new();
    let parents_own = [
        ("WANDB_RUN_ID", "the-parent"),
        ("WANDB_RESUME", "allow"),
        ("WANDB_NAME", "the parent"),
        ("WANDB_NOTES", "of the parent"),
        ("WANDB_JOB_TYPE", "orchestrate"),
        ("WANDB_TAGS", "night,parent:older"),
        ("WANDB_ENTITY", "us"),
        ("WANDB_MODE", "offline"),
    ];
    let found = environment(&place, "linked-train", &parents_own);
    let run_dir = place.run_dir();
    let dir = place.path().display();
    assert_eq!(
        found,
        [
            "UPS_TRACK_CHILD=linked".to_owned(),
            format!("UPS_TRACK_PARENT_CONTEXT={}", run_dir.join("context.json").display()),
            format!("WANDB_DIR={dir}"),
            "WANDB_ENTITY=us".into(),
            "WANDB_JOB_TYPE=train".into(),
            "WANDB_MODE=offline".into(),
            "WANDB_NAME=operator".into(),
            "WANDB_PROJECT=pipeline".into(),
            "WANDB_RUN_GROUP=the-parent".into(),
            "WANDB_TAGS=night,parent:the-parent".into(),
        ]
    );
}

#[test]
fn the_group_is_the_parents() {
    let place = Place::new();
    let found = environment(&place, "linked", &[("WANDB_RUN_GROUP", "sweep 7")]);
    assert!(found.contains(&"WANDB_RUN_GROUP=sweep 7".to_owned()), "{found:?}");
    assert!(!found.iter().any(|line| line.starts_with("WANDB_NAME") || line.starts_with("WANDB_JOB_TYPE")));
}

#[test]
fn a_stock_client_that_is_attached_writes_the_same_run() {
    let place = Place::new();
    let found = environment(&place, "attached", &[("WANDB_TAGS", "x"), ("WANDB_NAME", "n")]);
    let id = id(&place);
    for line in [format!("WANDB_RUN_ID={id}"), "WANDB_RESUME=allow".into(), "UPS_TRACK_CHILD=attached".into()]
    {
        assert!(found.contains(&line), "{found:?}");
    }
    assert!(!found.iter().any(|line| line.starts_with("WANDB_TAGS") || line.starts_with("WANDB_NAME")));
}

#[test]
fn a_disabled_parent_has_disabled_children() {
    let place = Place::new();
    let found = environment(&place, "linked", &[("WANDB_MODE", "disabled")]);
    assert!(found.contains(&"WANDB_MODE=disabled".to_owned()), "{found:?}");
    assert!(!found.iter().any(|line| line.contains("CONTEXT") || line.contains("UPS_TRACK")), "{found:?}");
    assert!(!place.path().join("wandb").exists());
}

#[test]
fn a_linked_child_has_a_run_of_its_own() {
    let place = Place::new();
    let ended = place.start(&["track", "linked-train", PROGRAM, "rows", "train", "100"]).end();
    ended.assert_ok();
    let logs = place.logs();
    assert_eq!(logs.len(), 2);
    let of = |name: &str| logs.iter().find(|log| log.run().display_name == name).unwrap();
    let (parent, child) = (of("orchestrator"), of("operator"));
    let (run, id) = (child.run(), &parent.run().run_id);
    assert_ne!(run.run_id, *id);
    assert_eq!(run.tags, [format!("parent:{id}")]);
    assert_eq!((run.run_group.as_str(), run.job_type.as_str()), (id.as_str(), "train"));
    assert_eq!((run.project.as_str(), run.resume), ("pipeline", false));
    assert_eq!((child.rows().len(), parent.rows().len()), (100, 0));
    let summary = parent.summary();
    assert_eq!(summary.get("children/operator/status"), Some(&"finished".into()));
    assert_eq!(summary.get("children/operator/exit_code"), Some(&0.into()));
    assert!(summary.get("children/operator/duration_s").is_some_and(serde_json::Value::is_number));
}
