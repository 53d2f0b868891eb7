//! Every rank has a run of its own, in one group.

use std::collections::BTreeSet;

use ups_track_tests::log::Log;

use super::super::place::Place;
use super::{LAUNCHERS, Launcher, MPICH, SIZE, SLURM, all_end, all_ok, policy};

fn linked(launcher: Launcher, more: &[(&str, &str)]) -> (Place, Vec<Log>) {
    let place = Place::new();
    let variables = [&policy("linked")[..], more].concat();
    let ranks = (0..SIZE).map(|rank| launcher.start(&place, rank, &["rows", "loss", "100"], &variables));
    let ended = all_end(ranks.collect());
    assert!(ended.iter().all(|ended| ended.status.success()));
    assert!(ended.iter().skip(1).all(|ended| ended.stderr.is_empty()), "one rank speaks for all");
    let logs = place.logs();
    (place, logs)
}

fn all<T: Ord>(logs: &[Log], of: impl Fn(&Log) -> T) -> BTreeSet<T> {
    logs.iter().map(of).collect()
}

#[test]
fn a_run_each_in_one_group() {
    for launcher in LAUNCHERS {
        let (_place, logs) = linked(launcher, &[("WANDB_JOB_TYPE", "train")]);
        assert_eq!(logs.len(), SIZE as usize, "{}", launcher.name);
        assert_eq!(all(&logs, |log| log.run().run_id.clone()).len(), SIZE as usize);
        let groups = all(&logs, |log| log.run().run_group.clone());
        assert_eq!(groups.len(), 1);
        assert_eq!(groups.contains(""), launcher.name == MPICH.name, "{groups:?}");
        for log in &logs {
            log.assert_ends_with(0);
            assert_eq!((log.rows().len(), log.run().job_type.as_str()), (100, "train"));
            assert!(!log.rows().iter().any(|row| row.contains_key("rank")));
            let rank = log.config().get("rank").and_then(serde_json::Value::as_u64).unwrap();
            assert_eq!(log.run().tags, [format!("rank:{rank}")]);
            assert_eq!(log.run().display_name, format!("rank{rank}"));
        }
        assert_eq!(all(&logs, |log| log.run().tags.clone()).len(), SIZE as usize);
    }
}

#[test]
fn what_all_were_given_is_told_apart() {
    let given =
        [("WANDB_RUN_ID", "night"), ("WANDB_NAME", "big"), ("WANDB_RUN_GROUP", "mine"), ("WANDB_TAGS", "x")];
    let (_place, logs) = linked(SLURM, &given);
    let ids = all(&logs, |log| log.run().run_id.clone());
    assert_eq!(ids, (0..SIZE).map(|rank| format!("night-rank{rank}")).collect());
    assert_eq!(
        all(&logs, |log| log.run().display_name.clone()),
        (0..SIZE).map(|r| format!("big-rank{r}")).collect()
    );
    assert_eq!(all(&logs, |log| log.run().run_group.clone()), BTreeSet::from(["mine".to_owned()]));
    assert!(logs.iter().all(|log| log.run().tags.first().is_some_and(|tag| tag == "x")));
    assert!(logs.iter().all(|log| log.config().get("world_size") == Some(&SIZE.into())));
}

#[test]
fn each_goes_on_with_its_own_run() {
    let place = Place::new();
    let variables = [("UPS_TRACK_RANKS", "linked"), ("WANDB_RESUME", "auto")];
    for _ in 0..2 {
        let ranks = (0..2).map(|rank| SLURM.start(&place, rank, &["rows", "loss", "100"], &variables));
        all_ok(ranks.collect());
    }
    let logs = place.logs();
    assert_eq!((logs.len(), all(&logs, |log| log.run().run_id.clone()).len()), (4, 2));
    let pairs = all(&logs, |log| (log.run().run_id.clone(), log.run().display_name.clone()));
    assert_eq!(pairs.len(), 2, "a rank comes back to its own run: {pairs:?}");
}

#[test]
fn a_group_that_an_orchestrator_has_attached() {
    let place = Place::new();
    let (parent, context) = place.parent();
    let id = place.log().run().run_id.clone();
    let variables = [
        ("WANDB_CONTEXT_FILE", context.to_str().unwrap()),
        ("UPS_TRACK_CHILD", "attached"),
        // What an attached child that is not one of ours needs.
        ("WANDB_RUN_ID", &id),
        ("WANDB_RESUME", "allow"),
        ("UPS_TRACK_RANKS", "linked"),
    ];
    let ranks = (0..2).map(|rank| SLURM.start(&place, rank, &["rows", "loss", "100"], &variables));
    all_ok(ranks.collect());
    parent.finish().assert_ok();
    let logs = place.logs();
    assert_eq!(all(&logs, |log| log.run().run_id.clone()).len(), 3);
    let children: Vec<_> = logs.iter().filter(|log| log.run().run_id != id).collect();
    assert_eq!(children.len(), 2);
    for child in children {
        assert!(child.run().tags.contains(&format!("parent:{id}")), "{:?}", child.run().tags);
        assert_eq!((child.run().run_group.as_str(), child.rows().len()), (id.as_str(), 100));
    }
}
