//! Groups of ranks: eight processes with the variables that a launcher would give them.

mod again;
mod kill;
mod linked;
mod shards;
mod start;

use std::path::Path;

use serde_json::Value;
use ups_track_tests::log::Log;

use super::place::{Ended, Place, Process};

/// Ranks of a group.
const SIZE: u32 = 8;

/// A launcher: the variables that it gives a rank.
#[derive(Clone, Copy)]
struct Launcher {
    name: &'static str,
    variables: fn(u32) -> Vec<(&'static str, String)>,
}

const TORCHRUN: Launcher = Launcher {
    name: "torchrun",
    variables: |rank| {
        vec![
            ("RANK", rank.to_string()),
            ("WORLD_SIZE", SIZE.to_string()),
            ("LOCAL_RANK", rank.to_string()),
            ("LOCAL_WORLD_SIZE", SIZE.to_string()),
            ("MASTER_ADDR", "127.0.0.1".into()),
            ("MASTER_PORT", "29500".into()),
            ("TORCHELASTIC_RUN_ID", "none".into()),
            ("TORCHELASTIC_RESTART_COUNT", "0".into()),
        ]
    },
};

const SLURM: Launcher = Launcher {
    name: "slurm",
    variables: |rank| {
        vec![
            ("SLURM_JOB_ID", "1234".into()),
            ("SLURM_STEP_ID", "0".into()),
            ("SLURM_PROCID", rank.to_string()),
            ("SLURM_LOCALID", rank.to_string()),
            ("SLURM_NTASKS", SIZE.to_string()),
            ("SLURM_STEP_NUM_TASKS", SIZE.to_string()),
        ]
    },
};

const OPEN_MPI: Launcher = Launcher {
    name: "openmpi",
    variables: |rank| {
        vec![
            ("OMPI_COMM_WORLD_RANK", rank.to_string()),
            ("OMPI_COMM_WORLD_SIZE", SIZE.to_string()),
            ("OMPI_COMM_WORLD_LOCAL_RANK", rank.to_string()),
            ("OMPI_COMM_WORLD_LOCAL_SIZE", SIZE.to_string()),
            ("PMIX_NAMESPACE", "prterun-host-4711@1".into()),
            ("PMIX_RANK", rank.to_string()),
        ]
    },
};

const MPICH: Launcher = Launcher {
    name: "mpich",
    variables: |rank| vec![("PMI_RANK", rank.to_string()), ("PMI_SIZE", SIZE.to_string())],
};

const KUBERNETES: Launcher = Launcher {
    name: "kubernetes",
    variables: |rank| {
        vec![
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1".into()),
            ("JOB_COMPLETION_INDEX", rank.to_string()),
            ("HOSTNAME", format!("train-{rank}")),
        ]
    },
};

/// Torchrun's ranks, four per task of a SLURM step of two.
const NESTED: Launcher = Launcher {
    name: "torchrun in slurm",
    variables: |rank| {
        let mut variables = (TORCHRUN.variables)(rank);
        variables.extend([
            ("SLURM_JOB_ID", "1234".into()),
            ("SLURM_STEP_ID", "0".into()),
            ("SLURM_PROCID", (rank / 4).to_string()),
            ("SLURM_NTASKS", "2".into()),
        ]);
        variables
    },
};

const LAUNCHERS: [Launcher; 6] = [TORCHRUN, SLURM, OPEN_MPI, MPICH, KUBERNETES, NESTED];

impl Launcher {
    /// Starts a rank with more variables.
    fn start(self, place: &Place, rank: u32, arguments: &[&str], more: &[(&str, &str)]) -> Process {
        let own = (self.variables)(rank);
        let variables: Vec<_> =
            own.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
        place.start_with(arguments, &variables)
    }
}

/// The variables of a policy.
fn policy(word: &str) -> [(&str, &str); 1] {
    [("UPS_TRACK_RANKS", word)]
}

/// Waits until all of these ranks have told that some rows are safe.
fn all_heard(ranks: &[Process]) {
    for rank in ranks {
        heard(rank);
    }
}

/// Waits until a rank has told that some rows are safe.
fn heard(process: &Process) -> u64 {
    loop {
        if let Some(rows) = process.hear().strip_prefix("flushed ") {
            return rows.parse().unwrap();
        }
    }
}

/// The values of a key in the rows of one rank, in order.
fn values_of(log: &Log, key: &str, rank: u32) -> Vec<u64> {
    let of_rank = |row: &&serde_json::Map<String, Value>| row.get("rank") == Some(&rank.into());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
    let number = |value: &Value| value.as_f64().unwrap() as u64;
    log.rows().iter().filter(of_rank).filter_map(|row| row.get(key)).map(number).collect()
}

/// What is in the `wandb` directory, links aside.
fn entries(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir.join("wandb")).into_iter().flatten().map(|entry| entry.unwrap());
    let entries = entries.filter(|entry| !entry.file_type().unwrap().is_symlink());
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Merges what is left; the group must have ended.
#[track_caller]
fn merge(place: &Place) {
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert_eq!(code, 0, "{out}");
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert!(code == 0 && out.contains("nothing to merge"), "{out}");
}

/// Waits for the ends of processes.
#[track_caller]
fn all_end(processes: Vec<Process>) -> Vec<Ended> {
    processes.into_iter().map(Process::end).collect()
}

/// The same, and all are well.
#[track_caller]
fn all_ok(processes: Vec<Process>) {
    for ended in all_end(processes) {
        ended.assert_ok();
    }
}
