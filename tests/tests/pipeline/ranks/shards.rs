//! Every rank records into the run of rank 0.

use serde_json::Value;
use ups_track::log::record::Kind;

use super::super::place::{PROGRAM, Place, Process, assert_sound, until, values};
use super::{
    LAUNCHERS, MPICH, SIZE, SLURM, TORCHRUN, all_heard, all_ok, entries, heard, merge, policy, values_of,
};

const ROWS: &[&str] = &["rows", "loss", "100"];
const HOLD: &[&str] = &["hold", "loss", "100"];
const SHARDS: &[(&str, &str)] = &[("UPS_TRACK_RANKS", "shards")];

/// Checks the only run: all rows of these ranks, each once and in order.
#[track_caller]
fn assert_whole(place: &Place, ranks: impl IntoIterator<Item = u32>) {
    let log = place.log();
    assert_sound(&log);
    let ranks: Vec<u32> = ranks.into_iter().collect();
    assert_eq!(log.rows().len(), 100 * ranks.len());
    for rank in ranks {
        assert_eq!(values_of(&log, "loss/value", rank), (0..100).collect::<Vec<_>>(), "rank {rank}");
    }
}

#[test]
fn every_launcher() {
    for launcher in LAUNCHERS {
        let place = Place::new();
        let ranks: Vec<_> = (0..SIZE).map(|rank| launcher.start(&place, rank, HOLD, SHARDS)).collect();
        all_heard(&ranks);
        for rank in ranks.into_iter().rev() {
            rank.finish().assert_ok();
        }
        place.log().assert_ends_with(0);
        assert_whole(&place, 0..SIZE);
        let [meeting, run] = entries(place.path()).try_into().unwrap();
        assert!(meeting.starts_with("ranks-") || run.starts_with("ranks-"), "{meeting} {run}");
        merge(&place);
        assert_whole(&place, 0..SIZE);
    }
}

#[test]
fn rank_0_comes_last() {
    for launcher in LAUNCHERS {
        let place = Place::new();
        let mut ranks: Vec<_> = (1..SIZE).map(|rank| launcher.start(&place, rank, HOLD, SHARDS)).collect();
        ranks.push(launcher.start(&place, 0, HOLD, SHARDS));
        all_heard(&ranks);
        for rank in ranks {
            rank.finish();
        }
        merge(&place);
        assert_whole(&place, 0..SIZE);
    }
}

#[test]
fn ranks_come_when_rank_0_has_ended() {
    let place = Place::new();
    SLURM.start(&place, 0, ROWS, SHARDS).end().assert_ok();
    for rank in (1..SIZE).rev() {
        SLURM.start(&place, rank, ROWS, SHARDS).end().assert_ok();
    }
    assert_whole(&place, 0..SIZE);
    place.log().assert_ends_with(0);
    merge(&place);
}

#[test]
fn ranks_end_in_any_order() {
    let mut random = fastrand::Rng::with_seed(11);
    for launcher in [TORCHRUN, SLURM, MPICH] {
        let place = Place::new();
        let mut ranks: Vec<_> = (0..SIZE).map(|rank| launcher.start(&place, rank, HOLD, SHARDS)).collect();
        all_heard(&ranks);
        random.shuffle(&mut ranks);
        for rank in ranks {
            assert!(rank.finish().status.success());
        }
        merge(&place);
        assert_whole(&place, 0..SIZE);
        place.log().assert_ends_with(0);
    }
}

#[test]
fn the_run_of_an_earlier_group_of_the_same_id_is_not_joined() {
    let place = Place::new();
    let earlier: Vec<_> = (0..2).map(|rank| TORCHRUN.start(&place, rank, HOLD, SHARDS)).collect();
    all_heard(&earlier);
    for rank in earlier.into_iter().rev() {
        rank.finish().assert_ok();
    }
    assert_whole(&place, 0..2);
    let first = place.run_dir();

    let mut later = vec![TORCHRUN.start(&place, 1, HOLD, SHARDS)];
    later.push(TORCHRUN.start(&place, 0, HOLD, SHARDS));
    all_heard(&later);
    for rank in later {
        rank.finish().assert_ok();
    }
    let logs = place.logs();
    assert_eq!(logs.len(), 2);
    for log in &logs {
        assert_eq!(log.rows().len(), 200, "{}", log.path.display());
    }
    assert!(logs.iter().any(|log| log.path.starts_with(&first)));
}

