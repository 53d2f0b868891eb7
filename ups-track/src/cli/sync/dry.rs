//! What an upload would send.

use std::io::Write;

use super::super::args::Sync;
use super::super::screen::Screen;
use super::super::text::{clean, count};
use super::super::{FAILED, FINE, Failure, UNFINISHED};
use super::chosen::Log;
use crate::log::Reader;
use crate::log::record::Kind;

/// Says what an upload would send; gives the worst exit code.
pub(super) fn tell(args: &Sync, logs: &[Log], screen: &mut Screen<impl Write>) -> Result<u8, Failure> {
    let mut worst = FINE;
    for log in logs {
        worst = worst.max(one(args, log, screen)?);
        screen.flush()?;
    }
    Ok(worst)
}

fn one(args: &Sync, log: &Log, screen: &mut Screen<impl Write>) -> Result<u8, Failure> {
    let (mut rows, mut run, mut damage) = (0, None, None);
    let reader = Reader::open(&log.path).map_err(|e| Failure::Said(e.to_string()))?;
    for entry in reader {
        match entry.map(|entry| entry.record.kind) {
            Ok(Some(Kind::History(_))) => rows += 1,
            Ok(Some(Kind::Run(first))) if run.is_none() => run = Some(first),
            Ok(_) => {}
            Err(e) => damage = Some(e),
        }
    }
    let Some(run) = run else {
        writeln!(screen, "{}: has no run record, so there is no run to upload", log.name())?;
        return Ok(FAILED);
    };
    let or = |given: &Option<String>, own: &str, none: &str| {
        let own = if own.is_empty() { none } else { own };
        clean(given.as_deref().unwrap_or(own)).into_owned()
    };
    let place = format!(
        "{}/{}/{}",
        or(&args.entity, &run.entity, "(default entity)"),
        or(&args.project, &run.project, "(default project)"),
        or(&args.id, &run.run_id, "")
    );
    writeln!(screen, "{}: would upload {} to {place}", log.name(), count(rows, "row"))?;
    match damage {
        None => Ok(FINE),
        Some(damage) => {
            writeln!(screen, "  only up to where it is whole: {}", clean(&damage.to_string()))?;
            Ok(if damage.is_torn() { UNFINISHED } else { FAILED })
        }
    }
}
