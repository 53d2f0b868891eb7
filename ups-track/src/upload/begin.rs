//! Where an upload begins: at which step, and at which lines of the server.

use std::path::Path;

use super::graphql::Past;
use super::run::Described;
use super::state::{Memory, Sending};
use super::{Client, Failure};
use crate::log::Reader;
use crate::log::record::{Kind, Run};

/// The project of a run that names none.
const NO_PROJECT: &str = "uncategorized";

/// Where the run begins.
pub(super) struct Start {
    step: i64,
    pub(super) runtime: f64,
    /// Whether this was settled by an earlier upload, or by the run that is resumed.
    settled: bool,
    pub(super) storage_id: Option<String>,
}

/// Finds out where the run begins: where an earlier upload began, behind the run that it goes on with, or where it says.
pub(super) async fn start(
    client: &Client,
    described: &mut Described,
    memory: &Memory,
) -> Result<Start, Failure> {
    let run = &mut described.run;
    if let Some(branch) = run.branch_point.clone() {
        if branch.run == run.run_id {
            return Err(Failure::Log(format!(
                "run `{}` rewinds itself, which ups-track does not upload yet: use `wandb sync`",
                crate::harmless::clean(&run.run_id)
            )));
        }
        #[expect(clippy::cast_possible_truncation, reason = "a row number")]
        let step = branch.value as i64;
        run.starting_step = run.starting_step.max(step.saturating_add(1));
        let from = serde_json::json!({"run_id": branch.run, "step": step});
        described.config.set(&["_wandb", "branch_point"], &from.to_string());
    }
    let run = &described.run;
    let mut start = Start { step: run.starting_step, runtime: 0.0, settled: false, storage_id: None };
    let resumed = if run.resume { past(client, run).await? } else { None };
    if let Some(past) = &resumed {
        let next = past.last_step().map_or(0, |step| step.saturating_add(1));
        start.step = start.step.max(next);
        start.runtime = past.runtime();
        start.storage_id = Some(past.id.clone());
        start.settled = true;
        described.resume(past);
    }
    if let Some((step, runtime)) = memory.start() {
        (start.step, start.runtime, start.settled) = (step, runtime, true);
    }
    Ok(start)
}

/// What the server has of the run that a log names, if it is one.
pub(super) async fn past(client: &Client, run: &Run) -> Result<Option<Past>, Failure> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let entity = some(&run.entity);
    let project = some(&run.project).unwrap_or_else(|| NO_PROJECT.to_owned());
    Ok(client.past(entity.as_deref(), Some(&project), &run.run_id).await?.filter(Past::is_run))
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
