//! Ranks under the launchers themselves: Open MPI's and MPICH's `mpirun`, and SLURM on one machine, each policy, all rows
//! counted. `tests/launchers/run.sh` installs them, starts SLURM's daemons and runs this.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests end by panicking, and say where"
)]

#[path = "../pipeline/place.rs"]
#[expect(dead_code, reason = "it is there for the tests of pipelines as well")]
mod place;

use std::collections::BTreeSet;
use std::fs;

use place::{Ended, Place, assert_sound, until, values};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use ups_track::log::record::Kind;
use ups_track_tests::log::Log;

const RANKS: u32 = 4;

/// What starts a program as four ranks.
#[derive(Debug, Clone, Copy)]
struct Launcher {
    /// What goes before the program.
    start: &'static str,
    /// What all starts happen in.
    within: &'static str,
}

const OPEN_MPI: Launcher = Launcher { start: "mpirun.openmpi --oversubscribe -n 4", within: "" };
const MPICH: Launcher = Launcher { start: "mpirun.mpich -n 4", within: "" };
const SLURM: Launcher = Launcher { start: "srun --quiet -n 4", within: "" };
/// In one allocation of SLURM, whose variables every start has as well.
const ALLOCATION: &str = "salloc --quiet -n 4";

impl Launcher {
    fn in_allocation(self) -> Self {
        Self { within: ALLOCATION, ..self }
    }

    /// Runs a script in which `$START` is the launcher.
    fn run(self, place: &Place, script: &str, policy: &str) -> Ended {
        let within = format!("{} sh -c \"$SCRIPT\"", self.within);
        let script = script.replace("$START", self.start);
        let variables = [("SCRIPT", script.as_str()), ("UPS_TRACK_RANKS", policy)];
        let ended = place.shell(&within, &[&variables[..], &environment()].concat()).end();
        assert!(ended.status.success(), "{self:?} {policy}: {:?}\n{}", ended.told, ended.stderr);
        ended
    }
}

/// What the launchers are told by variables; the rest of the environment is not passed on.
fn environment() -> Vec<(&'static str, &'static str)> {
    static CONF: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let conf = CONF.get_or_init(|| std::env::var("SLURM_CONF").unwrap());
    vec![("SLURM_CONF", conf), ("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")]
}

#[track_caller]
fn merge(place: &Place) {
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert_eq!(code, 0, "{out}");
}

/// The values of a key in the rows of one rank.
fn values_of(log: &Log, key: &str, rank: u32) -> Vec<u64> {
    let rows = log.rows();
    let of_rank = rows.iter().filter(|row| row.get("rank") == Some(&rank.into()));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
    of_rank.filter_map(|row| row.get(key).and_then(Value::as_f64)).map(|value| value as u64).collect()
}

fn hundred() -> Vec<u64> {
    (0..100).collect()
}

/// One run with each row of each rank once and in order.
#[track_caller]
fn assert_whole(log: &Log) {
    assert_sound(log);
    log.assert_ends_with(0);
    assert_eq!(log.rows().len(), 100 * RANKS as usize);
    for rank in 0..RANKS {
        assert_eq!(values_of(log, "loss/value", rank), hundred(), "rank {rank}");
    }
}

fn all<T: Ord>(logs: &[Log], of: impl Fn(&Log) -> T) -> BTreeSet<T> {
    logs.iter().map(of).collect()
}

