//! Which launcher has started this process, and as which rank: told by variables.

use super::{Launcher, Rank};
use crate::error::Result;
use crate::settings::Given;

/// Sets the group's id.
const ID: &str = "UPS_TRACK_RANKS_ID";

/// SLURM's numbers for steps that no `srun` has started: the batch script, an interactive shell, the container of both.
const FIRST_SPECIAL_STEP: u32 = 0xffff_fff0;

/// Variables; an empty one counts as absent.
#[derive(Clone, Copy)]
struct Vars<'a>(&'a dyn Fn(&str) -> Option<String>);

/// A number and the variable that it is from.
#[derive(Debug, Clone)]
struct Told {
    name: &'static str,
    value: u32,
}

impl Vars<'_> {
    fn text(self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.trim().is_empty())
    }

    fn has(self, name: &str) -> bool {
        self.text(name).is_some()
    }

    fn first(self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.text(name))
    }

    /// The number in the first of these variables that is set.
    fn number(self, what: &'static str, names: &[&'static str]) -> Result<Option<Told>> {
        let set = names.iter().find_map(|name| Some((*name, self.text(name)?)));
        let Some((name, text)) = set else { return Ok(None) };
        match text.trim().parse() {
            Ok(value) => Ok(Some(Told { name, value })),
            Err(_) => Err(refuse(what, name, text, "must be a whole number")),
        }
    }
}

fn refuse(what: &'static str, name: &str, value: String, rule: &str) -> crate::Error {
    let given = Given { value, from: format!("the environment variable {name}") };
    given.refuse(what, format!("{rule}; UPS_TRACK_RANKS=alone records without looking at ranks"))
}

/// What a launcher tells, before it was checked.
struct Found {
    launcher: Launcher,
    rank: Told,
    size: Option<Told>,
    local_rank: Option<Told>,
    group_id: Option<String>,
    start: String,
    is_unique: bool,
}

/// The rank that the variables tell of; none for a process that is alone.
pub(super) fn recognise(var: &dyn Fn(&str) -> Option<String>) -> Result<Option<Rank>> {
    let vars = Vars(var);
    // From the inside out: a launcher inside another one's process has the last word.
    let ways = [torchrun, open_mpi, mpich, pmix, slurm, kubernetes];
    for way in ways {
        if let Some(found) = way(vars)? {
            return check(found, vars);
        }
    }
    Ok(None)
}

fn check(found: Found, vars: Vars<'_>) -> Result<Option<Rank>> {
    let Found { launcher, rank, size, local_rank, mut group_id, start, mut is_unique } = found;
    if let Some(size) = &size {
        if size.value == 0 {
            return Err(refuse("number of ranks", size.name, "0".into(), "must be at least 1"));
        }
        if rank.value >= size.value {
            let rule = format!("must be less than the number of ranks, {} ({})", size.value, size.name);
            return Err(refuse("rank", rank.name, rank.value.to_string(), &rule));
        }
        if size.value == 1 {
            return Ok(None);
        }
    }
    if let Some(id) = vars.text(ID) {
        group_id = Some(id);
        is_unique = false;
    }
    Ok(Some(Rank {
        rank: rank.value,
        size: size.map(|size| size.value),
        local_rank: local_rank.map(|rank| rank.value),
        launcher,
        group_id,
        start,
        is_unique,
    }))
}

