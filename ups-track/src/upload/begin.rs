//! Where an upload begins: at which step, and at which lines of the server.

use std::path::Path;

use super::graphql::{Bucket, Past};
use super::run::Described;
use super::state::{Memory, Sending};
use super::{Client, Failure};
use crate::log::Reader;
use crate::log::record::{Kind, Run};

/// The project of a run that names none.
pub(super) const NO_PROJECT: &str = "uncategorized";

/// Where the run begins.
pub(super) struct Start {
    step: i64,
    pub(super) runtime: f64,
    /// Whether this was settled by an earlier upload, or by the run that is resumed.
    settled: bool,
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
        settled: rewinds,
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
            start.settled = true;
        }
    }
    if let Some((step, runtime)) = memory.start() {
        (start.step, start.runtime, start.settled) = (step, runtime, true);
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
pub(super) async fn past(
    client: &Client,
    bucket: &Bucket,
    start: &mut Start,
) -> Result<Option<Past>, Failure> {
    let target = &bucket.target;
    match start.past.take() {
        _ if bucket.inserted => Ok(None),
        // The answer to a rewind does not count all lines.
        Some(past) if past.id == bucket.id && past.log_line_count.is_some() => Ok(Some(past)),
        _ => client.past(Some(&target.entity), Some(&target.project), &target.run).await,
    }
}

/// Where the lines of the log go, and the step of the first row.
pub(super) fn places(
    before: Option<Sending>,
    past: Option<&Past>,
    log: &Path,
    new: Sending,
    start: &Start,
) -> Result<(Sending, i64), Failure> {
    let count = |count: fn(&Past) -> Option<u64>| past.and_then(count).unwrap_or(0);
    let counts = [
        count(|past| past.history_line_count),
        count(|past| past.events_line_count),
        count(|past| past.log_line_count),
    ];
    let [history, events, console] = counts;
    if let Some(mut sending) = before {
        for (place, count) in
            [(&mut sending.history, history), (&mut sending.events, events), (&mut sending.console, console)]
        {
            *place = place.on_server(count).ok_or_else(|| {
                Failure::Log(format!(
                    "an earlier upload was interrupted, and others have added to the run since, so that nobody knows what of `{}` arrived; `--id` uploads it as a run of its own",
                    crate::harmless::path(log)
                ))
            })?;
        }
        return Ok((sending, start.step));
    }
    let mut sending = new;
    (sending.history.offset, sending.events.offset, sending.console.offset) = (history, events, console);
    let last = past.and_then(Past::last_step);
    let (Some(last), false) = (last, start.settled) else { return Ok((sending, start.step)) };
    let begun = Begun::look(log, history);
    if begun.step == Some(last) {
        // Somebody else has begun to upload this log: its first rows are there, and what stood before them.
        (sending.history.lines, sending.events.lines, sending.console.lines) = (history, events, console);
        sending.alerts = begun.alerts;
        return Ok((sending, start.step));
    }
    // Another log of this run was there before; steps go on.
    Ok((sending, start.step.max(last.saturating_add(1))))
}

/// What a log has up to one of its rows.
#[derive(Default)]
struct Begun {
    /// The row's recorded step.
    step: Option<i64>,
    alerts: u64,
}

impl Begun {
    /// Looks at a log up to the row of this number, counted from 1.
    fn look(log: &Path, row: u64) -> Self {
        let mut begun = Self::default();
        let Ok(reader) = Reader::open(log) else { return begun };
        let mut rows = 0;
        for entry in reader.map_while(Result::ok) {
            match entry.record.kind {
                Some(Kind::History(found)) => {
                    rows += 1;
                    if rows == row {
                        let step = found.item.iter().rev().find(|item| item.path().eq(["_step"]));
                        begun.step = step.and_then(|step| step.value_json.trim().parse().ok());
                        break;
                    }
                }
                Some(Kind::Alert(_)) => begun.alerts += 1,
                _ => {}
            }
        }
        begun
    }
}
