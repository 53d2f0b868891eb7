//! Which launcher has started this process, and as which rank: told by variables.

use super::{Launcher, Rank, process};
use crate::error::Result;
use crate::settings::Given;

/// Sets the group's id.
const ID: &str = "UPS_TRACK_RANKS_ID";

/// SLURM's numbers for steps that no `srun` has started: the batch script, an interactive shell, the container of both.
const FIRST_SPECIAL_STEP: u32 = 0xffff_fff0;

/// What `torchrun` tells its ranks, and nobody else does.
const AGENT: &str = "TORCHELASTIC_RUN_ID";

/// How often SLURM has put a job back into the queue.
const RESTARTS: (&str, &str) = ("restart", "SLURM_RESTART_COUNT");

/// Of how many parts a heterogeneous job of SLURM consists.
const MIXED: &str = "SLURM_HET_SIZE";

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
    /// A variable that the launcher gives to ranks, and does not have itself.
    mark: &'static str,
    /// Whether the whole group is on this machine, started by one process that starts nothing else.
    is_here: bool,
}

/// The rank that the variables tell of; none for a process that is alone.
pub(super) fn recognise(var: &dyn Fn(&str) -> Option<String>) -> Result<Option<Rank>> {
    let vars = Vars(var);
    // From the inside out, as launchers mostly are in one another.
    let ways = [torchrun, open_mpi, mpich, pmix, slurm, kubernetes];
    let mut all = Vec::new();
    for way in ways {
        match way(vars) {
            Ok(found) => all.extend(found),
            // What an outer launcher has left may be anything.
            Err(_) if !all.is_empty() => {}
            Err(e) => return Err(e),
        }
    }
    let found = if all.len() > 1 { innermost(all) } else { all.pop() };
    found.map_or(Ok(None), |found| check(found, vars))
}

/// A launcher that was started by another one's rank passes that one's variables on: the nearest has the last word. Of those
/// that are equally near, or of which nobody knows, the first.
fn innermost(all: Vec<Found>) -> Option<Found> {
    let place = |found: &Found| match process::starter(found.mark) {
        // The tasks of `srun` are no children of it, and have its variables all the same.
        Some(starter) if found.launcher == Launcher::Slurm && starter.name == process::SLURM => {
            (starter.distance, 0)
        }
        Some(starter) => (starter.distance, 1),
        None => (usize::MAX, 1),
    };
    all.into_iter().min_by_key(place)
}

fn check(found: Found, vars: Vars<'_>) -> Result<Option<Rank>> {
    let Found { launcher, rank, size, local_rank, mut group_id, start, mut is_unique, mark, is_here } = found;
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
    let given = vars.text(ID);
    let is_named = given.is_some();
    if is_named {
        group_id = given;
        is_unique = false;
    }
    Ok(Some(Rank {
        rank: rank.value,
        size: size.map(|size| size.value),
        local_rank: local_rank.map(|rank| rank.value),
        launcher,
        group_id,
        is_named,
        start,
        is_unique,
        mark,
        is_here,
    }))
}

/// Whether as many ranks are on this machine as there are in all.
fn all_here(vars: Vars<'_>, here: &str, size: Option<&Told>) -> bool {
    vars.text(here).zip(size).is_some_and(|(here, size)| here.trim().parse() == Ok(size.value))
}

/// What tells this start from others of the same id: the values of these variables, where they are set.
fn apart(vars: Vars<'_>, names: &[(&str, &str)]) -> String {
    names.iter().filter_map(|(what, name)| Some(format!(" {what} {}", vars.text(name)?))).collect()
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
    let id = vars.text(AGENT).filter(|id| id != "none");
    let is_unique = id.as_deref().is_some_and(is_uuid);
    let job = apart(vars, &[("slurm", "SLURM_JOB_ID"), RESTARTS]);
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
        start: [at, Some(job), restart].into_iter().flatten().collect(),
        // Restarted on several hosts, a group has the same id as before.
        is_unique: is_unique && on_one_host,
        mark: AGENT,
        // Whoever else sets these variables may start one group after another.
        is_here: on_one_host && vars.has(AGENT),
    }))
}

