//! Groups that look the same: started again with the same id, at the same time, or as the next program of one start.

use std::collections::BTreeSet;

use ups_track::log::record::Kind;
use ups_track_tests::log::Log;

use super::super::place::{Place, Process, assert_sound, until};
use super::{
    KUBERNETES, LAUNCHERS, Launcher, MPICH, OPEN_MPI, SLURM, TORCHRUN, all_end, all_heard, all_ok, heard,
    merge, policy, values_of,
};

const RANKS: u32 = 4;
const HOLD: &[&str] = &["hold", "loss", "100"];

/// Rank 0 last, as it is where the file of an earlier group is found by mistake.
fn group(launcher: Launcher, place: &Place, arguments: &[&str]) -> Vec<Process> {
    (0..RANKS).rev().map(|rank| launcher.start(place, rank, arguments, &policy("shards"))).collect()
}

/// Checks that there are so many runs, each with all rows of all ranks, each once and in order.
#[track_caller]
fn assert_whole(place: &Place, runs: usize, key: &str) {
    merge(place);
    let logs: Vec<Log> =
        place.logs().into_iter().filter(|log| log.rows().iter().any(|r| r.contains_key(key))).collect();
    assert_eq!(logs.len(), runs);
    for log in &logs {
        assert_sound(log);
        log.assert_ends_with(0);
        for rank in 0..RANKS {
            assert_eq!(values_of(log, key, rank), (0..100).collect::<Vec<_>>(), "rank {rank}");
        }
        assert_eq!(log.rows().len(), 100 * RANKS as usize);
    }
}

#[test]
fn the_same_variables_once_more() {
    for launcher in LAUNCHERS {
        let place = Place::new();
        for runs in 1..=2 {
            let ranks = group(launcher, &place, HOLD);
            all_heard(&ranks);
            for rank in ranks {
                rank.finish().assert_ok();
            }
            assert_whole(&place, runs, "loss/value");
        }
    }
}

#[test]
fn after_a_group_that_was_killed() {
    for launcher in [OPEN_MPI, MPICH, SLURM, TORCHRUN, KUBERNETES] {
        let place = Place::new();
        let mut killed = group(launcher, &place, &["steady", "killed"]);
        all_heard(&killed);
        killed.iter_mut().for_each(Process::kill);
        all_end(killed);
        let ranks = group(launcher, &place, HOLD);
        all_heard(&ranks);
        for rank in ranks {
            rank.finish().assert_ok();
        }
        assert_whole(&place, 1, "loss/value");
        assert_eq!(place.logs().len(), 2, "{}", launcher.name);
    }
}

/// A shell takes the place of the launcher: it starts all ranks and waits for them.
fn by_shell(place: &Place) -> Process {
    let script = r#"
        for rank in 3 2 1 0; do
            OMPI_COMM_WORLD_RANK=$rank OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_LOCAL_SIZE=4 \
                PMIX_NAMESPACE=prterun-host-1@1 sh -c '"$0" "$@"; exit $?' "$PROGRAM" rows loss 100 &
        done
        wait"#;
    place.shell(script, &policy("shards"))
}

#[test]
fn two_groups_of_one_id_at_the_same_time() {
    let place = Place::new();
    all_ok(vec![by_shell(&place), by_shell(&place), by_shell(&place)]);
    assert_whole(&place, 3, "loss/value");
}

#[test]
fn the_next_program_of_one_start() {
    for launcher in [OPEN_MPI, SLURM, MPICH] {
        let place = Place::new();
        // Rank 0 of the first program goes on while the others are at the second.
        let start = |rank, key| launcher.start(&place, rank, &["hold", key, "100"], &policy("shards"));
        let first = start(0, "train");
        heard(&first);
        for rank in 1..RANKS {
            let process = start(rank, "train");
            heard(&process);
            process.finish().assert_ok();
        }
        let second: Vec<_> = (1..RANKS).map(|rank| start(rank, "eval")).collect();
        first.finish().assert_ok();
        let first = start(0, "eval");
        all_heard(&second);
        heard(&first);
        for rank in second {
            rank.finish().assert_ok();
        }
        first.finish().assert_ok();
        assert_whole(&place, 1, "train/value");
        assert_whole(&place, 1, "eval/value");
        assert_eq!(place.logs().len(), 2, "{}", launcher.name);
    }
}

