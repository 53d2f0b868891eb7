//! What was uploaded, and what was not.

use std::io::{self, Write};

use super::super::args::Sync;
use super::super::screen::{Colour, Screen};
use super::super::text::{clean, count};
use super::super::{FAILED, FINE, Failure, UNFINISHED, complain};
use super::one::Ended;
use crate::upload::Sent;

/// Tells what became of a log; gives the exit code.
pub(super) fn report(
    args: &Sync,
    name: &str,
    ended: &Ended,
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    let (sent, unmerged, unmarked) = match ended {
        Ended::Later(reason) => {
            writeln!(screen, "{name}: {reason}")?;
            return Ok(UNFINISHED);
        }
        Ended::Failed(e) => {
            complain(err, format_args!("error: {name}: {e}\n"));
            return Ok(FAILED);
        }
        Ended::Sent { sent, unmerged, unmarked } => (sent, unmerged, unmarked),
    };
    let mut code = tell(args, name, sent, screen)?;
    for reason in unmerged {
        writeln!(screen, "  not merged: {}", clean(reason))?;
        code = FAILED;
    }
    if let Some(e) = unmarked {
        complain(err, format_args!("error: {name}: is uploaded, but cannot be marked so: {e}\n"));
        code = FAILED;
    }
    Ok(code)
}

/// Tells what was uploaded, and what was not; gives the exit code.
fn tell(args: &Sync, name: &str, sent: &Sent, screen: &mut Screen<impl Write>) -> io::Result<u8> {
    let all = sent.is_all();
    if all && args.quiet && sent.files.changed.is_empty() {
        return Ok(FINE);
    }
    let (colour, word) = match (all, sent.is_old) {
        (true, _) => (Colour::Good, "uploaded"),
        (false, false) => (Colour::Doubtful, "uploaded in part"),
        (false, true) => (Colour::Doubtful, "uploaded in part before, and nothing new can be sent"),
    };
    writeln!(screen, "{name}: {} {}", screen.paint(colour, word), clean(&sent.page))?;
    let before = match sent.rows_before {
        0 => String::new(),
        before => format!(" ({before} of them since an earlier upload)"),
    };
    let rows = count(sent.rows, "row");
    writeln!(screen, "  {rows} in the log, {} on the server{before}", sent.rows_there)?;
    let there = count(sent.files.there.len() as u64, "file");
    let exit = sent.exit_code.map_or("no exit record: failed".to_owned(), |code| format!("exit code {code}"));
    writeln!(screen, "  {there}, {exit}")?;
    for name in &sent.files.missing {
        writeln!(screen, "  not there any more: `{}`", clean(name))?;
    }
    for name in &sent.files.changed {
        let name = clean(name);
        writeln!(
            screen,
            "  not sent: `{name}` was written to after the run's end, and the run does not hold its own version"
        )?;
    }
    for failed in &sent.files.failed {
        writeln!(screen, "  file not sent: {}", clean(failed))?;
    }
    for refused in &sent.refused_alerts {
        writeln!(screen, "  alert not sent: {}", clean(refused))?;
    }
    if sent.lines_too_long > 0 {
        writeln!(screen, "  {} longer than a server takes, left out", count(sent.lines_too_long, "line"))?;
    }
    for (records, what) in [(sent.artifacts, "artifact record"), (sent.tensorboard, "TensorBoard record")] {
        if records > 0 {
            let records = count(records, what);
            writeln!(screen, "  {records} not uploaded, which this version cannot: use `wandb sync`")?;
        }
    }
    if let Some(damage) = &sent.damage {
        writeln!(screen, "  only up to where it is whole: {}", clean(&damage.text))?;
    }
    Ok(match (&sent.damage, all) {
        (_, true) if sent.files.changed.is_empty() => FINE,
        (_, true) => UNFINISHED,
        (None, false) if sent.files.failed.is_empty() => UNFINISHED,
        (Some(damage), false) if damage.torn => UNFINISHED,
        _ => FAILED,
    })
}