/// Whether torchrun itself has drawn the id.
fn is_uuid(id: &str) -> bool {
    id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

fn open_mpi(vars: Vars<'_>) -> Result<Option<Found>> {
    const RANK: &str = "OMPI_COMM_WORLD_RANK";
    // 128 bits that version 4 draws for each start; version 5 has none that all hosts know.
    const DRAWN: &str = "OMPI_MCA_orte_precondition_transports";
    let Some(rank) = vars.number("rank", &[RANK])? else { return Ok(None) };
    let size = vars.number("number of ranks", &["OMPI_COMM_WORLD_SIZE"])?;
    Ok(Some(Found {
        launcher: Launcher::OpenMpi,
        rank,
        local_rank: vars.number("local rank", &["OMPI_COMM_WORLD_LOCAL_RANK"])?,
        // These are made of the host's name and process number, which every start of a container may have.
        group_id: vars.first(&["PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid", "OMPI_MCA_orte_ess_jobid"]),
        start: apart(vars, &[("drawn", DRAWN)]),
        is_unique: vars.has(DRAWN),
        mark: RANK,
        is_here: all_here(vars, "OMPI_COMM_WORLD_LOCAL_SIZE", size.as_ref()),
        size,
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
    let size = vars.number("number of ranks", &["PMI_SIZE"])?;
    // A batch system's id may hold several groups, one after the other.
    Ok(Some(Found {
        launcher: Launcher::Mpich,
        mark: rank.name,
        rank,
        is_here: all_here(vars, "MPI_LOCALNRANKS", size.as_ref()),
        size,
        local_rank: vars.number("local rank", &["MPI_LOCALRANKID", "PALS_LOCAL_RANKID", "PMI_LOCAL_RANK"])?,
        group_id: job.or_else(|| vars.first(&["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "PMI_PORT"])),
        start: apart(vars, &[RESTARTS]),
        is_unique: vars.text("PALS_APID").is_some_and(|id| is_uuid(&id)),
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
        group_id: namespace,
        start: String::new(),
        // Made of the host's name and a process number, by those launchers that one can look at.
        is_unique: false,
        mark: "PMIX_RANK",
        is_here: false,
    }))
}

fn slurm(vars: Vars<'_>) -> Result<Option<Found>> {
    const RANK: &str = "SLURM_PROCID";
    // A batch script and an interactive shell have a rank as well, 0, but no step that `srun` has started.
    let step = vars.number("step", &["SLURM_STEP_ID", "SLURM_STEPID"])?;
    let Some(step) = step.filter(|step| step.value < FIRST_SPECIAL_STEP) else { return Ok(None) };
    let Some(rank) = vars.number("rank", &[RANK])? else { return Ok(None) };
    let Some(size) = slurm_size(&rank, vars)? else { return Ok(None) };
    let job = vars.first(&["SLURM_JOB_ID", "SLURM_JOBID"]);
    // A job that was put back into the queue keeps its id, and a cluster that is set up anew begins with 1 again.
    let mut start =
        apart(vars, &[("cluster", "SLURM_CLUSTER_NAME"), RESTARTS, ("began", "SLURM_JOB_START_TIME")]);
    let is_mixed = vars.has(MIXED);
    if !is_mixed {
        // The parts of a mixed job have an `srun` each.
        start += &apart(vars, &[("srun", "SLURM_STEP_LAUNCHER_PORT")]);
    }
    Ok(Some(Found {
        launcher: Launcher::Slurm,
        rank,
        size,
        local_rank: vars.number("local rank", &["SLURM_LOCALID"])?,
        is_unique: job.is_some(),
        group_id: job.map(|job| format!("{job}.{}", step.value)),
        start,
        mark: RANK,
        is_here: !is_mixed && vars.text("SLURM_STEP_NUM_NODES").is_some_and(|nodes| nodes.trim() == "1"),
    }))
}

/// The number of tasks; none inside if SLURM does not tell that of all, none outside if this is no task of a step.
#[expect(clippy::option_option, reason = "see above")]
fn slurm_size(rank: &Told, vars: Vars<'_>) -> Result<Option<Option<Told>>> {
    let number = |names| vars.number("number of ranks", names);
    if vars.has(MIXED) {
        // The step's own number is that of a part, and ranks are counted over all parts.
        let all = number(&["SLURM_NTASKS", "SLURM_NPROCS"])?;
        return Ok(Some(all.filter(|all| all.value > rank.value)));
    }
    // The step's own number first: the job's may be that of all steps together.
    Ok(number(&["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"])?.map(Some))
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
        // A job that was deleted and made again has the name of the first.
        is_unique: false,
        mark: "JOB_COMPLETION_INDEX",
        is_here: false,
    }))
}

#[cfg(test)]
mod tests;
