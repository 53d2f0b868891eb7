//! Ranks: the processes that a launcher has started as one group, and what each of them does with the run.

mod launcher;
mod meeting;
mod policy;
mod process;
mod start;

use std::fmt;

use crate::error::Result;
pub(crate) use meeting::Meeting;
pub(crate) use policy::Policy;
pub use policy::{RankOptions, Ranks};
pub(crate) use start::Start;

/// Names the rank that a parent has, so that a child which only inherited its variables does not count as that rank.
pub(crate) const PARENT: &str = "UPS_TRACK_PARENT_RANK";

/// What starts the processes of a group, and tells each of them its rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Launcher {
    /// `torchrun`, and whatever else sets `RANK` and `WORLD_SIZE` (Accelerate, `DeepSpeed`, Kubeflow).
    Torchrun,
    /// Open MPI's `mpirun`.
    OpenMpi,
    /// MPICH, Intel MPI and their relatives: everything that speaks PMI.
    Mpich,
    /// Another launcher that speaks `PMIx`.
    Pmix,
    /// SLURM's `srun`.
    Slurm,
    /// An indexed job of Kubernetes.
    Kubernetes,
}

impl Launcher {
    /// The launcher's name, in small letters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Torchrun => "torchrun",
            Self::OpenMpi => "openmpi",
            Self::Mpich => "mpich",
            Self::Pmix => "pmix",
            Self::Slurm => "slurm",
            Self::Kubernetes => "kubernetes",
        }
    }
}

impl fmt::Display for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The place of this process in the group that a launcher has started.
///
/// ```
/// use ups_track::Rank;
/// match Rank::from_env()? {
///     Some(rank) => println!("rank {} of {:?}, started by {}", rank.rank(), rank.size(), rank.launcher()),
///     None => println!("one process alone"),
/// }
/// # Ok::<(), ups_track::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "these are the launchers' words")]
pub struct Rank {
    rank: u32,
    size: Option<u32>,
    local_rank: Option<u32>,
    launcher: Launcher,
    group_id: Option<String>,
    /// Whether a person has named the group.
    is_named: bool,
    /// What tells this start of the group from others with the same id.
    start: String,
    /// Whether id and `start` together are those of this start alone.
    is_unique: bool,
    /// A variable that the launcher gives to ranks, and does not have itself.
    mark: &'static str,
    /// Whether the whole group is on this machine, started by one process that starts nothing else.
    is_here: bool,
}

impl Rank {
    /// Reads the launcher's variables; none if this process is alone: no launcher is recognised, or its group has one
    /// process, or it is a [tracked](crate::TrackCommand) child of a rank, and has that rank's variables.
    ///
    /// The innermost launcher counts: under `torchrun` inside a SLURM step the rank is torchrun's.
    ///
    /// # Errors
    ///
    /// If a launcher's variables do not fit together: a rank that is no number, or not less than the size.
    pub fn from_env() -> Result<Option<Self>> {
        Self::from_vars(&|name| std::env::var(name).ok())
    }

    /// As [`from_env`](Self::from_env), but also for a child that has the variables from its parent.
    pub(crate) fn from_env_or_parent() -> Result<Option<Self>> {
        launcher::recognise(&|name| std::env::var(name).ok())
    }

    /// As [`from_env`](Self::from_env), from any variables.
    pub(crate) fn from_vars(var: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let rank = launcher::recognise(var)?;
        // What a child has only inherited is its parent's rank.
        let parent = var(PARENT);
        Ok(rank.filter(|rank| parent.is_none_or(|parent| parent != rank.fingerprint())))
    }

    /// The number of this process in the group, from 0.
    pub fn rank(&self) -> u32 {
        self.rank
    }

    /// The number of processes in the group, if the launcher tells.
    pub fn size(&self) -> Option<u32> {
        self.size
    }

    /// The number of this process among those on its host, if the launcher tells.
    pub fn local_rank(&self) -> Option<u32> {
        self.local_rank
    }

    /// What has started the group.
    pub fn launcher(&self) -> Launcher {
        self.launcher
    }

    /// The id that all processes of the group know, such as `1234.0` for a SLURM step; `UPS_TRACK_RANKS_ID` sets it
    /// where the launcher gives none.
    pub fn group_id(&self) -> Option<&str> {
        self.group_id.as_deref()
    }

    /// What tells the rank from others in names.
    pub(crate) fn label(&self) -> String {
        format!("rank{}", self.rank)
    }

    /// What tells this start of the group from all others.
    pub(crate) fn start(&self) -> Start {
        Start::of(self)
    }

    /// Tells this rank from all others.
    pub(crate) fn fingerprint(&self) -> String {
        let Self { rank, launcher, start, .. } = self;
        let size = self.size.map_or_else(|| "?".to_owned(), |size| size.to_string());
        format!("{launcher} {rank}/{size} {}{start}", self.group_id.as_deref().unwrap_or_default())
    }
}
