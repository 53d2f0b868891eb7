//! How uploads come on: a bar for each in a terminal, otherwise a line every few seconds.

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::super::complain;
use super::super::text::{clean, count, fit_end, left};

/// Time between two lines of the same upload.
const SAY_EVERY: Duration = Duration::from_secs(3);

/// Files of which it is worth a line that they are sent.
const MANY_FILES: u64 = 16;

/// Columns of a name before its bar.
const NAME: usize = 36;

/// How far an upload is.
#[derive(Debug)]
pub(super) enum Step {
    /// The log has so many bytes.
    Length(u64),
    /// The server knows the run; this is its page.
    Begun(String),
    /// So many bytes of the log were read.
    Read(u64),
    /// So many rows of the log are on the server.
    Rows(u64),
    /// So many files are sent now.
    Files(u64),
}

/// Where it is told.
pub(super) struct Display<'a> {
    err: &'a mut dyn Write,
    form: Form,
}

enum Form {
    Quiet,
    /// When the last line of each upload was said.
    Lines(HashMap<String, Instant>),
    Bars(MultiProgress, HashMap<String, ProgressBar>),
}

impl<'a> Display<'a> {
    pub(super) fn new(quiet: bool, err: &'a mut dyn Write) -> Self {
        let bars = MultiProgress::new();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let form = match quiet {
            true => Form::Quiet,
            // Standard error is no terminal.
            false if dumb || bars.is_hidden() => Form::Lines(HashMap::new()),
            false => Form::Bars(bars, HashMap::new()),
        };
        Self { err, form }
    }

    /// An upload came on.
    pub(super) fn step(&mut self, name: &str, step: &Step) {
        match &mut self.form {
            Form::Quiet => {}
            Form::Lines(last) => say(self.err, last, name, step),
            Form::Bars(all, bars) => {
                let bar = bars.entry(name.to_owned()).or_insert_with(|| all.add(new_bar(name)));
                match step {
                    Step::Length(bytes) => bar.set_length(*bytes),
                    Step::Begun(_) => bar.tick(),
                    Step::Read(bytes) => bar.set_position(*bytes),
                    Step::Rows(rows) => bar.set_message(count(*rows, "row")),
                    Step::Files(files) => {
                        bar.set_message(format!("{}, {}", bar.message(), count(*files, "file")));
                    }
                }
            }
        }
    }

    /// An upload has ended: what is to be said about it is written while no bar is in the way.
    pub(super) fn end<T>(&mut self, name: &str, write: impl FnOnce(&mut dyn Write) -> T) -> T {
        match &mut self.form {
            Form::Quiet => write(self.err),
            Form::Lines(last) => {
                last.remove(name);
                write(self.err)
            }
            Form::Bars(all, bars) => {
                if let Some(bar) = bars.remove(name) {
                    bar.finish_and_clear();
                    all.remove(&bar);
                }
                all.suspend(|| write(self.err))
            }
        }
    }
}

/// A line, if there is something to say, and not every moment.
fn say(err: &mut dyn Write, last: &mut HashMap<String, Instant>, name: &str, step: &Step) {
    match step {
        Step::Length(_) => drop(last.insert(name.to_owned(), Instant::now())),
        Step::Begun(page) => complain(err, format_args!("{name}: {}\n", clean(page))),
        Step::Rows(rows) => {
            if let Some(last) = last.get_mut(name).filter(|last| last.elapsed() >= SAY_EVERY) {
                *last = Instant::now();
                complain(err, format_args!("{name}: {} so far\n", count(*rows, "row")));
            }
        }
        Step::Files(files) if *files > MANY_FILES => {
            complain(err, format_args!("{name}: {}\n", count(*files, "file")));
        }
        Step::Files(_) | Step::Read(_) => {}
    }
}

fn new_bar(name: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:20}] {percent:>3} % of {total_bytes}, {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
    ProgressBar::new(0).with_style(style).with_prefix(left(&fit_end(name, NAME), NAME)).with_message("0 rows")
}