#[test]
fn a_job_that_was_put_back_into_the_queue_has_a_new_run() {
    let place = Place::new();
    SLURM.start(&place, 0, ROWS, SHARDS).end().assert_ok();
    let again = [SHARDS, &[("SLURM_RESTART_COUNT", "1")]].concat();
    let ranks = vec![SLURM.start(&place, 1, ROWS, &again), SLURM.start(&place, 0, ROWS, &again)];
    all_ok(ranks);
    merge(&place);
    let mut rows: Vec<_> = place.logs().iter().map(|log| log.rows().len()).collect();
    rows.sort_unstable();
    assert_eq!(rows, [100, 200]);
}

#[test]
fn rank_0_never_comes() {
    let place = Place::new();
    let more = [SHARDS, &[("UPS_TRACK_RANKS_PATIENCE", "0.1")]].concat();
    let ended = SLURM.start(&place, 3, ROWS, &more).end();
    assert!(ended.status.success() && ended.told.contains(&"finished 100".to_owned()), "{:?}", ended.told);
    assert!(
        ended.stderr.contains("rank 3 found no run of rank 0")
            && ended.stderr.contains("did not come in 0.1 s"),
        "{}",
        ended.stderr
    );
    let log = place.log();
    log.assert_ends_with(0);
    let run = log.run();
    assert_eq!((run.run_group.as_str(), run.display_name.as_str()), ("slurm-1234.0", "rank3"));
    assert_eq!((run.tags.as_slice(), log.rows().len()), (["rank:3".to_owned()].as_slice(), 100));
}

#[test]
fn keys_are_labelled_where_asked() {
    let place = Place::new();
    let more = [SHARDS, &[("UPS_TRACK_RANKS_LABEL", "true")]].concat();
    let first = SLURM.start(&place, 0, HOLD, &more);
    heard(&first);
    SLURM.start(&place, 3, &["everything"], &more).end().assert_ok();
    first.finish().assert_ok();
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(0);
    assert_eq!(values(&log, "rank0/loss/value"), (0..100).collect::<Vec<_>>());
    assert_eq!(values(&log, "rank0/step"), (0..100).collect::<Vec<_>>());
    assert_eq!(values(&log, "rank3/eval/step"), [0, 1, 2]);
    assert!(
        log.rows()
            .iter()
            .flat_map(|row| row.keys())
            .all(|key| key.starts_with('_') || key.starts_with("rank"))
    );
    let summary = log.summary();
    assert_eq!(summary.get("rank0/loss/score19"), Some(&9.5.into()));
    assert_eq!(summary.get("rank3/score"), Some(&0.75.into()));
    assert_eq!(summary.get("rank3/eval/status"), Some(&"ok".into()));
    assert_eq!(summary.get("rank3/eval/loss").and_then(Value::as_f64), Some(1.0 / 3.0));
    assert!(!summary.contains_key("rank") && !summary.contains_key("score"), "{summary:?}");
    // What the run was given has no label.
    assert_eq!(log.config().get("samples"), Some(&12.into()));
    let is_defined = |name: &str, step: &str| {
        log.records.iter().any(|kind| {
            matches!(kind, Kind::Metric(m) if (m.glob_name == name || m.name == name) && m.step_metric == step)
        })
    };
    assert!(is_defined("rank3/eval/*", "rank3/eval/step"));
    assert!(is_defined("rank3/late/*", "rank3/late/at"));
    assert!(is_defined("rank0/loss/value", "rank0/step"));
    let console =
        |line: &str| log.records.iter().any(|kind| matches!(kind, Kind::OutputRaw(o) if o.line == line));
    assert!(console("[rank3] said by the child\n"));
}

