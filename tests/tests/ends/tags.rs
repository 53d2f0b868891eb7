//! Tags, notes and names that change all the time.

use super::program::Program;

/// 100,000 tags, a hundred at a time: each record has all tags, so that there must be few.
#[test]
fn many_tags_make_no_large_log() {
    let ended = Program::new("builder-tags").run();
    ended.assert_code(0);
    let log = ended.log();
    log.assert_ends_with(0);
    let run = log.run();
    assert_eq!((run.tags.len(), run.notes.as_str(), run.display_name.as_str()), (100_000, "999", "name-999"));
    let length = std::fs::metadata(&log.path).unwrap().len();
    assert!(length < 64 << 20, "{length}");
}
