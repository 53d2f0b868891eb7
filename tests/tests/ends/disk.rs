//! A full disk: the program goes on, says so once, counts what is lost, and leaves a log that can be read.

use super::ROWS;
use super::program::{Ended, Program};
use ups_track_tests::log::Log;

/// A limit of 128 or 256 KiB, depending on the shell's idea of a block.
const LIMITED: &str = "ulimit -f 256; exec \"$@\"";

/// A file system of 256 KiB in a mount namespace of the program's own; what is on it is copied away at the end.
const TINY: &str = "mkdir tiny && mount -t tmpfs -o size=256k tmpfs tiny && touch mounted || exit 77
WANDB_DIR=tiny \"$@\"; code=$?; cp -R tiny/wandb wandb && exit $code";

fn on_tiny_disk(mode: &str) -> Option<Ended> {
    // `sh -c` takes the first of the arguments as its own name.
    let script = format!("exec unshare --mount --map-root-user sh -c '{TINY}' sh \"$@\"");
    let ended = Program::in_shell(&script, mode).run();
    if ended.dir.path().join("mounted").exists() {
        return Some(ended);
    }
    eprintln!("skipped: this system does not let us mount a tmpfs: {}", ended.stderr.trim());
    None
}

/// One clear message when it happens, at most one at the end, and the losses.
#[track_caller]
fn check_said(ended: &Ended) {
    let count = |text: &str| ended.warnings().iter().filter(|line| line.contains(text)).count();
    assert_eq!(count("cannot write the log"), 1, "{}", ended.stderr);
    assert!(count("the log of run") <= 1, "{}", ended.stderr);
    assert!(ended.warnings().len() <= 2, "{}", ended.stderr);
    assert!(ended.stderr.contains(" lost, 0 refused"), "{}", ended.stderr);
}

/// A record that does not fit: all before it is there, all after it is lost, and the small end still fits.
#[track_caller]
fn check_burst(ended: &Ended) {
    ended.assert_code(0);
    check_said(ended);
    let log = ended.log();
    log.assert_rows(ROWS);
    log.assert_ends_with(0);
    assert_eq!(log.summary().get("ups_track/dropped"), Some(&40.into()));
    assert_eq!(log.summary().get("score"), Some(&0.25.into()));
    let (told, rest) = ended.stdout.split_first().unwrap();
    let name = log.path.file_name().unwrap().to_str().unwrap();
    assert!(told.starts_with("log failed true: ") && told.contains(name), "{told}");
    assert!(told.contains("40 rows were lost"), "{told}");
    assert!(rest.is_empty(), "{rest:?}");
}

/// Rows until there is no room for more: every one is either there or counted.
#[track_caller]
fn check_rows(ended: &Ended) {
    ended.assert_code(0);
    check_said(ended);
    assert_eq!(ended.stdout, ["flushed true", "went on to the end"]);
    let log = ended.log();
    assert!(log.fault.is_none(), "{:?}", log.fault);
    let rows = log.rows().len() as u64;
    log.assert_rows(rows);
    assert!((1000..50_000).contains(&rows), "{rows}");
    let lost = format!("{} lost, 0 refused", 50_000 - rows);
    assert!(ended.stderr.contains(&lost), "{lost}\n{}", ended.stderr);
}

#[test]
fn a_record_beyond_the_file_size_limit() {
    check_burst(&Program::in_shell(LIMITED, "disk-burst").run());
}

#[test]
fn rows_beyond_the_file_size_limit() {
    check_rows(&Program::in_shell(LIMITED, "disk-rows").run());
}

#[test]
fn a_record_beyond_the_disk() {
    if let Some(ended) = on_tiny_disk("disk-burst") {
        check_burst(&ended);
    }
}

#[test]
fn rows_beyond_the_disk() {
    if let Some(ended) = on_tiny_disk("disk-rows") {
        check_rows(&ended);
        assert_eq!(Log::all(ended.dir.path()).len(), 1);
    }
}
