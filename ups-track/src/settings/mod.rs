//! Settings: what the builder, the environment, W&B's settings files and the defaults say, in this order.

mod ini;
mod resolve;
pub(crate) mod rules;
mod source;
mod uplink;
mod yaml;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::ledger::RankMark;
pub(crate) use resolve::{Overrides, last_run_id, resolve};
#[cfg(feature = "online")]
pub(crate) use source::out_of_reach;
pub(crate) use source::{Given, Sources};
#[cfg(feature = "online")]
pub(crate) use uplink::Part;
pub(crate) use uplink::UplinkSettings;
#[cfg(all(feature = "cli", feature = "online"))]
pub(crate) use uplink::stream_interval;
pub(crate) use yaml::config_yaml;

/// Where a run's data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// To the log and live to the W&B server.
    Online,
    /// To the log only; upload it later with `ups-track sync` or `wandb sync`.
    Offline,
    /// As online, with several processes writing one run.
    Shared,
    /// Nowhere: every call is a no-op.
    Disabled,
}

impl Mode {
    /// The word W&B uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Shared => "shared",
            Self::Disabled => "disabled",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "online" | "run" => Some(Self::Online),
            "offline" | "dryrun" => Some(Self::Offline),
            "shared" => Some(Self::Shared),
            "disabled" => Some(Self::Disabled),
            _ => None,
        }
    }
}

/// What happens when the server already has a run of this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resume {
    /// Go on with it, or begin.
    Allow,
    /// Go on with it; its absence is an error.
    Must,
    /// Its presence is an error.
    Never,
    /// Go on with the run that this directory had last, or begin.
    Auto,
}

impl Resume {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "allow" | "true" => Some(Self::Allow),
            "must" => Some(Self::Must),
            "never" => Some(Self::Never),
            "auto" => Some(Self::Auto),
            _ => None,
        }
    }
}

/// A moment of another run, `<run id>?_step=<row>`: where a fork or rewind begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moment {
    pub(crate) run: String,
    pub(crate) step: f64,
}

/// Everything that is settled when a run starts.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    /// Whether a person or program asked for the mode, so that nothing needs to be said about it.
    pub(crate) mode_given: bool,
    pub(crate) run_id: String,
    pub(crate) project: Option<String>,
    pub(crate) entity: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) job_type: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) config: Map<String, Value>,
    pub(crate) root_dir: PathBuf,
    pub(crate) resume: Option<Resume>,
    pub(crate) branch: Option<Moment>,
    pub(crate) sweep_id: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) program: Option<String>,
    pub(crate) args: Option<Vec<String>>,
    pub(crate) docker: Option<String>,
    pub(crate) git_commit: Option<String>,
    pub(crate) git_remote: Option<String>,
    pub(crate) use_git: bool,
    pub(crate) machine_info: bool,
    pub(crate) metadata: bool,
    pub(crate) console: bool,
    pub(crate) silent: bool,
    pub(crate) quiet: bool,
    /// Bytes of saved files that a run copies at its end.
    pub(crate) copy_limit: u64,
    /// Whether what is said about a callsite is a panic there.
    pub(crate) strict: bool,
    pub(crate) symlink: bool,
    /// Time between two flushes of the log.
    pub(crate) flush_interval: Duration,
    pub(crate) uplink: UplinkSettings,
    /// Time between two summary records.
    pub(crate) summary_interval: Duration,
    /// Which rank records, if several ranks of a group record into the run.
    pub(crate) rank: Option<RankMark>,
    /// The file that keeps the run's id for `Resume::Auto`.
    pub(crate) resume_file: String,
}

/// What kind of child the process is: `linked` or `attached`.
pub(crate) const CHILD: &str = "UPS_TRACK_CHILD";

/// The context file of a linked child's parent: that one has a run of its own, and does not record into the context's.
pub(crate) const PARENT_CONTEXT: &str = "UPS_TRACK_PARENT_CONTEXT";

/// The mode of an attached child's parent, where the child's variables name another one for other clients.
pub(crate) const PARENT_MODE: &str = "UPS_TRACK_PARENT_MODE";

/// What an attached child has in its environment for other clients alone.
pub(crate) const FOR_OTHERS: [&str; 4] =
    ["WANDB_MODE", "WANDB_X_PRIMARY", "WANDB_X_LABEL", "WANDB_X_UPDATE_FINISH_STATE"];
