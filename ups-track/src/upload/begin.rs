//! Where an upload begins: at which step, and at which lines of the server.

use std::path::Path;

use super::journal::Sending;
use super::run::{Described, Rows};
use super::server::operations::{Bucket, Past};
use super::state::Memory;
use super::there::Question;
use super::{Client, Failure};
use crate::log::record::Run;

/// The project of a run that names none.
pub(super) const NO_PROJECT: &str = "uncategorized";

/// Where the run begins.
pub(super) struct Start {
    step: i64,
    pub(super) runtime: f64,
    /// The step from which the log itself counts.
    recorded: i64,
    pub(super) storage_id: Option<String>,
    /// Whether the run was taken back to a step, now or by an earlier upload of the log.
    pub(super) rewound: bool,
    /// What the server had of the run.
    past: Option<Past>,
}

/// Finds out where the run begins: where an earlier upload began, behind the run that it goes on with, or where it says;
/// `alone` if only this log counts, as of one of several writers.
pub(super) async fn start(
    client: &Client,
    described: &mut Described,
    memory: &Memory,
    alone: bool,
) -> Result<Start, Failure> {
    let branch = described.branch();
    let rewinds = branch.as_ref().is_some_and(|branch| branch.run == described.run.run_id);
    let run = &described.run;
    let (entity, project) = names(run);
    let mut start = Start {
        step: run.starting_step,
        runtime: 0.0,
        recorded: run.starting_step,
        storage_id: None,
        rewound: rewinds,
        past: None,
    };
    if alone {
        // The run has no past of which one of several writers knows: the server puts the lines of all together.
        return Ok(start);
    }
    match branch.filter(|_| rewinds && !memory.is_rewound(client.address().base(), run)) {
        // Whoever is killed between this and the first lines does it again, which changes nothing.
        Some(branch) => start.past = Some(client.rewind(entity, project, &run.run_id, branch.step).await?),
        None => start.past = client.past(entity, Some(project), &run.run_id).await?,
    }
    if let Some(past) = &start.past {
        described.inherit_config(past);
        if rewinds {
            start.storage_id = Some(past.id.clone());
        } else {
            described.inherit_summary(past);
        }
        if described.run.resume && past.is_run() {
            let next = past.last_step().map_or(0, |step| step.saturating_add(1));
            start.step = start.step.max(next);
            start.runtime = past.runtime();
            start.storage_id = Some(past.id.clone());
        }
    }
    if let Some((step, runtime)) = memory.start() {
        (start.step, start.runtime) = (step, runtime);
    }
    Ok(start)
}

impl Start {
    /// What the server had of the run, if it was asked.
    pub(super) fn past(&self) -> Option<&Past> {
        self.past.as_ref()
    }
}

/// What the server has of the run that a log names, if it is one.
pub(super) async fn existing(client: &Client, run: &Run) -> Result<Option<Past>, Failure> {
    Ok(anything(client, run).await?.filter(Past::is_run))
}

/// What the server has under the name of a log's run.
pub(super) async fn anything(client: &Client, run: &Run) -> Result<Option<Past>, Failure> {
    let (entity, project) = names(run);
    client.past(entity, Some(project), &run.run_id).await
}

/// Entity and project as a server is asked for them.
fn names(run: &Run) -> (Option<&str>, &str) {
    let some = |name| Some(name).filter(|name: &&str| !name.is_empty());
    (some(&run.entity), some(&run.project).unwrap_or(NO_PROJECT))
}

/// What the server has of a run that was not made just now.
async fn past(client: &Client, bucket: &Bucket, start: &mut Start) -> Result<Option<Past>, Failure> {
    let target = &bucket.target;
    match start.past.take() {
        _ if bucket.inserted => Ok(None),
        // The answer to a rewind does not count all lines.
        Some(past) if past.id == bucket.id && past.log_line_count.is_some() => Ok(Some(past)),
        _ => client.past(Some(&target.entity), Some(&target.project), &target.run).await,
    }
}

/// How much of the log is there, where its other lines go, and the step of its first row.
pub(super) async fn places(
    client: &Client,
    log: &Path,
    described: &Described,
    memory: &Memory,
    bucket: &Bucket,
    start: &mut Start,
    alone: bool,
) -> Result<(Sending, i64), Failure> {
    let server = client.address().base();
    let Bucket { id, target, inserted } = bucket;
    let new = Sending::new(server, target, id, start.rewound);
    let before = memory.sending(server, target, id).filter(|_| !inserted);
    let past = if alone { None } else { past(client, bucket, start).await? };
    let mut sending = match past {
        None => {
            let mut sending = before.unwrap_or(new);
            // A server puts a line that it has at the same place.
            sending.lanes.iter_mut().for_each(|place| place.in_flight = 0);
            sending
        }
        Some(past) => {
            let (step, runtime) = memory.start().unwrap_or((start.recorded, start.runtime));
            let floors = before.as_ref().map(|sending| sending.floors.clone()).unwrap_or_default();
            let rows = Rows::new(step, runtime).with_floors(&floors);
            let started = described.run.start_time;
            Question { client, target, log, past: &past, rows, started }.settle(before, new).await?
        }
    };
    sending.to.rewound = start.rewound;
    let [history, ..] = sending.lanes;
    let mut step = start.step;
    if history.lines == 0 {
        // None of its rows has a step yet.
        step = sending.floors.drain(..).map(|(_, floor)| floor).fold(step, i64::max);
    } else if memory.start().is_none() {
        step = start.recorded;
    }
    Ok((sending, step))
}
