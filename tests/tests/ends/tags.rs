//! Tags, notes and names that change all the time.

use super::program::Program;
use ups_track::log::record::Kind;

/// 100,000 tags, a hundred at a time: each record has all of them, so that there must be one for many changes. With an hour
/// between two flushes only full queues wake the writer.
#[test]
fn many_tags_make_no_large_log() {
    let ended = Program::new("builder-tags").env("WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL", "3600").run();
    ended.assert_code(0);
    let log = ended.log();
    log.assert_ends_with(0);
    let run = log.run();
    assert_eq!((run.tags.len(), run.notes.as_str(), run.display_name.as_str()), (100_000, "999", "name-999"));
    let records = log.records.iter().filter(|kind| matches!(kind, Kind::Run(_))).count();
    assert!(records < 20, "{records}");
}
