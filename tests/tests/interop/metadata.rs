//! What describes a run, and the files that it saves.

use ups_track_tests::server::Alert;

use crate::python;

#[test]
fn names_alerts_and_files_arrive() {
    let run = python("metadata");
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
        assert_eq!(String::from_utf8_lossy(&run.files[&path]), format!("{policy}: naïve\n"));
        assert!(run.reported_files.contains(&path));
    }
}