/// Checks what a number of starts has left.
#[track_caller]
fn assert_left(place: &Place, policy: &str, starts: usize) {
    println!("{policy}, {starts} starts");
    merge(place);
    let logs = place.logs();
    let groups = all(&logs, |log| log.run().run_group.clone());
    let ranks = RANKS as usize;
    let ids = all(&logs, |log| log.run().run_id.clone()).len();
    let rows_each =
        |rows| logs.iter().all(|log| values(log, "loss/value") == hundred() && log.rows().len() == rows);
    match policy {
        "first" => assert!((logs.len(), ids) == (starts, starts) && rows_each(100)),
        "shards" => {
            assert_eq!((logs.len(), ids), (starts, starts));
            logs.iter().for_each(assert_whole);
        }
        "linked" => {
            assert!((logs.len(), ids) == (ranks * starts, ranks * starts) && rows_each(100));
            assert!(groups.len() == starts && !groups.contains(""), "{groups:?}");
        }
        "alone" => {
            assert!((logs.len(), ids) == (ranks * starts, ranks * starts) && rows_each(100));
            assert!(groups.len() == 1 && groups.contains(""), "{groups:?}");
        }
        // A log each, of one run on the server for each start.
        "shared" => assert!((logs.len(), ids) == (ranks * starts, starts) && rows_each(100)),
        other => panic!("{other}"),
    }
}

/// A server that is not there: what goes to it stays in the logs.
const NO_SERVER: &str = "WANDB_BASE_URL=http://127.0.0.1:9 WANDB_API_KEY=0123456789012345678901234567890123456789 \
    UPS_TRACK_FINISH_PATIENCE=0 ";

/// Each policy, two starts one after the other, in one directory.
fn each_policy(launcher: Launcher) {
    for policy in ["first", "shards", "linked", "alone", "shared"] {
        let place = Place::new();
        let server = if policy == "shared" { NO_SERVER } else { "" };
        let start = format!("{server} $START $PROGRAM rows loss 100");
        launcher.run(&place, &format!("{start} && {start}"), policy);
        assert_left(&place, policy, 2);
    }
}

#[test]
fn open_mpi() {
    each_policy(OPEN_MPI);
}

#[test]
fn mpich() {
    each_policy(MPICH);
}

#[test]
fn slurm() {
    each_policy(SLURM);
}

#[test]
fn steps_of_one_allocation() {
    each_policy(SLURM.in_allocation());
}

#[test]
fn open_mpi_in_an_allocation() {
    each_policy(OPEN_MPI.in_allocation());
}

#[test]
fn mpich_in_an_allocation() {
    each_policy(MPICH.in_allocation());
}

/// A launcher that a rank of another one has started is the one that counts.
#[test]
fn one_launcher_in_another() {
    for start in [
        "mpirun.openmpi -n 1 mpirun.mpich -n 4",
        "mpirun.openmpi -n 1 srun --quiet -n 4",
        "mpirun.mpich -n 1 srun --quiet -n 4",
        "mpirun.mpich -n 1 mpirun.openmpi --oversubscribe -n 4",
        "srun --quiet -n 1 mpirun.openmpi --oversubscribe -n 4",
        // By itself it starts its helper with `srun`, which waits for processors that are taken.
        "srun --quiet -n 1 mpirun.mpich -launcher fork -n 4",
    ] {
        println!("{start}");
        let place = Place::new();
        Launcher { start, within: "" }.run(&place, "$START $PROGRAM rows loss 100", "shards");
        assert_left(&place, "shards", 1);
    }
}

/// Host and process numbers are those of the last start, and so is what Open MPI makes of them.
#[test]
fn open_mpi_in_a_container_that_is_started_again() {
    const START: &str = "unshare --pid --fork --mount-proc mpirun.openmpi --oversubscribe -n 4";
    if !Place::new().shell("unshare --pid --fork --mount-proc true", &[]).end().status.success() {
        return println!("this user may make no containers: nothing was tested");
    }
    each_policy(Launcher { start: START, within: "" });
}

#[test]
fn at_the_same_time() {
    for launcher in [OPEN_MPI, MPICH, SLURM] {
        let place = Place::new();
        let one = "$START $PROGRAM rows loss 100";
        launcher.run(&place, &format!("{one} & {one} & {one} & wait"), "shards");
        assert_left(&place, "shards", 3);
    }
}

