//! `ups-track verify`: reads every byte and says what is wrong.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use super::args::Verify;
use super::screen::{Colour, Screen};
use super::text::{clean, count};
use super::{FAILED, FINE, Failure, UNFINISHED, complain, find, merge, row};
use crate::json;
use crate::log::record::{History, Item, Kind};
use crate::log::{Entry, ReadError, Reader};
use crate::shown::bytes;

/// Faults of one kind that are told one by one.
const TOLD: usize = 5;

/// Verifies everything that was asked for; gives the worst exit code.
pub(super) fn verify(
    args: &Verify,
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    let mut worst = FINE;
    let mut codes = Vec::new();
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
            let audit = audit(&log);
            codes.push(audit.code());
            if !args.quiet || audit.code() != FINE {
                audit.print(screen, &log)?;
            }
        }
    }
    if codes.len() > 1 && !args.quiet {
        let of = |wanted: u8| codes.iter().map(|code| u64::from(*code == wanted)).sum::<u64>();
        writeln!(
            screen,
            "\n{}: {} whole, {} unfinished, {} damaged",
            count(codes.len() as u64, "log"),
            of(FINE),
            of(UNFINISHED),
            of(FAILED)
        )?;
    }
    Ok(codes.into_iter().fold(worst, u8::max))
}

/// What was found in one log.
#[derive(Debug, Default)]
struct Audit {
    kinds: BTreeMap<&'static str, u64>,
    records: u64,
    rows: u64,
    read: u64,
    last_step: Option<f64>,
    last_number: i64,
    has_run: bool,
    has_exit: bool,
    exit_code: i32,
    /// What makes the log wrong.
    faults: Notes,
    /// What is odd, but harms nobody.
    warnings: Notes,
    stop: Option<ReadError>,
}

/// The first few of many.
#[derive(Debug, Default)]
struct Notes {
    told: Vec<String>,
    more: u64,
}

impl Notes {
    fn add(&mut self, note: impl FnOnce() -> String) {
        if self.told.len() < TOLD { self.told.push(note()) } else { self.more += 1 }
    }

    fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        self.told.iter().cloned().chain(more)
    }
}

fn audit(path: &Path) -> Audit {
    let mut audit = Audit::default();
    match Reader::open(path) {
        Ok(mut log) => {
            for entry in log.by_ref() {
                match entry {
                    Ok(entry) => audit.record(entry),
                    Err(e) => audit.stop = Some(e),
                }
            }
            audit.read = log.position();
        }
        Err(e) => audit.stop = Some(e),
    }
    if let Some(unmerged) = merge::unmerged(path) {
        audit.warnings.add(|| clean(&unmerged).into_owned());
    }
    audit
}

impl Audit {
    fn record(&mut self, entry: Entry) {
        let Entry { offset, record, .. } = entry;
        self.records += 1;
        let due = self.last_number + 1;
        if record.num != due {
            self.warnings
                .add(|| format!("record number {} at byte {offset}, where {due} is due", record.num));
        }
        self.last_number = record.num;
        let name = record.kind.as_ref().map_or("unknown", Kind::name);
        *self.kinds.entry(name).or_default() += 1;
        if !self.has_run && !matches!(record.kind, Some(Kind::Run(_) | Kind::Header(_))) {
            // Once is enough: all that follows has the same fault.
            self.has_run = true;
            self.faults
                .add(|| format!("a record of kind {name} at byte {offset} comes before the run record"));
        }
        if self.has_exit {
            self.warnings
                .add(|| format!("a record of kind {name} at byte {offset} comes after the exit record"));
        }
        match record.kind {
            None => self.warnings.add(|| format!("a record of unknown kind at byte {offset}")),
            Some(Kind::Run(run)) => {
                self.has_run = true;
                self.items(offset, run.config.iter().flat_map(|config| &config.update));
            }
            Some(Kind::Exit(exit)) => {
                self.has_exit = true;
                self.exit_code = exit.exit_code;
            }
            Some(Kind::History(row)) => self.row(offset, &row),
            Some(Kind::Config(config)) => self.items(offset, &config.update),
            Some(Kind::Summary(summary)) => self.items(offset, &summary.update),
            Some(_) => {}
        }
    }