#[test]
fn without_labels_each_row_tells_its_rank() {
    let place = Place::new();
    let first = SLURM.start(&place, 0, HOLD, SHARDS);
    heard(&first);
    SLURM.start(&place, 5, &["everything"], SHARDS).end().assert_ok();
    first.finish().assert_ok();
    let log = place.log();
    assert!(log.rows().iter().all(|row| row.contains_key("rank")), "{:?}", log.rows());
    assert_eq!(values_of(&log, "eval/step", 5), [0, 1, 2]);
    assert_eq!(log.summary().get("score"), Some(&0.75.into()));
    // The number is there to group by: it has no chart and no summary value.
    assert!(!log.summary().contains_key("rank"));
    let definitions = log.records.iter().filter_map(|kind| match kind {
        Kind::Metric(metric) if metric.name == "rank" => Some(metric),
        _ => None,
    });
    let definitions: Vec<_> = definitions.collect();
    assert_eq!(definitions.len(), 1);
    assert!(definitions.iter().all(|d| d.options.is_some_and(|options| options.hidden)));
}

#[test]
fn a_child_of_a_rank_records_into_the_same_run() {
    let place = Place::new();
    let first = SLURM.start(&place, 0, HOLD, SHARDS);
    heard(&first);
    let track = ["track", "attached", PROGRAM, "rows", "child", "100"];
    SLURM.start(&place, 2, &track, SHARDS).end().assert_ok();
    first.finish().assert_ok();
    let log = place.log();
    assert_eq!(values(&log, "child/value"), (0..100).collect::<Vec<_>>());
    assert_eq!(values_of(&log, "loss/value", 0), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_planted_meeting_is_not_followed() {
    let place = Place::new();
    let first = SLURM.start(&place, 0, HOLD, SHARDS);
    heard(&first);
    first.finish().assert_ok();
    let meeting = entries(place.path()).into_iter().find(|name| name.starts_with("ranks-")).unwrap();
    let meeting = place.path().join("wandb").join(meeting);
    let elsewhere = place.path().join("elsewhere.json");
    std::fs::rename(&meeting, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &meeting).unwrap();
    let more = [SHARDS, &[("UPS_TRACK_RANKS_PATIENCE", "0.1")]].concat();
    let ended = SLURM.start(&place, 1, ROWS, &more).end();
    assert!(ended.stderr.contains("is a symbolic link"), "{}", ended.stderr);
    assert_eq!(place.logs().len(), 2, "nothing is lost");
    assert!(place.logs().iter().all(|log| log.rows().len() == 100));
}

#[test]
fn a_rank_that_fails_raises_an_alert() {
    let place = Place::new();
    let first = SLURM.start(&place, 0, HOLD, SHARDS);
    heard(&first);
    let ended = SLURM.start(&place, 6, &["panic"], SHARDS).end();
    assert_eq!(ended.status.code(), Some(101));
    first.finish().assert_ok();
    let log = place.log();
    log.assert_ends_with(0);
    let alerts =
        log.records.iter().filter(|kind| matches!(kind, Kind::Alert(a) if a.title == "rank 6 failed"));
    assert_eq!(alerts.count(), 1);
}

#[test]
fn a_disabled_group() {
    let place = Place::new();
    let more = [SHARDS, &[("WANDB_MODE", "disabled")]].concat();
    let ranks: Vec<Process> = (1..3).map(|rank| TORCHRUN.start(&place, rank, ROWS, &more)).collect();
    all_ok(ranks);
    assert!(!place.path().join("wandb").exists());
}

#[test]
fn data_arrives_while_all_run() {
    let place = Place::new();
    let first = TORCHRUN.start(&place, 0, &["steady", "loss"], &policy("shards"));
    let other = TORCHRUN.start(&place, 7, &["steady", "loss"], &policy("shards"));
    until("rows of rank 7 in the run's log", || {
        let logs = place.logs();
        let log = logs.first()?;
        (values_of(log, "loss/value", 7).len() > 50).then_some(())
    });
    drop((other, first));
}
