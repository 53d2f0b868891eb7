//! `ups-track export`: rows, summary, config or console for other programs.

mod csv;
mod output;

use std::io::{self, Write};
use std::path::Path;

use super::args::{Export, Format, What};
use super::row::{self, Cell};
use super::screen::Screen;
use super::story::{self, Detail};
use super::text::clean;
use super::{FAILED, FINE, Failure, UNFINISHED, complain, find};
use crate::log::ReadError;
use crate::log::record::{Kind, OutputRaw, Timestamp};
use crate::tree::Tree;
use crate::{harmless, json};
use output::Output;

/// Exports what was asked for.
pub(super) fn export(
    args: &Export,
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    let log = find::find_one(&args.path)?;
    let trouble = match &args.output {
        Some(path) if path.as_os_str() != "-" => {
            let mut output = Output::create(path)?;
            let trouble = write(&log, args, &mut output).map_err(|e| output::fault(path, e))?;
            if !matches!(&trouble, Some(e) if is_nothing(e)) {
                output.complete()?;
            }
            trouble
        }
        _ => write(&log, args, screen)?,
    };
    let Some(e) = trouble else { return Ok(FINE) };
    let said = match &e {
        ReadError::Io { path, source } => format!("error: cannot read `{}`: {source}", path.display()),
        e if is_nothing(e) => format!("error: `{}` is not a W&B log; nothing was exported", log.display()),
        e if e.is_torn() => format!(
            "warning: `{}` is torn at byte {}, as after a crash; everything before was exported",
            log.display(),
            e.offset().unwrap_or(0)
        ),
        e => format!("error: {e}; only what comes before was exported"),
    };
    complain(err, format_args!("{}\n", clean(&said)));
    Ok(if e.is_torn() && !is_nothing(&e) { UNFINISHED } else { FAILED })
}

/// Whether there was no log to read at all.
fn is_nothing(e: &ReadError) -> bool {
    e.offset().is_none_or(|offset| offset == 0)
}

/// Writes a log; gives what kept it from being read to its end.
fn write(log: &Path, args: &Export, out: &mut impl Write) -> io::Result<Option<ReadError>> {
    match (args.what, args.format) {
        (What::History, Format::Jsonl) => each_row(log, u64::MAX, &mut |cells| {
            let object: Vec<String> = cells.iter().map(|(k, v)| format!("{}:{v}", json::quoted(k))).collect();
            writeln!(out, "{{{}}}", harmless::json(&object.join(",")))
        }),
        (What::History, Format::Csv) => csv::history(log, out),
        (What::Console, format) => console(log, format, out),
        (what @ (What::Summary | What::Config), format) => {
            let mut story = match story::read(log, Detail { values: true, ..Detail::default() }) {
                Ok(story) => story,
                Err(e) => return Ok(Some(e)),
            };
            if !story.damage.as_ref().is_some_and(is_nothing) {
                // What W&B keeps in the config for itself is no config of the run.
                story.config.drop_own();
                values(if what == What::Config { &story.config } else { &story.summary }, format, out)?;
            }
            Ok(story.damage)
        }
    }
}

/// Writes a summary or config.
fn values(tree: &Tree, format: Format, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Jsonl => writeln!(out, "{}", harmless::json(&tree.to_json())),
        Format::Csv => {
            csv::line(out, &["\"key\"", "\"value\""])?;
            for (key, value) in tree.leaves() {
                csv::line(out, &[&json::quoted(&key), &value])?;
            }
            Ok(())
        }
    }
}

/// Visits the rows in order, at most `most` of them; gives what kept the log from being read to its end.
fn each_row(
    log: &Path,
    most: u64,
    each: &mut dyn FnMut(&[Cell]) -> io::Result<()>,
) -> io::Result<Option<ReadError>> {
    let mut rows = 0;
    each_kind(log, &mut |kind| {
        if let Kind::History(row) = kind {
            if rows == most {
                return Ok(());
            }
            rows += 1;
            each(&row::cells(&row))?;
        }
        Ok(())
    })
}

fn each_kind(log: &Path, each: &mut dyn FnMut(Kind) -> io::Result<()>) -> io::Result<Option<ReadError>> {
    let entries = match story::open(log) {
        Ok(entries) => entries,
        Err(e) => return Ok(Some(e)),
    };
    for entry in entries {
        match entry {
            Ok(entry) => entry.record.kind.map_or(Ok(()), &mut *each)?,
            Err(e) => return Ok(Some(e)),
        }
    }
    Ok(None)
}

/// Writes the console output, piece by piece.
fn console(log: &Path, format: Format, out: &mut impl Write) -> io::Result<Option<ReadError>> {
    let mut begun = false;
    each_kind(log, &mut |kind| {
        let output = match kind {
            Kind::OutputRaw(output) => output,
            Kind::OutputLogger(logger) => {
                OutputRaw { output_type: 1, timestamp: None, line: logger.line + "\n" }
            }
            _ => return Ok(()),
        };
        let time = output.timestamp.map_or_else(|| "null".to_owned(), seconds);
        let stream = if output.output_type == 1 { "\"stdout\"" } else { "\"stderr\"" };
        let text = json::quoted(&output.line);
        match format {
            Format::Jsonl => {
                let text = harmless::json(&text);
                writeln!(out, "{{\"timestamp\":{time},\"stream\":{stream},\"text\":{text}}}")
            }
            Format::Csv => {
                if !std::mem::replace(&mut begun, true) {
                    csv::line(out, &["\"timestamp\"", "\"stream\"", "\"text\""])?;
                }
                csv::line(out, &[&time, stream, &text])
            }
        }
    })
}

/// A moment in seconds since 1970.
fn seconds(time: Timestamp) -> String {
    format!("{}.{:06}", time.seconds, time.nanos.clamp(0, 999_999_999) / 1000)
}
