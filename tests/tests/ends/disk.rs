//! A full disk: the program goes on, says so once, counts what is lost, and leaves a log that can be read.

use super::ROWS;
use super::program::{Ended, Program};
use ups_track_tests::log::Log;

/// A limit of 128 or 256 KiB, depending on the shell's idea of a block.
const LIMITED: &str = "ulimit -f 256; exec \"$@\"";

/// A file system of 256 KiB, or as much as `$size`, of which `$ballast` KiB are taken, in a mount namespace of the program's own; what is on it is copied away at the end.
const TINY: &str = "mkdir tiny && mount -t tmpfs -o size=${size:-256k} tmpfs tiny && touch mounted || exit 77
dd if=/dev/zero of=tiny/ballast bs=1k count=${ballast:-0} 2>/dev/null
WANDB_DIR=tiny \"$@\"; code=$?; cp -R tiny/wandb wandb && exit $code";

fn on_tiny_disk(mode: &str) -> Option<Ended> {
    on_disk("", mode)
}

/// With sizes, as variables of the shell.
fn on_disk(sizes: &str, mode: &str) -> Option<Ended> {
    // `sh -c` takes the first of the arguments as its own name.
    let script =
        format!("export {sizes} LC_ALL=C; exec unshare --mount --map-root-user sh -c '{TINY}' sh \"$@\"");
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

/// What such a program tells: how many rows it has recorded, and what its end said.
#[track_caller]
fn after_a_while(ended: &Ended) -> (u64, &str) {
    ended.assert_code(0);
    match ended.stdout.as_slice() {
        [flushed, rows, end] if flushed == "flushed true" => (rows.parse().unwrap(), end),
        other => panic!("{other:?}\n{}", ended.stderr),
    }
}

#[test]
fn a_disk_that_is_full_for_a_second_loses_nothing() {
    let Some(ended) = on_disk("size=1m ballast=800", "disk-second") else { return };
    let (rows, end) = after_a_while(&ended);
    assert_eq!(end, "finished, lost 0");
    assert_eq!(ended.warnings().len(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("can be written again; nothing is lost"), "{}", ended.stderr);
    let log = ended.log();
    log.assert_rows(rows);
    log.assert_ends_with(0);
    assert_eq!(log.summary().get("score"), Some(&0.25.into()));
    assert_eq!(log.config().get("rate"), Some(&0.1.into()));
}

#[test]
fn a_disk_that_is_full_for_long_leaves_a_gap_that_is_told() {
    let Some(ended) = on_disk("size=64m ballast=65200", "disk-gap") else { return };
    let (rows, end) = after_a_while(&ended);
    let log = ended.log();
    log.assert_ends_with(0);
    let there: Vec<u64> = log.rows().iter().map(|row| row["_step"].as_u64().unwrap()).collect();
    let lost = rows - there.len() as u64;
    // More than 16 MB of rows came: the first and the last are there, and those between are counted.
    assert!(lost > 0 && there.is_sorted() && there.last() == Some(&(rows - 1)), "{lost} of {rows}");
    let gaps = there.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
    assert_eq!(gaps, 1);
    assert!(end.starts_with("log failed true: ") && end.contains(&format!("{lost} rows were lost")), "{end}");
    assert!(
        ended.stderr.contains(&format!("again; {lost} rows that came meanwhile are lost")),
        "{}",
        ended.stderr
    );
    assert_eq!(log.summary().get("ups_track/dropped"), Some(&lost.into()));
    assert_eq!(log.summary().get("score"), Some(&0.25.into()));
    assert_eq!(log.config().get("rate"), Some(&0.1.into()));
}