fn torchrun(vars: Vars<'_>) -> Result<Option<Found>> {
    // `RANK` alone is a name that programs use for other things.
    if !vars.has("RANK") || !vars.has("WORLD_SIZE") {
        return Ok(None);
    }
    let Some(rank) = vars.number("rank", &["RANK"])? else { return Ok(None) };
    let size = vars.number("number of ranks", &["WORLD_SIZE"])?;
    let master = vars.text("MASTER_ADDR").map(|address| {
        vars.text("MASTER_PORT").map_or_else(|| address.clone(), |port| format!("{address}:{port}"))
    });
    // What torchrun calls a group that was given no id.
    let id = vars.text("TORCHELASTIC_RUN_ID").filter(|id| id != "none");
    let is_unique = id.as_deref().is_some_and(is_uuid);
    let job = vars.text("SLURM_JOB_ID").map(|job| format!(" slurm {job}"));
    // Agents on several hosts count restarts each on its own.
    let on_one_host = vars.text("LOCAL_WORLD_SIZE") == vars.text("WORLD_SIZE");
    let restart = vars.text("TORCHELASTIC_RESTART_COUNT").filter(|_| on_one_host);
    let restart = restart.map(|count| format!(" restart {count}"));
    let at = master.as_ref().map(|master| format!(" {master}"));
    let local_rank = vars.number("local rank", &["LOCAL_RANK"])?;
    Ok(Some(Found {
        launcher: Launcher::Torchrun,
        rank,
        size,
        local_rank,
        group_id: id.or(master),
        start: [at, job, restart].into_iter().flatten().collect(),
        // Restarted on several hosts, a group has the same id as before.
        is_unique: is_unique && on_one_host,
    }))
}

