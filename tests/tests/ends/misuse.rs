//! Mistakes that only running can show: said once, clearly, and counted.

use super::program::Program;

#[test]
fn text_as_a_metric() {
    let ended = Program::new("misuse-text").run();
    ended.assert_code(0);
    let warnings = ended.warnings();
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    let line = line_of("misuse.rs", "metric.loss = \"high\"");
    assert!(warning.contains(&format!("src/bin/ends/misuse.rs:{line}: ")), "{warning}");
    assert!(warning.contains("`metric.loss` is the text \"high\", not a number"), "{warning}");
    assert!(warning.contains("config.loss") && warning.contains("summary.loss"), "{warning}");
    assert!(ended.stderr.contains("1000 refused"), "{}", ended.stderr);
    let log = ended.log();
    log.assert_ends_with(0);
    assert_eq!(log.summary().get("ups_track/refused/metrics"), Some(&1000.into()));
    assert!(log.rows().is_empty());
}

/// Where in a program's source a text stands for the first time.
fn line_of(file: &str, text: &str) -> usize {
    let path = format!("{}/src/bin/ends/{file}", env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(path).unwrap();
    source.lines().position(|line| line.contains(text)).unwrap() + 1
}

/// A filter above all layers does not silence macros.
#[test]
fn a_global_filter() {
    for mode in ["misuse-filtered", "misuse-filtered-bare"] {
        let ended = Program::new(mode).run();
        ended.assert_code(0);
        assert!(ended.warnings().is_empty(), "{mode}: {}", ended.stderr);
        ended.log().assert_work(super::ROWS);
    }
}

/// In a program that uses none of our macros nothing is recorded: that is told once, with the remedy.
#[test]
fn a_global_filter_over_plain_events() {
    let ended = Program::new("misuse-filtered-plain").run();
    ended.assert_code(0);
    let warnings = ended.warnings();
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(warning.contains("global filter") && warning.contains(".with_filter(..)"), "{warning}");
}
