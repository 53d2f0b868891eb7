//! The run at its end as people want to see it: stages, children, metrics, results.

use super::Ledger;
use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;
use crate::recorder::StageStatus;

/// A metric at the end of the run.
#[derive(Debug, Clone)]
pub(crate) struct LastMetric {
    pub(crate) name: String,
    pub(crate) last: Number,
    pub(crate) thumbnail: Vec<f64>,
}

/// A stage or a child process at the end of the run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LastPart {
    pub(crate) name: String,
    pub(crate) seconds: f64,
    pub(crate) status: String,
}

/// What stands before what the run records of its child processes.
const CHILDREN: &str = "children/";

impl Ledger {
    /// Metrics with their last values. Step metrics are left out.
    pub(crate) fn last_metrics(&self) -> Vec<LastMetric> {
        let mut steps: Vec<u32> = self.stages.iter().flatten().map(|book| book.step).collect();
        steps.extend(self.keys.iter().filter_map(|key| key.step));
        let step = self.labelled("step");
        (0..)
            .zip(&self.keys)
            .filter(|(index, key)| !steps.contains(index) && *key.name != *step && !self.is_rank(*index))
            .filter_map(|(_, key)| {
                Some(LastMetric {
                    name: key.name.to_string(),
                    last: key.last?,
                    thumbnail: key.thumbnail.values().to_vec(),
                })
            })
            .collect()
    }

    /// The values that were set as summary values, and the best values of stages; those with a goal first.
    pub(crate) fn last_summary(&self) -> Vec<(String, Scalar)> {
        let stages: Vec<_> = self.last_stages().into_iter().map(|stage| stage.name).collect();
        let of_stage = |name: &str| {
            let tail = stages.iter().find_map(|stage| name.strip_prefix(stage.as_str())?.strip_prefix('/'));
            tail.is_some_and(|tail| matches!(tail, "status" | "duration_s" | "calls"))
                || tail.is_some_and(|tail| tail.starts_with("best_") && tail.contains('/'))
        };
        let shown = self.keys.iter().filter(|key| {
            !of_stage(&key.name) && !key.name.starts_with("ups_track/") && !key.name.starts_with(CHILDREN)
        });
        let values = shown.filter_map(|key| Some((key.name.to_string(), key.explicit.clone()?)));
        let has_goal =
            |name: &str| self.definitions.of(name).is_some_and(|d| d.name == name && d.goal.is_some());
        let (goals, others): (Vec<_>, Vec<_>) = values.partition(|(name, _)| has_goal(name));
        goals.into_iter().chain(others).collect()
    }

    /// Stages with times and outcomes; those of attached children too.
    pub(crate) fn last_stages(&self) -> Vec<LastPart> {
        let own = self.stages.iter().flatten().map(|book| {
            let calls = book.stage.calls();
            LastPart {
                name: book.stage.path.clone(),
                seconds: calls.seconds,
                status: calls.status.map_or("running", StageStatus::as_str).to_owned(),
            }
        });
        let mut stages: Vec<_> = own.collect();
        let merged = self.parts("").filter(|part| StageStatus::WORDS.contains(&part.status.as_str()));
        for part in merged {
            if !stages.iter().any(|stage| stage.name == part.name) {
                stages.push(part);
            }
        }
        stages
    }

    /// Child processes with times and outcomes.
    pub(crate) fn last_children(&self) -> Vec<LastPart> {
        self.parts(CHILDREN).collect()
    }

    /// Whatever has a `status` and a `duration_s` in the summary, below a prefix.
    fn parts<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = LastPart> + 'a {
        let value = |name: &str| {
            let index = self.by_name.get(name)?;
            self.keys.get(*index as usize)?.explicit.as_ref()
        };
        self.keys.iter().filter_map(move |key| {
            let path = key.name.strip_suffix("/status")?;
            let name = path.strip_prefix(prefix)?;
            let Some(Scalar::Text(status)) = &key.explicit else { return None };
            let seconds = value(&format!("{path}/duration_s"))?.as_f64()?;
            Some(LastPart { name: name.to_owned(), seconds, status: status.clone() })
        })
    }
}
