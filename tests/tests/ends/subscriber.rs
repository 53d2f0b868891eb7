//! `#[ups_track::main]` with and without a subscriber of the program's own.

use super::ROWS;
use super::program::Program;

#[test]
fn a_subscriber_of_the_programs_own() {
    for mode in ["attribute-own-subscriber", "tokio-own-subscriber"] {
        let ended = Program::new(mode).run();
        ended.assert_code(0);
        let log = ended.log();
        log.assert_work(ROWS);
        log.assert_ends_with(0);
        assert!(ended.warnings().is_empty(), "{}", ended.stderr);
        // The events are everybody's.
        assert_eq!(ended.stderr.matches("metric.loss=").count() as u64, ROWS, "{}", ended.stderr);
    }
}

#[test]
fn a_message_is_console_output() {
    let ended = Program::new("attribute-own-subscriber").run();
    let log = ended.log();
    let lines = log.records.iter().filter_map(|kind| match kind {
        ups_track::log::record::Kind::OutputRaw(output) => Some(output.line.clone()),
        _ => None,
    });
    let lines: Vec<_> = lines.collect();
    assert!(matches!(lines.as_slice(), [line] if line.ends_with(": a message\n")), "{lines:?}");
}

/// A subscriber without our layer hears nothing for us, and that is said once.
#[test]
fn a_subscriber_without_our_layer() {
    let ended = Program::new("attribute-no-layer").run();
    ended.assert_code(0);
    let log = ended.log();
    assert_eq!(log.rows().len(), 0);
    assert_eq!(log.exit().map(|exit| exit.exit_code), Some(0));
    let warnings = ended.warnings();
    assert!(matches!(warnings.as_slice(), [one] if one.contains("ups_track::layer()")), "{warnings:?}");
}
