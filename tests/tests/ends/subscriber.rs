//! `#[ups_track::main]` with and without a subscriber of the program's own.

use super::ROWS;
use super::program::Program;

#[test]
fn a_subscriber_of_the_programs_own() {
    let ended = Program::new("own-subscriber").run();
    ended.assert_code(0);
    let log = ended.log();
    log.assert_work(ROWS);
    log.assert_ends_with(0);
    assert!(ended.warnings().is_empty(), "{}", ended.stderr);
    // A layer without a filter asks for everything, also for what macros tell at level TRACE.
    assert_eq!(ended.stderr.matches("metric.loss=").count() as u64, ROWS, "{}", ended.stderr);
}

#[test]
fn a_message_is_console_output() {
    let ended = Program::new("own-subscriber").run();
    let log = ended.log();
    let lines = log.records.iter().filter_map(|kind| match kind {
        ups_track::log::record::Kind::OutputRaw(output) => Some(output.line.clone()),
        _ => None,
    });
    let lines: Vec<_> = lines.collect();
    assert!(matches!(lines.as_slice(), [line] if line.ends_with(": a message\n")), "{lines:?}");
}

/// Macros need no layer, and no subscriber.
#[test]
fn a_subscriber_without_our_layer() {
    for mode in ["own-no-layer", "own-none", "tokio-spawned"] {
        let ended = Program::new(mode).run();
        ended.assert_code(0);
        let log = ended.log();
        log.assert_work(ROWS);
        log.assert_ends_with(0);
        assert!(ended.warnings().is_empty(), "{mode}: {}", ended.stderr);
    }
}

/// A program that installs a subscriber beside the one of the attribute panics by its own words, and reads the remedy.
#[test]
fn a_second_subscriber() {
    let ended = Program::new("attribute-second-subscriber").run();
    ended.assert_code(101);
    assert!(ended.stderr.contains("#[ups_track::main(subscriber = false)]"), "{}", ended.stderr);
    ended.log().assert_ends_with(1);
}