/// The programs of one start follow each other in each rank, at its own pace.
#[test]
fn two_programs_of_one_start() {
    for launcher in [OPEN_MPI, MPICH, SLURM] {
        let place = Place::new();
        let script = "$START sh -c '$PROGRAM rows loss 100 && $PROGRAM rows loss 100'";
        launcher.run(&place, script, "shards");
        assert_left(&place, "shards", 2);
    }
}

#[test]
fn a_job_that_is_put_back_into_the_queue() {
    const BATCH: &str = r#"#!/bin/sh
        srun --quiet -n 4 $PROGRAM rows loss 100 || exit
        if [ -z "$SLURM_RESTART_COUNT" ]; then scontrol requeue $SLURM_JOB_ID; sleep 600; exit; fi
        touch ended
    "#;
    // A requeued job waits for two minutes; one second is what its credentials need to be others than before.
    const SUBMIT: &str = "id=$(sbatch --parsable --requeue -n 4 -o out.txt batch.sh) && \
        until [ -e ended ]; do sleep 2; scontrol update JobId=$id StartTime=now 2>errors.txt; done; true";
    for policy in ["first", "shards", "linked", "shared"] {
        let place = Place::new();
        fs::write(place.path().join("batch.sh"), BATCH).unwrap();
        let server = if policy == "shared" { format!("export {NO_SERVER}; ") } else { String::new() };
        SLURM.run(&place, &format!("{server}{SUBMIT}"), policy);
        assert_left(&place, policy, 2);
    }
}

/// The processes of all ranks, once each has told of some rows.
fn told_by_all(place: &Place) -> Option<Vec<i32>> {
    let entries = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().path());
    let told = entries.filter(|path| path.extension().is_some_and(|extension| extension == "told"));
    let far = told.filter(|path| fs::read_to_string(path).unwrap().contains("flushed 200\n"));
    let pids: Vec<i32> =
        far.map(|path| path.file_stem().unwrap().to_str().unwrap().parse().unwrap()).collect();
    (pids.len() == RANKS as usize).then_some(pids)
}

fn has_ended(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    // Nobody may have asked yet how it has ended.
    stat.is_err()
        || stat.is_ok_and(|stat| stat.rsplit_once(')').is_none_or(|(_, rest)| rest.starts_with(" Z")))
}

/// A signal to every rank: what was recorded is there, and one alert tells of it.
#[test]
fn a_signal_to_the_group() {
    for launcher in [OPEN_MPI, MPICH, SLURM] {
        println!("{launcher:?}");
        let place = Place::new();
        // Each rank tells how far it is in a file that is called after its process.
        let script =
            format!("exec {} sh -c 'exec $PROGRAM signalled loss > $$.told' < /dev/null", launcher.start);
        let variables = [&[("UPS_TRACK_RANKS", "shards")], &environment()[..]].concat();
        let process = place.shell(&script, &variables);
        let pids = until("rows of every rank", || told_by_all(&place));
        for pid in &pids {
            // A launcher that sees one rank end may have ended this one already.
            let _gone = kill_process(Pid::from_raw(*pid).unwrap(), Signal::TERM);
        }
        // How long a launcher takes to come to terms with this is its own affair.
        until("the ends of all ranks", || pids.iter().all(|pid| has_ended(*pid)).then_some(()));
        drop(process);
        merge(&place);
        let log = place.log();
        assert_sound(&log);
        for rank in 0..RANKS {
            let values = values_of(&log, "loss/value", rank);
            assert!(values.len() >= 200, "rank {rank}");
            assert_eq!(values, (0..values.len() as u64).collect::<Vec<_>>(), "rank {rank}");
        }
        let alerts = log.records.iter().filter(|kind| matches!(kind, Kind::Alert(_))).count();
        // Hydra kills the others as soon as one has ended: then nobody is left to tell.
        let fewest = usize::from(launcher.start == SLURM.start);
        assert!((fewest..=1).contains(&alerts), "{launcher:?}: {alerts}");
    }
}
