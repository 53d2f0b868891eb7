#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::{FilePolicy, Mode, Run as Handle, Stream};

/// A finished run beside a shard with a bit of everything that it has not merged; gives log and shard.
fn left_behind(dir: &Path) -> (PathBuf, PathBuf) {
    let builder = Handle::builder().mode(Mode::Offline).dir(dir).id("left").quiet(true).global(false);
    let run = builder.start().unwrap();
    run.log(0, &[("own", 1)]);
    let context = run.context();
    let child = Handle::builder().context(&context).global(false).config(&[("c", 1)]).start().unwrap();
    let finished = run.finish().unwrap();
    for step in 0..40_u64 {
        child.log(step, &[("loss", 1.0 / (step + 1) as f64)]);
    }
    child.summarize(&[("score", 0.5)]);
    child.write_console(Stream::Stdout, "x\n");
    let file = dir.join("x.txt");
    fs::write(&file, "x").unwrap();
    child.save_file(&file, FilePolicy::Now).unwrap();
    assert!(child.flush());
    let (names, _) = shards::list(finished.dir().unwrap());
    let shard = shards::place(finished.dir().unwrap()).join(names.first().unwrap()).join(shards::LOG);
    let bytes = fs::read(&shard).unwrap();
    let log = finished.dir().unwrap().join("run-left.wandb");
    let before = fs::read(&log).unwrap();
    // Its end merges; what was before is put back.
    child.finish().unwrap();
    assert_ne!(fs::read(&log).unwrap(), before);
    fs::write(&log, before).unwrap();
    fs::write(&shard, bytes).unwrap();
    (log, shard)
}

fn uuids(log: &Path) -> Vec<String> {
    let records = Reader::open(log).unwrap().map(|entry| entry.unwrap().record);
    records.map(|record| record.uuid).filter(|uuid| !uuid.is_empty()).collect()
}

#[test]
fn what_was_left_behind_comes_once() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = left_behind(dir.path());
    let look = merge(&log, Purpose::Look).unwrap().unwrap();
    let outcome = merge(&log, Purpose::Merge).unwrap().unwrap();
    assert_eq!((look.rows, look.records), (outcome.rows, outcome.records));
    assert_eq!((outcome.rows, outcome.killed, outcome.refused, outcome.live), (40, 1, 0, false));
    assert_eq!(uuids(&log).len() as u64, outcome.records);
    let merged = fs::read(&log).unwrap();
    assert_eq!(merge(&log, Purpose::Merge).unwrap().unwrap().records, 0);
    assert_eq!(fs::read(&log).unwrap(), merged);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_shard_breaks_the_log(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..3),
        cut in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (log, shard) = left_behind(dir.path());
        let mut bytes = fs::read(&shard).unwrap();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        bytes.truncate(cut.index(bytes.len() * 2));
        bytes.extend(noise);
        fs::write(&shard, bytes).unwrap();
        let outcome = merge(&log, Purpose::Merge).unwrap().unwrap();
        let there = uuids(&log);
        prop_assert_eq!(there.len() as u64, outcome.records);
        let merged = fs::read(&log).unwrap();
        prop_assert_eq!(merge(&log, Purpose::Merge).unwrap().unwrap().records, 0);
        prop_assert_eq!(fs::read(&log).unwrap(), merged);
    }
}
