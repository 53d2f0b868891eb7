//! Ranks that are killed, rank 0 among them, at any moment.

use std::path::Path;
use std::time::Duration;

use ups_track::log::record::Kind;
use ups_track_tests::log::{Log, run_dirs};

use super::super::place::{Place, Process, assert_sound};
use super::{Launcher, SIZE, SLURM, TORCHRUN, all_end, all_heard, heard, merge, policy, values_of};

/// Starts a group in random order; gives the ranks in the order of their numbers.
fn start(launcher: Launcher, place: &Place, random: &mut fastrand::Rng) -> Vec<(u32, Process)> {
    let mut order: Vec<u32> = (0..SIZE).collect();
    random.shuffle(&mut order);
    let mut ranks: Vec<_> = order
        .into_iter()
        .map(|rank| {
            std::thread::sleep(Duration::from_millis(random.u64(0..20)));
            (rank, launcher.start(place, rank, &["steady", "loss"], &policy("shards")))
        })
        .collect();
    ranks.sort_by_key(|(rank, _)| *rank);
    ranks
}

#[test]
fn every_flushed_row_is_there_once() {
    let mut random = fastrand::Rng::with_seed(23);
    for launcher in [SLURM, TORCHRUN, SLURM, TORCHRUN] {
        let place = Place::new();
        let mut ranks = start(launcher, &place, &mut random);
        let mut flushed: Vec<u64> = ranks.iter().map(|(_, rank)| heard(rank)).collect();
        random.shuffle(&mut ranks);
        for (rank, mut process) in ranks {
            std::thread::sleep(Duration::from_millis(random.u64(0..60)));
            process.kill();
            let last = process.end().flushed();
            let place = flushed.get_mut(rank as usize).unwrap();
            *place = last.max(*place);
        }
        merge(&place);
        let log = place.log();
        assert_sound(&log);
        log.assert_ends_with(1);
        let mut rows = 0;
        for (rank, flushed) in (0..SIZE).zip(flushed) {
            let values = values_of(&log, "loss/value", rank);
            assert!(values.len() as u64 >= flushed, "rank {rank}: {} of {flushed}", values.len());
            assert_eq!(values, (0..values.len() as u64).collect::<Vec<_>>(), "rank {rank}");
            rows += values.len();
        }
        assert_eq!(log.rows().len(), rows);
        let (code, out) = place.ups_track(&["verify", "wandb"]);
        assert_eq!(code, 0, "{out}");
    }
}

#[test]
fn the_others_complete_the_run_of_a_killed_rank_0() {
    let place = Place::new();
    let mut first = SLURM.start(&place, 0, &["steady", "loss"], &policy("shards"));
    let others: Vec<_> = (1..SIZE)
        .map(|rank| SLURM.start(&place, rank, &["hold", "loss", "100"], &policy("shards")))
        .collect();
    let flushed = heard(&first);
    all_heard(&others);
    first.kill();
    drop(first.end());
    // Nobody runs the command: each rank that ends adds what there is.
    for rank in others {
        rank.finish().assert_ok();
    }
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(1);
    assert!(values_of(&log, "loss/value", 0).len() as u64 >= flushed);
    for rank in 1..SIZE {
        assert_eq!(values_of(&log, "loss/value", rank), (0..100).collect::<Vec<_>>(), "rank {rank}");
    }
}

#[test]
fn nothing_is_lost_when_rank_0_is_killed_while_all_begin() {
    let mut random = fastrand::Rng::with_seed(5);
    let more = [("UPS_TRACK_RANKS", "shards"), ("UPS_TRACK_RANKS_PATIENCE", "0.3")];
    for launcher in [SLURM, TORCHRUN, SLURM, TORCHRUN] {
        let place = Place::new();
        let mut first = launcher.start(&place, 0, &["steady", "loss"], &more);
        let others: Vec<_> =
            (1..SIZE).map(|rank| launcher.start(&place, rank, &["rows", "loss", "100"], &more)).collect();
        std::thread::sleep(Duration::from_millis(random.u64(0..20)));
        first.kill();
        drop(first.end());
        let ended = all_end(others);
        assert!(ended.iter().all(|ended| ended.status.success()));
        // There may be no log at all.
        place.ups_track(&["merge", "wandb"]);
        // In the run of rank 0, or, for those that could not find it, in a run of their own.
        for rank in 1..SIZE {
            let mut values = Vec::new();
            for run in run_dirs(place.path()).iter().filter(|run| has_log(run)) {
                let log = Log::of(run);
                if log
                    .records
                    .iter()
                    .any(|kind| matches!(kind, Kind::Run(run) if run.tags == [format!("rank:{rank}")]))
                {
                    values.extend(super::super::place::values(&log, "loss/value"));
                } else {
                    values.extend(values_of(&log, "loss/value", rank));
                }
            }
            assert_eq!(values, (0..100).collect::<Vec<_>>(), "rank {rank}");
        }
    }
}

/// Whether a run came so far as to have a log.
fn has_log(run: &Path) -> bool {
    let mut entries = std::fs::read_dir(run).unwrap().map(|entry| entry.unwrap().path());
    entries.any(|path| path.extension().is_some_and(|extension| extension == "wandb"))
}

#[test]
fn a_rank_that_is_started_again_joins_again() {
    let place = Place::new();
    let first = SLURM.start(&place, 0, &["hold", "loss", "100"], &policy("shards"));
    heard(&first);
    let mut other = SLURM.start(&place, 4, &["steady", "before"], &policy("shards"));
    let flushed = heard(&other);
    other.kill();
    drop(other.end());
    SLURM.start(&place, 4, &["rows", "after", "100"], &policy("shards")).end().assert_ok();
    first.finish().assert_ok();
    let log = place.log();
    assert_sound(&log);
    assert!(values_of(&log, "before/value", 4).len() as u64 >= flushed);
    assert_eq!(values_of(&log, "after/value", 4), (0..100).collect::<Vec<_>>());
}