    fn items<'item>(&mut self, offset: u64, items: impl IntoIterator<Item = &'item Item>) {
        for item in items {
            if json::number(&item.value_json).is_none() && json::standard(&item.value_json).is_none() {
                self.warnings.add(|| {
                    format!(
                        "the value of `{}` in the record at byte {offset} is not JSON",
                        clean(&row::key(item))
                    )
                });
            }
        }
    }

    fn row(&mut self, offset: u64, row: &History) {
        self.rows += 1;
        self.items(offset, &row.item);
        let step = row.item.iter().rev().find(|item| row::key(item) == "_step");
        let Some(step) = step.and_then(|item| json::number(&item.value_json)) else {
            return self.warnings.add(|| format!("the row at byte {offset} has no `_step`"));
        };
        if let Some(last) = self.last_step.filter(|last| step <= *last || step.is_nan()) {
            self.faults.add(|| format!("`_step` goes from {last} to {step} in the row at byte {offset}"));
        }
        self.last_step = Some(step);
    }

    /// Whether there is nothing of a run: its process was killed at its start.
    fn never_began(&self) -> bool {
        !self.has_run && self.stop.as_ref().is_none_or(ReadError::is_torn)
    }

    fn code(&self) -> u8 {
        match &self.stop {
            _ if !self.faults.is_empty() => FAILED,
            Some(e) if e.is_torn() => UNFINISHED,
            Some(_) => FAILED,
            None if self.has_exit && self.has_run => FINE,
            None => UNFINISHED,
        }
    }

    /// What is to be said of the end, in a few words.
    fn end(&self, path: &Path) -> String {
        match &self.stop {
            _ if self.never_began() => {
                "never began: its process was killed before it recorded anything, or is just starting"
                    .to_owned()
            }
            Some(e) if e.is_torn() => {
                let at = e.offset().unwrap_or(0);
                format!(
                    "torn at byte {at}: everything before was read, {} after it are not whole",
                    left(path, at)
                )
            }
            Some(ReadError::Damaged { offset, damage, .. }) => {
                format!(
                    "damaged at byte {offset}: {damage}; {} from there on were not read",
                    left(path, *offset)
                )
            }
            Some(ReadError::Io { source, .. }) => format!("cannot be read: {source}"),
            None if self.has_exit && self.exit_code == 0 => "finished".to_owned(),
            None if self.has_exit => format!("finished with exit code {}", self.exit_code),
            None => "no exit record: the run is still going on or was killed".to_owned(),
        }
    }

    fn print(&self, screen: &mut Screen<impl Write>, path: &Path) -> io::Result<()> {
        let (colour, word) = match self.code() {
            FINE => (Colour::Good, "whole"),
            UNFINISHED => (Colour::Doubtful, "unfinished"),
            _ => (Colour::Bad, "damaged"),
        };
        let word = screen.paint(colour, word);
        writeln!(screen, "{}: {word}", clean(&path.display().to_string()))?;
        screen.section("end", [clean(&self.end(path))])?;
        let holds =
            format!("{}, {}, {}", count(self.rows, "row"), count(self.records, "record"), bytes(self.read));
        screen.section("read", [holds])?;
        let kinds: Vec<String> = self.kinds.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
        screen.section("kinds", wrap(&kinds, screen.room()))?;
        screen.section("fault", self.faults.lines())?;
        screen.section("warning", self.warnings.lines())
    }
}

/// The bytes from an offset to the end of the file.
fn left(path: &Path, offset: u64) -> String {
    let length = std::fs::metadata(path).map_or(offset, |meta| meta.len());
    count(length.saturating_sub(offset), "byte")
}

/// Words as lines of at most `width` columns.
fn wrap(words: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 2 + word.len() <= width => {
                line.push_str(", ");
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}
