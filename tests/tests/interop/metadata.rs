//! What describes a run, and the files that it saves.

use std::fs;

use ups_track_tests::normalized::assert_same;
use ups_track_tests::server::{Alert, Run};

use crate::{python, synced, text, twin};

#[track_caller]
fn check_metadata(run: &Run) {
    assert_eq!(run.display_name.as_deref(), Some("A fine name"));
    assert_eq!(run.notes.as_deref(), Some("Notes with\ntwo lines"));
    assert_eq!(run.tags, ["baseline", "α", "later"]);
    assert_eq!(run.group.as_deref(), Some("nightly"));
    assert_eq!(run.job_type.as_deref(), Some("train"));

    let alert = |title: &str, text: &str, severity: &str, wait_duration| Alert {
        title: title.to_owned(),
        text: text.to_owned(),
        severity: severity.to_owned(),
        wait_duration,
    };
    // Without a duration the client waits a minute.
    let expected =
        [alert("Loss is NaN", "at step 3", "WARN", 30_000), alert("Note", "no wait", "INFO", 60_000)];
    let mut alerts = run.alerts.clone();
    alerts.sort();
    assert_eq!(alerts, expected);

    for policy in ["now", "end", "live"] {
        let path = format!("sub/{policy}.txt");
        assert_eq!(text(run, &path), format!("{policy}: naïve\n"));
        assert!(run.reported_files.contains(&path));
    }
}

#[test]
fn names_alerts_and_files_arrive() {
    check_metadata(python("metadata"));
}

#[test]
fn ups_track_metadata_is_the_same() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("source/sub")).unwrap();
    for policy in ["now", "end", "live"] {
        fs::write(root.path().join(format!("source/sub/{policy}.txt")), format!("{policy}: naïve\n"))
            .unwrap();
    }
    let settings = [
        ("WANDB_NAME", "A fine name"),
        ("WANDB_NOTES", "Notes with\ntwo lines"),
        ("WANDB_TAGS", "baseline,α"),
        ("WANDB_RUN_GROUP", "nightly"),
        ("WANDB_JOB_TYPE", "train"),
    ];
    let mut program = twin::program("metadata", root.path(), &settings);
    let ended = twin::output(program.current_dir(root.path().join("source")));
    assert!(ended.status.success(), "{ended:?}");
    let run = synced(&twin::latest(root.path()), "metadata");
    check_metadata(&run);
    assert_same(python("metadata"), &run);
}
