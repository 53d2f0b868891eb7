//! `ups-track merge`: adds what attached children have recorded to the logs of their runs, where nobody does it any
//! more.

use std::io::{self, Write};
use std::path::Path;

use super::args::Merge;
use super::screen::{Colour, Screen};
use super::text::{clean, count};
use super::{FAILED, FINE, Failure, UNFINISHED, complain, find};
use crate::merge::{Outcome, Purpose, merge as merge_shards};

/// Merges everything that was asked for; gives the worst exit code.
pub(super) fn merge(
    args: &Merge,
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    let purpose = if args.dry_run { Purpose::Look } else { Purpose::Merge };
    let mut worst = FINE;
    let mut with_shards = 0;
    for path in find::or_default(&args.paths) {
        let logs = match find::find(&path) {
            Ok(found) => found.into_logs(),
            Err(e) => {
                complain(err, format_args!("error: {}\n", clean(&e.to_string())));
                worst = FAILED;
                continue;
            }
        };
        for log in logs {
            match merge_shards(&log, purpose) {
                Ok(None) => {}
                Ok(Some(outcome)) => {
                    with_shards += 1;
                    worst = worst.max(print(&outcome, &log, purpose, screen)?);
                }
                Err(reason) => {
                    complain(err, format_args!("error: {}\n", clean(&reason)));
                    worst = FAILED;
                }
            }
        }
    }
    if with_shards == 0 && worst == FINE {
        writeln!(screen, "no run has shards of attached children: nothing to merge")?;
    }
    Ok(worst)
}

/// A line for the run, and one for each shard that cannot be merged.
fn print(outcome: &Outcome, log: &Path, purpose: Purpose, screen: &mut Screen<impl Write>) -> io::Result<u8> {
    let dir = clean(&log.parent().unwrap_or(log).display().to_string()).into_owned();
    if outcome.live {
        let word = screen.paint(Colour::Doubtful, "live");
        writeln!(screen, "{dir}: {word}, its own process merges")?;
        return Ok(UNFINISHED);
    }
    let (colour, code) = match outcome {
        Outcome { bad, .. } if !bad.is_empty() => (Colour::Bad, FAILED),
        Outcome { open: 1.., .. } => (Colour::Doubtful, UNFINISHED),
        Outcome { records: 1.., .. } if purpose == Purpose::Look => (Colour::Doubtful, UNFINISHED),
        _ => (Colour::Good, FINE),
    };
    let word = match (purpose, outcome.records) {
        (_, 0) => "nothing to merge".to_owned(),
        (Purpose::Merge, _) => format!("merged {}", what(outcome)),
        (Purpose::Look, _) => format!("would merge {}", what(outcome)),
    };
    writeln!(screen, "{dir}: {}; {}", screen.paint(colour, &word), shards(outcome))?;
    for bad in &outcome.bad {
        writeln!(screen, "  {}", clean(bad))?;
    }
    if outcome.synced && outcome.records > 0 {
        writeln!(screen, "  it was uploaded before: `sync --include-synced` uploads it again")?;
    }
    Ok(code)
}

/// Rows and the rest.
pub(super) fn what(outcome: &Outcome) -> String {
    let rest = outcome.records - outcome.rows;
    let rest = if rest > 0 { format!(" and {}", count(rest, "other record")) } else { String::new() };
    format!("{}{rest}", count(outcome.rows, "row"))
}

/// The shards by state.
fn shards(outcome: &Outcome) -> String {
    let states = [
        (outcome.done, "complete"),
        (outcome.killed, "ended without saying so"),
        (outcome.open, "still being written"),
        (outcome.refused, "left alone"),
    ];
    let told: Vec<String> =
        states.iter().filter(|(n, _)| *n > 0).map(|(n, state)| format!("{n} {state}")).collect();
    format!("shards: {}", told.join(", "))
}

/// What a run's children have recorded that is not in its log, for those who only look at it.
pub(super) fn unmerged(log: &Path) -> Option<String> {
    match merge_shards(log, Purpose::Look) {
        Ok(Some(outcome)) if outcome.live || (outcome.records == 0 && outcome.bad.is_empty()) => None,
        Ok(Some(outcome)) if outcome.records > 0 => Some(format!(
            "{} of attached children are not in the log; add them: ups-track merge",
            what(&outcome)
        )),
        Ok(Some(outcome)) => Some(outcome.bad.join("; ")),
        Ok(None) => None,
        Err(reason) => Some(format!("the shards of attached children cannot be looked at: {reason}")),
    }
}
