//! Machines that have too little of something: tracking stops no child.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use ups_track::{Child, Mode, Run, TrackCommand as _};

use super::place::{Place, assert_sound, values};

/// A parent whose run has no room for a context, and a child of either kind.
#[track_caller]
fn starts_children(run: &Run) {
    let dir = run.dir().unwrap().to_owned();
    for child in [Child::Attached, Child::Linked, Child::Attached] {
        let script = "test -z \"$WANDB_CONTEXT_FILE\" && test -n \"$WANDB_RUN_GROUP\"";
        let mut child = Command::new("sh").args(["-c", script]).track(run, child).spawn().unwrap();
        assert!(child.wait().unwrap().success());
    }
    let finished = run.finish().unwrap();
    assert_eq!(finished.lost(), 0);
    let said = std::fs::read_to_string(dir.join("logs/debug.log")).unwrap();
    assert_eq!(said.matches("child `sh` is started, but cannot record into run").count(), 1, "{said}");
}

#[test]
fn a_directory_that_is_not_unicode() {
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join(OsStr::from_bytes(b"\xffdata"));
    std::fs::create_dir(&odd).unwrap();
    let run = Run::builder().mode(Mode::Offline).dir(odd).quiet(true).global(false).start().unwrap();
    starts_children(&run);
}

#[test]
fn a_run_directory_without_room_for_children() {
    let dir = tempfile::tempdir().unwrap();
    let run = Run::builder().mode(Mode::Offline).dir(dir.path()).quiet(true).global(false).start().unwrap();
    // As a full disk: there can be no directory of this name.
    std::fs::write(run.dir().unwrap().join("shards"), "").unwrap();
    starts_children(&run);
}

/// Inodes run out: `$1` is the program.
const NO_INODES: &str = "mkdir tiny && mount -t tmpfs -o nr_inodes=20 tmpfs tiny && touch mounted || exit 77
i=0; while touch tiny/$i 2>/dev/null; do i=$((i+1)); done
rm -f tiny/0 tiny/1 tiny/2 tiny/3 tiny/4 tiny/5 tiny/6 tiny/7
WANDB_DIR=tiny \"$PROGRAM\" track attached \"$PROGRAM\" rows child 10";

#[test]
fn no_inodes() {
    let place = Place::new();
    let script =
        format!("export NO_INODES='{NO_INODES}'; exec unshare --mount --map-root-user sh -c \"$NO_INODES\"");
    let ended = place.shell(&script, &[]).end();
    if !place.path().join("mounted").exists() {
        eprintln!("skipped: this system does not let us mount a tmpfs: {}", ended.stderr.trim());
        return;
    }
    assert!(
        ended.told.iter().any(|line| line.starts_with("child Some(0)")),
        "{:?}\n{}",
        ended.told,
        ended.stderr
    );
    assert!(ended.stderr.contains("it goes on, and records nothing"), "{}", ended.stderr);
}

#[test]
fn few_descriptors() {
    for descriptors in 4..14 {
        let place = Place::new();
        let (parent, context) = place.parent();
        let script = format!("ulimit -n {descriptors}; exec \"$PROGRAM\" rows child 10");
        let variables = [("WANDB_CONTEXT_FILE", context.to_str().unwrap())];
        let child = place.shell(&script, &variables).end();
        assert!(child.status.success(), "{descriptors}: {:?}\n{}", child.told, child.stderr);
        parent.finish().assert_ok();
        let log = place.log();
        assert_sound(&log);
        let rows = values(&log, "child/value").len();
        let is_disabled = child.stderr.contains("it goes on, and records nothing");
        assert_eq!(rows, if is_disabled { 0 } else { 10 }, "{descriptors}: {}", child.stderr);
        assert!(descriptors < 10 || !is_disabled, "{descriptors}: {}", child.stderr);
    }
}