/// Titles and texts of alerts.
fn alerts(log: &Log) -> Vec<(String, String)> {
    let alerts = log.records.iter().filter_map(|kind| match kind {
        Kind::Alert(alert) => Some((alert.title.clone(), alert.text.clone())),
        _ => None,
    });
    alerts.collect()
}

#[test]
fn a_signal_to_the_group_is_one_alert() {
    const SIZE: u32 = 16;
    let place = Place::new();
    let variables = |rank: u32| {
        let mut variables = (SLURM.variables)(rank);
        variables.retain(|(name, _)| !name.contains("TASKS"));
        variables.push(("SLURM_STEP_NUM_TASKS", SIZE.to_string()));
        variables.push(("UPS_TRACK_RANKS", "shards".into()));
        variables
    };
    let mut ranks: Vec<_> = (0..SIZE)
        .map(|rank| {
            let variables = variables(rank);
            let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
            place.start_with(&["signalled", "loss"], &variables)
        })
        .collect();
    all_heard(&ranks);
    // Nobody has the run any more, so that the last rank tells, whenever that is.
    let mut first = ranks.remove(0);
    first.kill();
    first.end();
    for rank in &ranks {
        rank.signal(rustix::process::Signal::TERM);
    }
    all_end(ranks);
    let log = place.log();
    assert_sound(&log);
    let told = ("15 of 16 ranks failed".to_owned(), "ranks 1 to 15 ended with exit code 143".to_owned());
    assert_eq!(alerts(&log), std::slice::from_ref(&told));
    merge(&place);
    assert_eq!(alerts(&place.log()), [told]);
}

#[test]
fn a_signal_to_the_group_and_its_run() {
    let place = Place::new();
    let mut ranks: Vec<_> =
        (0..RANKS).map(|rank| SLURM.start(&place, rank, &["signalled", "loss"], &policy("shards"))).collect();
    all_heard(&ranks);
    // Rank 0 waits for the others, not for ever: what comes later is told by the last of them.
    for rank in &ranks {
        rank.signal(rustix::process::Signal::TERM);
    }
    all_end(std::mem::take(&mut ranks));
    let named: Vec<u32> = alerts(&place.log()).iter().flat_map(|(_, text)| ranks_in(text)).collect();
    let once: BTreeSet<u32> = named.iter().copied().collect();
    assert!((1..RANKS).all(|rank| once.contains(&rank)), "{named:?}");
    assert_eq!(named.len(), once.len(), "{named:?}");
}

/// The ranks that an alert names.
fn ranks_in(text: &str) -> Vec<u32> {
    let (list, _) = text.split_once(" ended").unwrap();
    let list = list.trim_start_matches("ranks ").trim_start_matches("rank ");
    let part = |part: &str| match part.split_once(" to ") {
        Some((first, last)) => first.parse().unwrap()..=last.parse().unwrap(),
        None => part.parse().unwrap()..=part.parse().unwrap(),
    };
    list.split(", ").flat_map(part).collect()
}

#[test]
fn ranks_that_fail_while_the_run_goes_on() {
    let place = Place::new();
    let first = SLURM.start(&place, 0, HOLD, &policy("shards"));
    heard(&first);
    let failing = (1..RANKS).map(|rank| SLURM.start(&place, rank, &["panic"], &policy("shards")));
    all_end(failing.collect());
    until("an alert", || place.logs().first().is_some_and(|log| !alerts(log).is_empty()).then_some(()));
    first.finish().assert_ok();
    let log = place.log();
    log.assert_ends_with(0);
    let mut named: Vec<u32> = alerts(&log).iter().flat_map(|(_, text)| ranks_in(text)).collect();
    named.sort_unstable();
    assert_eq!(named, [1, 2, 3], "each once");
}
