//! How uploads come on: a bar for each in a terminal, otherwise a line every few seconds.

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::super::complain;
use super::super::text::{clean, count, fit, fit_end, left};
use crate::shown::duration;

/// Time between two lines of the same upload.
const SAY_EVERY: Duration = Duration::from_secs(3);

/// Files of which it is worth a line that they are sent.
const MANY_FILES: u64 = 16;

/// Columns of a name before its bar.
const NAME: usize = 36;

/// Columns of what is wrong behind a bar.
const CAUSE: usize = 60;

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
    /// An attempt failed, and why, and after which time there is another one.
    Trouble(String, Duration),
    /// The one after it succeeded.
    Well,
}

/// Where it is told.
pub(super) struct Display<'a> {
    err: &'a mut dyn Write,
    form: Form,
}

enum Form {
    Quiet,
    Lines(HashMap<String, Said>),
    Bars(MultiProgress, HashMap<String, Bar>),
}

/// What was said of an upload.
struct Said {
    /// When the last line was.
    last: Instant,
    /// What is wrong, and until when there is no need to say it again.
    trouble: Option<(String, Instant)>,
}

/// The bar of an upload.
struct Bar {
    bar: ProgressBar,
    /// What stands behind it when nothing is wrong.
    message: String,
}

impl Bar {
    fn say(&mut self, message: String) {
        self.bar.set_message(message.clone());
        self.message = message;
    }
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

    /// Where only what is wrong is told.
    pub(super) fn lines(quiet: bool, err: &'a mut dyn Write) -> Self {
        Self { err, form: if quiet { Form::Quiet } else { Form::Lines(HashMap::new()) } }
    }

    /// An upload came on.
    pub(super) fn step(&mut self, name: &str, step: &Step) {
        match &mut self.form {
            Form::Quiet => {}
            Form::Lines(last) => say(self.err, last, name, step),
            Form::Bars(all, bars) => {
                let bar = bars
                    .entry(name.to_owned())
                    .or_insert_with(|| Bar { bar: all.add(new_bar(name)), message: count(0, "row") });
                match step {
                    Step::Length(bytes) => bar.bar.set_length(*bytes),
                    Step::Begun(_) => bar.bar.tick(),
                    Step::Read(bytes) => bar.bar.set_position(*bytes),
                    Step::Rows(rows) => bar.say(count(*rows, "row")),
                    Step::Files(files) => bar.say(format!("{}, {}", bar.message, count(*files, "file"))),
                    Step::Trouble(cause, wait) => {
                        let cause = format!("again in {}: {}", duration(wait.as_secs_f64()), clean(cause));
                        bar.bar.set_message(fit(&cause, CAUSE).into_owned());
                    }
                    Step::Well => bar.bar.set_message(bar.message.clone()),
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
                if let Some(Bar { bar, .. }) = bars.remove(name) {
                    bar.finish_and_clear();
                    all.remove(&bar);
                }
                all.suspend(|| write(self.err))
            }
        }
    }
}

/// A line, if there is something to say, and not every moment.
fn say(err: &mut dyn Write, said: &mut HashMap<String, Said>, name: &str, step: &Step) {
    let now = Instant::now();
    let said = said.entry(name.to_owned()).or_insert(Said { last: now, trouble: None });
    match step {
        Step::Begun(page) => complain(err, format_args!("{name}: {}\n", clean(page))),
        Step::Rows(rows) => {
            if said.last.elapsed() >= SAY_EVERY {
                said.last = now;
                complain(err, format_args!("{name}: {} so far\n", count(*rows, "row")));
            }
        }
        Step::Files(files) if *files > MANY_FILES => {
            complain(err, format_args!("{name}: {}\n", count(*files, "file")));
        }
        // Several requests may wait for the same.
        Step::Trouble(cause, wait)
            if said.trouble.as_ref().is_none_or(|(told, until)| told != cause || *until <= now) =>
        {
            let in_time = duration(wait.as_secs_f64());
            complain(err, format_args!("{name}: {}; next attempt in {in_time}\n", clean(cause)));
            said.trouble = Some((cause.clone(), now + *wait));
        }
        Step::Well if said.trouble.take().is_some() => {
            complain(err, format_args!("{name}: goes on\n"));
        }
        Step::Length(_) | Step::Files(_) | Step::Read(_) | Step::Trouble(..) | Step::Well => {}
    }
}

fn new_bar(name: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:20}] {percent:>3} % of {total_bytes}, {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
    ProgressBar::new(0).with_style(style).with_prefix(left(&fit_end(name, NAME), NAME)).with_message("0 rows")
}
