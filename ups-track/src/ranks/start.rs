//! Which start of a group it is. What launchers call a group repeats: a container that is started again has the host's
//! name and the process numbers of before, a cluster that is set up anew counts its jobs from 1, a port is that of
//! yesterday. The process that has started the ranks does not: where all are on one machine it tells the start.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::{Rank, process};

/// One start of a group, the same for all of its ranks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    /// What people read: launcher and the group's id, if it has one.
    name: String,
    has_id: bool,
    /// What tells it from other starts of this name; may be empty.
    apart: String,
    /// Whether no other start is the same.
    pub(super) is_unique: bool,
    /// Whether a person has given the name.
    is_named: bool,
}

impl Start {
    pub(super) fn of(rank: &Rank) -> Self {
        let starter = rank.is_here.then(|| process::starter(rank.mark)).flatten();
        Self::told(rank, starter.map(|starter| starter.id).as_deref())
    }

    fn told(rank: &Rank, starter: Option<&str>) -> Self {
        let mut apart = rank.start.clone();
        if let Some(starter) = starter {
            // Writing into text cannot fail.
            let _ = write!(apart, " by {starter}");
        }
        Self {
            name: match &rank.group_id {
                Some(id) => format!("{}-{id}", rank.launcher),
                None => rank.launcher.to_string(),
            },
            has_id: rank.group_id.is_some(),
            apart,
            is_unique: rank.is_unique || starter.is_some(),
            is_named: rank.is_named,
        }
    }

    /// A name that every rank arrives at. A group that a person has named is called just that, whichever start it is.
    pub(crate) fn group(&self) -> Option<String> {
        if self.is_named { Some(self.name.clone()) } else { self.full_name() }
    }

    /// A run id that every rank arrives at, and no other start.
    pub(crate) fn run_id(&self) -> Option<String> {
        let fine = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
        let name = self.full_name().filter(|_| self.is_unique || self.is_named)?;
        Some(name.chars().map(fine).collect())
    }

    fn full_name(&self) -> Option<String> {
        match (self.has_id, self.apart.as_str()) {
            (true, "") => Some(self.name.clone()),
            // A launcher without ids: only what is known to be one start can be called after it.
            (false, _) if !self.is_unique => None,
            _ => Some(format!("{}-{:08x}", self.name, digest(&self.apart) >> 16)),
        }
    }

    /// A number for the n-th run of this start and of a group of this size.
    pub(super) fn number(&self, rank: &Rank, earlier_runs: u64) -> u64 {
        let Rank { size, launcher, group_id, .. } = rank;
        let id = group_id.as_deref().unwrap_or_default();
        digest(&format!("{launcher}\0{size:?}\0{id}\0{}\0{earlier_runs}", self.apart))
    }
}

/// 48 bits of a text.
fn digest(text: &str) -> u64 {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().take(6).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ranks::launcher;

    fn rank(vars: &[(&str, &str)]) -> Rank {
        let var = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        launcher::recognise(&var).unwrap().unwrap()
    }

    const OPEN_MPI: &[(&str, &str)] = &[
        ("OMPI_COMM_WORLD_RANK", "1"),
        ("OMPI_COMM_WORLD_SIZE", "2"),
        ("OMPI_COMM_WORLD_LOCAL_SIZE", "2"),
        ("PMIX_NAMESPACE", "prterun-host-1@1"),
    ];

    #[test]
    fn a_container_that_is_started_again() {
        let rank = rank(OPEN_MPI);
        let [one, two] = ["boot ns 1 500", "boot ns 1 900"].map(|starter| Start::told(&rank, Some(starter)));
        assert!(one.is_unique && two.is_unique);
        assert_ne!(one.number(&rank, 0), two.number(&rank, 0));
        assert_ne!(one.run_id(), two.run_id());
        assert_ne!(one.group(), two.group());
        assert!(one.run_id().unwrap().starts_with("openmpi-prterun-host-1-1-"));
        // What a person names is called that, and still is another run.
        let named = self::rank(&[&[("UPS_TRACK_RANKS_ID", "night")], OPEN_MPI].concat());
        let [one, two] = ["boot ns 1 500", "boot ns 1 900"].map(|starter| Start::told(&named, Some(starter)));
        assert_eq!((one.group(), two.group()), (Some("openmpi-night".into()), Some("openmpi-night".into())));
        assert_ne!(one.run_id(), two.run_id());
    }

    #[test]
    fn across_hosts_nothing_is_known_of_processes() {
        let across = [&[("OMPI_COMM_WORLD_LOCAL_SIZE", "1")], OPEN_MPI].concat();
        let start = Start::of(&rank(&across));
        assert!(!start.is_unique && start.run_id().is_none(), "namespaces of version 5 repeat");
        let named = Start::of(&rank(&[&[("UPS_TRACK_RANKS_ID", "night")][..], &across].concat()));
        assert_eq!(named.run_id().as_deref(), Some("openmpi-night"));
        let drawn = |key: &str| {
            let vars = [&[("OMPI_MCA_orte_precondition_transports", key)][..], &across].concat();
            Start::of(&rank(&vars))
        };
        assert!(drawn("489a577b417ace7d-cf52e8c98fda55dc").is_unique);
        assert_ne!(drawn("489a-cf52").run_id(), drawn("2aee-e3c4").run_id());
    }

    #[test]
    fn a_job_that_was_put_back_into_the_queue() {
        let slurm: &[(&str, &str)] =
            &[("SLURM_JOB_ID", "7"), ("SLURM_STEP_ID", "0"), ("SLURM_PROCID", "1"), ("SLURM_NTASKS", "2")];
        let first = Start::of(&rank(slurm));
        assert_eq!((first.run_id(), first.group()), (Some("slurm-7.0".into()), Some("slurm-7.0".into())));
        for (name, value) in [
            ("SLURM_RESTART_COUNT", "1"),
            ("SLURM_STEP_LAUNCHER_PORT", "40909"),
            ("SLURM_JOB_START_TIME", "1790000000"),
            ("SLURM_CLUSTER_NAME", "other"),
        ] {
            let again = Start::of(&rank(&[slurm, &[(name, value)]].concat()));
            assert_ne!(again.run_id(), first.run_id(), "{name}");
            assert!(again.is_unique);
        }
    }

    #[test]
    fn a_launcher_without_ids() {
        let rank = rank(&[("PMI_RANK", "1"), ("PMI_SIZE", "2"), ("MPI_LOCALNRANKS", "2")]);
        let start = Start::told(&rank, Some("boot ns 1 500"));
        assert!(start.run_id().unwrap().starts_with("mpich-") && start.group() == start.run_id());
        let start = Start::told(&rank, None);
        assert_eq!((start.run_id(), start.group()), (None, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_that_has_started_us() {
        // Whatever runs this test has no such variable.
        let rank = rank(OPEN_MPI);
        assert_eq!(Start::of(&rank), Start::of(&rank));
        assert!(Start::of(&rank).is_unique);
    }
}
