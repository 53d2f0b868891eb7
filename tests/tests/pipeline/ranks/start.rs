//! Who records: recognising the group, and rank 0 alone as the default.

use super::super::place::{PROGRAM, Place, Process, assert_sound, values};
use super::{KUBERNETES, LAUNCHERS, Launcher, SIZE, SLURM, TORCHRUN, all_end, all_ok, entries, policy};

/// A whole group that ends by itself.
fn group(launcher: Launcher, place: &Place, more: &[(&str, &str)]) -> Vec<Process> {
    (0..SIZE).map(|rank| launcher.start(place, rank, &["rows", "loss", "100"], more)).collect()
}

#[test]
fn rank_0_records_and_the_others_are_silent() {
    for launcher in LAUNCHERS {
        let place = Place::new();
        let ended = all_end(group(launcher, &place, &[]));
        for (rank, ended) in ended.iter().enumerate() {
            ended.assert_ok();
            let rows = if rank == 0 { 100 } else { 0 };
            assert!(ended.told.contains(&format!("finished {rows}")), "{}: {:?}", launcher.name, ended.told);
            let pod = launcher.name == KUBERNETES.name;
            assert!(
                rank == 0 || pod || ended.stderr.is_empty(),
                "{} {rank}: {}",
                launcher.name,
                ended.stderr
            );
            assert!(rank == 0 || !pod || ended.stderr.contains("index 0 records"), "{}", ended.stderr);
        }
        assert_eq!(entries(place.path()).len(), 1, "{}", launcher.name);
        assert!(place.shards().is_empty());
        let log = place.log();
        log.assert_ends_with(0);
        assert_eq!(values(&log, "loss/value"), (0..100).collect::<Vec<_>>());
        assert!(!log.rows().iter().any(|row| row.contains_key("rank")));
    }
}

#[test]
fn one_process_alone_under_slurm_records() {
    let script = [("SLURM_JOB_ID", "1"), ("SLURM_PROCID", "0"), ("SLURM_NTASKS", "8")];
    let step = [("SLURM_STEP_ID", "0"), ("SLURM_STEP_NUM_TASKS", "1")];
    for variables in [script.to_vec(), [&script[..], &step].concat()] {
        for word in ["first", "shards", "linked"] {
            let place = Place::new();
            let variables = [&variables[..], &policy(word)].concat();
            place.start_with(&["rows", "loss", "100"], &variables).end().assert_ok();
            let log = place.log();
            assert_eq!((log.rows().len(), log.run().tags.len()), (100, 0));
            assert!(!log.rows().iter().any(|row| row.contains_key("rank")));
        }
    }
}

#[test]
fn the_attribute_follows_the_policy_as_well() {
    let place = Place::new();
    let ended = all_end((0..SIZE).map(|rank| SLURM.start(&place, rank, &["main"], &[])).collect());
    assert!(ended.iter().all(|ended| ended.status.success()));
    assert_eq!(values(&place.log(), "main"), (0..10).collect::<Vec<_>>());
}

#[test]
fn programs_that_have_nothing_to_do_with_each_other() {
    let place = Place::new();
    all_ok(group(SLURM, &place, &policy("alone")));
    let logs = place.logs();
    assert_eq!(logs.len(), SIZE as usize);
    assert!(logs.iter().all(|log| log.rows().len() == 100 && log.run().run_group.is_empty()));
}

#[test]
fn variables_that_do_not_fit_together() {
    let bad = [("RANK", "8"), ("WORLD_SIZE", "8")];
    let place = Place::new();
    let ended = place.start_with(&["rows", "loss", "100"], &bad).end();
    assert_eq!(ended.status.code(), Some(1));
    let told = ended.told.concat();
    assert!(told.contains("RANK") && told.contains("UPS_TRACK_RANKS=alone"), "{told}");
    assert!(!place.path().join("wandb").exists());
    let variables = [&bad[..], &policy("alone")].concat();
    place.start_with(&["rows", "loss", "100"], &variables).end().assert_ok();
    assert_eq!(place.log().rows().len(), 100);

    let place = Place::new();
    let ended = TORCHRUN.start(&place, 3, &["rows", "loss", "100"], &policy("all")).end();
    assert!(
        ended.told.concat().contains("must be first, shards, shared, linked or alone"),
        "{:?}",
        ended.told
    );
}

#[test]
fn an_evaluation_that_an_orchestrator_starts_as_a_group() {
    for (word, ranks) in [("first", 1), ("shards", SIZE)] {
        let place = Place::new();
        let (parent, context) = place.parent();
        let more = [("WANDB_CONTEXT_FILE", context.to_str().unwrap()), ("UPS_TRACK_CHILD", "attached")];
        all_ok(group(TORCHRUN, &place, &[&more[..], &policy(word)].concat()));

        assert_eq!(place.shards().len(), ranks as usize, "{word}");
        parent.finish().assert_ok();
        let log = place.log();
        assert_sound(&log);
        log.assert_ends_with(0);
        assert_eq!(values(&log, "loss/value").len(), 100 * ranks as usize, "{word}");
    }
}

#[test]
fn ranks_other_than_0_need_no_context() {
    // On a host that does not see the orchestrator's disk.
    let place = Place::new();
    let more = [("WANDB_CONTEXT_FILE", "/nowhere/context.json"), ("UPS_TRACK_CHILD", "attached")];
    let ended = TORCHRUN.start(&place, 1, &["rows", "loss", "100"], &more).end();
    ended.assert_ok();
    assert!(ended.told.contains(&"finished 0".to_owned()));
    assert_eq!(TORCHRUN.start(&place, 0, &["rows", "loss", "100"], &more).end().status.code(), Some(1));
}

#[test]
fn children_of_a_rank_are_not_that_rank() {
    for (word, runs) in [("first", 1), ("linked", 2)] {
        let place = Place::new();
        let track = ["track", "attached", PROGRAM, "rows", "child", "100"];
        let ranks = (0..2).map(|rank| SLURM.start(&place, rank, &track, &policy(word)));
        all_ok(ranks.collect());
        let logs = place.logs();
        assert_eq!(logs.len(), runs, "{word}");
        for log in &logs {
            assert_eq!(values(log, "child/value"), (0..100).collect::<Vec<_>>());
        }
    }
}