/// Whether torchrun itself has drawn the id.
fn is_uuid(id: &str) -> bool {
    id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

fn open_mpi(vars: Vars<'_>) -> Result<Option<Found>> {
    let Some(rank) = vars.number("rank", &["OMPI_COMM_WORLD_RANK"])? else { return Ok(None) };
    let namespace = vars.text("PMIX_NAMESPACE");
    Ok(Some(Found {
        launcher: Launcher::OpenMpi,
        rank,
        size: vars.number("number of ranks", &["OMPI_COMM_WORLD_SIZE"])?,
        local_rank: vars.number("local rank", &["OMPI_COMM_WORLD_LOCAL_RANK"])?,
        is_unique: namespace.is_some(),
        group_id: namespace.or_else(|| vars.first(&["OMPI_MCA_ess_base_jobid", "OMPI_MCA_orte_ess_jobid"])),
        start: String::new(),
    }))
}

fn mpich(vars: Vars<'_>) -> Result<Option<Found>> {
    let Some(rank) = vars.number("rank", &["PMI_RANK", "PMI_ID"])? else { return Ok(None) };
    let job = vars.first(&["PMI_JOBID", "PALS_APID"]);
    // SLURM's own PMI: its variables tell more.
    if let Some(found) = slurm(vars)?
        && job.is_some()
        && found.group_id == job
    {
        return Ok(Some(found));
    }
    // A batch system's id may hold several groups, one after the other.
    Ok(Some(Found {
        launcher: Launcher::Mpich,
        rank,
        size: vars.number("number of ranks", &["PMI_SIZE"])?,
        local_rank: vars.number("local rank", &["MPI_LOCALRANKID", "PALS_LOCAL_RANKID", "PMI_LOCAL_RANK"])?,
        group_id: job.or_else(|| vars.first(&["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "PMI_PORT"])),
        start: String::new(),
        is_unique: false,
    }))
}

fn pmix(vars: Vars<'_>) -> Result<Option<Found>> {
    let Some(rank) = vars.number("rank", &["PMIX_RANK"])? else { return Ok(None) };
    let namespace = vars.text("PMIX_NAMESPACE");
    // SLURM's own PMIx: its variables tell more.
    if namespace.as_deref().is_none_or(|namespace| namespace.starts_with("slurm.pmix"))
        && let Some(found) = slurm(vars)?
    {
        return Ok(Some(found));
    }
    Ok(Some(Found {
        launcher: Launcher::Pmix,
        rank,
        size: None,
        local_rank: vars.number("local rank", &["PMIX_LOCAL_RANK"])?,
        is_unique: namespace.is_some(),
        group_id: namespace,
        start: String::new(),
    }))
}

fn slurm(vars: Vars<'_>) -> Result<Option<Found>> {
    // A batch script and an interactive shell have a rank as well, 0, but no step that `srun` has started.
    let step = vars.number("step", &["SLURM_STEP_ID", "SLURM_STEPID"])?;
    let Some(step) = step.filter(|step| step.value < FIRST_SPECIAL_STEP) else { return Ok(None) };
    let Some(rank) = vars.number("rank", &["SLURM_PROCID"])? else { return Ok(None) };
    // The step's own number first: the job's may be that of all steps together.
    let size = vars.number("number of ranks", &["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"])?;
    let Some(size) = size else { return Ok(None) };
    let job = vars.first(&["SLURM_JOB_ID", "SLURM_JOBID"]);
    // A job that was put back into the queue keeps its id.
    let restarts = vars.text("SLURM_RESTART_COUNT").map(|count| format!(" restart {count}"));
    let cluster = vars.text("SLURM_CLUSTER_NAME").map(|name| format!(" cluster {name}"));
    Ok(Some(Found {
        launcher: Launcher::Slurm,
        rank,
        size: Some(size),
        local_rank: vars.number("local rank", &["SLURM_LOCALID"])?,
        is_unique: job.is_some(),
        group_id: job.map(|job| format!("{job}.{}", step.value)),
        start: cluster.into_iter().chain(restarts).collect(),
    }))
}

fn kubernetes(vars: Vars<'_>) -> Result<Option<Found>> {
    if !vars.has("KUBERNETES_SERVICE_HOST") {
        return Ok(None);
    }
    let Some(rank) = vars.number("rank", &["JOB_COMPLETION_INDEX"])? else { return Ok(None) };
    // The pods of an indexed job are called `<job>-<index>`.
    let job = vars.text("HOSTNAME").and_then(|host| {
        host.strip_suffix(&format!("-{}", rank.value)).filter(|job| !job.is_empty()).map(str::to_owned)
    });
    Ok(Some(Found {
        launcher: Launcher::Kubernetes,
        rank,
        // Kubernetes does not tell; job descriptions often do.
        size: vars.number("number of ranks", &["WORLD_SIZE"])?,
        local_rank: None,
        group_id: job,
        start: String::new(),
        is_unique: false,
    }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(vars: &[(&str, &str)]) -> Result<Option<Rank>> {
        recognise(&|name| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    /// Launcher, rank, size, local rank and id.
    type Short = (Launcher, u32, Option<u32>, Option<u32>, Option<String>);

    fn short(vars: &[(&str, &str)]) -> Option<Short> {
        let rank = at(vars).unwrap()?;
        Some((rank.launcher, rank.rank, rank.size, rank.local_rank, rank.group_id))
    }

    fn id(id: &str) -> String {
        id.to_owned()
    }

    const TORCHRUN: &[(&str, &str)] = &[
        ("RANK", "5"),
        ("WORLD_SIZE", "8"),
        ("LOCAL_RANK", "1"),
        ("LOCAL_WORLD_SIZE", "4"),
        ("GROUP_RANK", "1"),
        ("MASTER_ADDR", "node1"),
        ("MASTER_PORT", "29500"),
        ("TORCHELASTIC_RUN_ID", "job7"),
        ("TORCHELASTIC_RESTART_COUNT", "0"),
    ];

    const SLURM: &[(&str, &str)] = &[
        ("SLURM_JOB_ID", "1234"),
        ("SLURM_STEP_ID", "2"),
        ("SLURM_PROCID", "3"),
        ("SLURM_LOCALID", "1"),
        ("SLURM_NTASKS", "8"),
        ("SLURM_STEP_NUM_TASKS", "8"),
    ];

    #[test]
    fn each_launcher() {
        assert_eq!(short(&[]), None);
        assert_eq!(short(TORCHRUN), Some((Launcher::Torchrun, 5, Some(8), Some(1), Some(id("job7")))));
        assert_eq!(short(SLURM), Some((Launcher::Slurm, 3, Some(8), Some(1), Some(id("1234.2")))));
        let open_mpi = [
            ("OMPI_COMM_WORLD_RANK", "2"),
            ("OMPI_COMM_WORLD_SIZE", "4"),
            ("OMPI_COMM_WORLD_LOCAL_RANK", "0"),
            ("PMIX_NAMESPACE", "prterun-node1-77@1"),
            ("PMIX_RANK", "2"),
        ];
        assert_eq!(
            short(&open_mpi),
            Some((Launcher::OpenMpi, 2, Some(4), Some(0), Some(id("prterun-node1-77@1"))))
        );
        let old_open_mpi =
            [("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "2"), ("OMPI_MCA_ess_base_jobid", "99")];
        assert_eq!(short(&old_open_mpi), Some((Launcher::OpenMpi, 0, Some(2), None, Some(id("99")))));
        let mpich = [("PMI_RANK", "7"), ("PMI_SIZE", "8"), ("MPI_LOCALRANKID", "7")];
        assert_eq!(short(&mpich), Some((Launcher::Mpich, 7, Some(8), Some(7), None)));
        assert_eq!(short(&[("PMI_ID", "1")]), Some((Launcher::Mpich, 1, None, None, None)));
        let pmix = [("PMIX_RANK", "1"), ("PMIX_NAMESPACE", "prte.9")];
        assert_eq!(short(&pmix), Some((Launcher::Pmix, 1, None, None, Some(id("prte.9")))));
        let indexed =
            [("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("JOB_COMPLETION_INDEX", "4"), ("HOSTNAME", "train-4")];
        assert_eq!(short(&indexed), Some((Launcher::Kubernetes, 4, None, None, Some(id("train")))));
        let sized = [&indexed[..], &[("WORLD_SIZE", "6")]].concat();
        assert_eq!(short(&sized), Some((Launcher::Kubernetes, 4, Some(6), None, Some(id("train")))));
        assert_eq!(short(&[("JOB_COMPLETION_INDEX", "4")]), None);
    }

    #[test]
    fn the_innermost_launcher_counts() {
        let nested = [TORCHRUN, SLURM].concat();
        assert_eq!(short(&nested).unwrap().0, Launcher::Torchrun);
        // `mpiexec` starts its helpers with `srun`: SLURM's rank is that of the helper.
        let hydra = [&[("PMI_RANK", "6"), ("PMI_SIZE", "16")][..], SLURM].concat();
        assert_eq!(short(&hydra), Some((Launcher::Mpich, 6, Some(16), None, Some(id("1234")))));
        let own_pmi = [&[("PMI_RANK", "3"), ("PMI_SIZE", "8"), ("PMI_JOBID", "1234.2")][..], SLURM].concat();
        assert_eq!(short(&own_pmi).unwrap().0, Launcher::Slurm);
        let own_pmix = [&[("PMIX_RANK", "3"), ("PMIX_NAMESPACE", "slurm.pmix.1234.2")][..], SLURM].concat();
        assert_eq!(short(&own_pmix), Some((Launcher::Slurm, 3, Some(8), Some(1), Some(id("1234.2")))));
        // A group of one inside a step of eight: eight programs, each alone.
        let alone = [&[("RANK", "0"), ("WORLD_SIZE", "1")][..], SLURM].concat();
        assert_eq!(short(&alone), None);
    }

    #[test]
    fn a_process_alone_under_slurm() {
        // A batch script.
        let script = [("SLURM_JOB_ID", "1"), ("SLURM_PROCID", "0"), ("SLURM_NTASKS", "8")];
        assert_eq!(short(&script), None);
        for special in ["4294967291", "4294967290", "4294967292"] {
            assert_eq!(short(&[&script[..], &[("SLURM_STEP_ID", special)]].concat()), None);
        }
        // `srun -n1` in a job of eight.
        let one = [&script[..], &[("SLURM_STEP_ID", "0"), ("SLURM_STEP_NUM_TASKS", "1")]].concat();
        assert_eq!(short(&one), None);
    }

    #[test]
    fn a_name_that_means_something_else() {
        assert_eq!(short(&[("RANK", "lora-16")]), None);
        assert_eq!(short(&[("WORLD_SIZE", "8")]), None);
        assert_eq!(short(&[("RANK", ""), ("WORLD_SIZE", "8")]), None);
    }

    #[test]
    fn bad_values_are_told() {
        for (vars, told) in [
            (
                [("RANK", "8"), ("WORLD_SIZE", "8")],
                ["RANK", "`8`", "less than the number of ranks, 8 (WORLD_SIZE)"],
            ),
            ([("RANK", "one"), ("WORLD_SIZE", "8")], ["RANK", "`one`", "must be a whole number"]),
            ([("RANK", "-1"), ("WORLD_SIZE", "8")], ["RANK", "`-1`", "must be a whole number"]),
            ([("RANK", "0"), ("WORLD_SIZE", "0")], ["WORLD_SIZE", "`0`", "at least 1"]),
            (
                [("OMPI_COMM_WORLD_RANK", "4"), ("OMPI_COMM_WORLD_SIZE", "4")],
                ["OMPI_COMM_WORLD_RANK", "`4`", "less"],
            ),
            ([("PMI_RANK", "x"), ("PMI_SIZE", "4")], ["PMI_RANK", "`x`", "UPS_TRACK_RANKS=alone"]),
        ] {
            let text = at(&vars).unwrap_err().to_string();
            assert!(told.iter().all(|part| text.contains(part)), "{text}");
        }
    }

    #[test]
    fn the_id_that_a_person_gives() {
        let vars = [&[("UPS_TRACK_RANKS_ID", "night")][..], SLURM].concat();
        assert_eq!(at(&vars).unwrap().unwrap().group_id(), Some("night"));
    }

    #[test]
    fn starts_of_one_id_are_told_apart() {
        let start = |vars: &[&[(&str, &str)]]| at(&vars.concat()).unwrap().unwrap().fingerprint();
        let again: &[(&str, &str)] = &[("SLURM_RESTART_COUNT", "1")];
        assert_ne!(start(&[SLURM]), start(&[SLURM, again]));
        let port: &[(&str, &str)] = &[("MASTER_PORT", "29501")];
        assert_ne!(start(&[TORCHRUN]), start(&[port, TORCHRUN]));
        // On one host all see the same count of restarts; on several they may not.
        let again: &[(&str, &str)] = &[("TORCHELASTIC_RESTART_COUNT", "1")];
        let local: &[(&str, &str)] = &[("LOCAL_WORLD_SIZE", "8")];
        assert_ne!(start(&[local, TORCHRUN]), start(&[local, again, TORCHRUN]));
        assert_eq!(start(&[TORCHRUN]), start(&[again, TORCHRUN]));
    }

    #[test]
    fn a_rank_that_was_only_inherited() {
        let rank = at(SLURM).unwrap().unwrap();
        let with = |parent: &str| {
            Rank::from_vars(&|name| match name {
                super::super::PARENT => Some(parent.to_owned()),
                _ => SLURM.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()),
            })
        };
        assert_eq!(with(&rank.fingerprint()).unwrap(), None);
        assert_eq!(with("slurm 0/8 1234.2").unwrap(), Some(rank));
    }

    proptest! {
        #[test]
        fn nothing_panics(values in prop::collection::vec("[0-9a-z.:-]{0,12}", 4), which in 0..6_usize) {
            let names = [
                ["RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR"],
                ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "PMIX_NAMESPACE"],
                ["PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "PMI_JOBID"],
                ["PMIX_RANK", "PMIX_NAMESPACE", "SLURM_PROCID", "SLURM_NTASKS"],
                ["SLURM_PROCID", "SLURM_NTASKS", "SLURM_STEP_ID", "SLURM_JOB_ID"],
                ["JOB_COMPLETION_INDEX", "KUBERNETES_SERVICE_HOST", "HOSTNAME", "WORLD_SIZE"],
            ];
            let vars: Vec<_> = names.into_iter().nth(which).unwrap().into_iter().zip(values.iter().map(String::as_str)).collect();
            if let Ok(Some(rank)) = at(&vars) {
                prop_assert!(rank.size.is_none_or(|size| rank.rank < size && size > 1));
            }
        }
    }
}
