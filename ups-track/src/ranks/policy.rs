//! What the ranks of a group do with the run.

use std::time::Duration;

use crate::error::Result;
use crate::settings::{Given, Sources};

/// The policy, as a variable.
const POLICY: &str = "UPS_TRACK_RANKS";

/// Whether keys are labelled.
const LABEL: &str = "UPS_TRACK_RANKS_LABEL";

/// How long a rank waits for the run, in seconds.
const PATIENCE: &str = "UPS_TRACK_RANKS_PATIENCE";

/// What the processes of a group that a launcher has started do with the run (`UPS_TRACK_RANKS`).
///
/// ```no_run
/// use ups_track::{Ranks, Run};
/// let run = Run::builder().ranks(Ranks::Shards.labelled(true)).start()?;
/// # Ok::<(), ups_track::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Ranks {
    /// Rank 0 records (`first`). The runs of the others are disabled: nothing of them is written, nothing is said.
    #[default]
    First,
    /// Every rank records into the run of rank 0, by way of a shard on a disk that all of them share (`shards`).
    ///
    /// Each row has the number of its rank as `rank`. Summary values and config entries are those of the rank that set
    /// them last, unless keys are [labelled](Self::labelled).
    Shards,
    /// Every rank records into one run, each by its own connection to the server, in W&B's mode `shared` (`shared`): for
    /// ranks on several hosts without a common disk. W&B calls the mode experimental. It needs a server and a run id that
    /// all ranks know: `WANDB_RUN_ID`, one that is made of the launcher's id and of what tells this start from all others, where
    /// the launcher tells enough, or `UPS_TRACK_RANKS_ID`. Lines of the console have the rank as their label; rank 0 speaks for the run, and its end is
    /// the run's.
    Shared,
    /// Every rank has a run of its own, in one group (`linked`): its name ends with the rank, it has the tag
    /// `rank:<rank>` and the config entries `rank` and `world_size`, unless the program has such entries itself.
    Linked,
    /// Ranks are not looked at (`alone`): every process starts a run as if it were the only one. For programs that a
    /// launcher starts many times and that have nothing to do with each other.
    Alone,
}

impl Ranks {
    /// Sets whether the keys of metrics, summary values and tables begin with the rank, as `rank3/loss` does
    /// (`UPS_TRACK_RANKS_LABEL`); for [`Shards`](Self::Shards), off by default.
    pub fn labelled(self, labelled: bool) -> RankOptions {
        RankOptions::from(self).labelled(labelled)
    }

    /// Sets how long a rank waits for the run of rank 0 (`UPS_TRACK_RANKS_PATIENCE`, in seconds); for
    /// [`Shards`](Self::Shards), a minute by default, at most a day.
    pub fn patience(self, patience: Duration) -> RankOptions {
        RankOptions::from(self).patience(patience)
    }

    fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "first" => Some(Self::First),
            "shards" => Some(Self::Shards),
            "shared" => Some(Self::Shared),
            "linked" => Some(Self::Linked),
            "alone" => Some(Self::Alone),
            _ => None,
        }
    }
}

/// A policy for ranks with its options: see [`Ranks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "options do nothing until a run is started with them"]
pub struct RankOptions {
    policy: Ranks,
    labelled: Option<bool>,
    patience: Option<Duration>,
}

impl RankOptions {
    /// As [`Ranks::labelled`].
    pub fn labelled(mut self, labelled: bool) -> Self {
        self.labelled = Some(labelled);
        self
    }

    /// As [`Ranks::patience`].
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }
}

impl From<Ranks> for RankOptions {
    fn from(policy: Ranks) -> Self {
        Self { policy, labelled: None, patience: None }
    }
}

/// The policy as it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) ranks: Ranks,
    pub(crate) labelled: bool,
    pub(crate) patience: Duration,
}

impl Policy {
    /// What the builder was given goes before the environment.
    pub(crate) fn settle(given: Option<RankOptions>, sources: &Sources) -> Result<Self> {
        const DAY: f64 = 86_400.0;
        let word = sources.var(POLICY).map(|given| match Ranks::from_word(&given.value) {
            Some(ranks) => Ok(ranks),
            None => Err(given.refuse("policy for ranks", "must be first, shards, shared, linked or alone")),
        });
        let label = sources.var(LABEL).map(|given| match given.value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(given.refuse("flag", "must be true or false")),
        });
        let seconds = |given: Given| match given.value.parse::<f64>() {
            Ok(seconds) if (0.0..=DAY).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
            _ => Err(given.refuse("patience of ranks", "must be a number of seconds from 0 to 86400")),
        };
        let patience = sources.var(PATIENCE).map(seconds);
        // A bad variable is told even where the builder wins.
        let (word, label, patience) = (word.transpose()?, label.transpose()?, patience.transpose()?);
        let asked = given.and_then(|given| given.patience);
        let asked = asked.map(|patience| patience.min(Duration::from_secs_f64(DAY)));
        Ok(Self {
            ranks: given.map(|given| given.policy).or(word).unwrap_or_default(),
            labelled: given.and_then(|given| given.labelled).or(label).unwrap_or(false),
            patience: asked.or(patience).unwrap_or(Duration::from_mins(1)),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use super::*;

    fn settled(given: Option<RankOptions>, vars: &[(&str, &str)]) -> Result<Policy> {
        Policy::settle(given, &Sources::from_vars(vars, Path::new("/")))
    }

    #[test]
    fn the_builder_goes_before_the_environment() {
        let policy =
            |ranks, labelled, seconds| Policy { ranks, labelled, patience: Duration::from_secs(seconds) };
        assert_eq!(settled(None, &[]).unwrap(), policy(Ranks::First, false, 60));
        let vars = [(POLICY, "shards"), (LABEL, "true"), (PATIENCE, "5")];
        assert_eq!(settled(None, &vars).unwrap(), policy(Ranks::Shards, true, 5));
        let given = Ranks::Linked.labelled(false).patience(Duration::from_secs(7));
        assert_eq!(settled(Some(given), &vars).unwrap(), policy(Ranks::Linked, false, 7));
        assert_eq!(settled(Some(Ranks::Alone.into()), &vars).unwrap(), policy(Ranks::Alone, true, 5));
    }

    #[test]
    fn bad_values_are_told() {
        for (name, value, rule) in [
            (POLICY, "all", "first, shards, shared, linked or alone"),
            (LABEL, "perhaps", "true or false"),
            (PATIENCE, "-1", "from 0 to 86400"),
            (PATIENCE, "long", "from 0 to 86400"),
        ] {
            let text = settled(None, &[(name, value)]).unwrap_err().to_string();
            assert!(text.contains(name) && text.contains(value) && text.contains(rule), "{text}");
        }
    }
}
