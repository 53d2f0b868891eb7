//! `ups-track show`: what a run holds, for people.

mod metrics;
mod tables;
mod values;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use super::args::Show;
use super::find::{self, Found};
use super::merge;
use super::screen::{Colour, Screen};
use super::story::{self, Detail, Story};
use super::text::{self, clean, count, fit, fit_end, left};
use super::{FAILED, FINE, Failure, complain};
use crate::log::ReadError;
use crate::os::{self, LocalTime};
use crate::shown::{bytes, duration};
use values::Values;

/// Lines of a list before the rest is summed up, without `--all`.
const LISTED: usize = 16;

/// Columns of the state in a list of runs.
const STATE: usize = 18;

/// Shows everything that was asked for; gives the worst exit code.
pub(super) fn show(args: &Show, screen: &mut Screen<impl Write>, err: &mut dyn Write) -> Result<u8, Failure> {
    let mut code = FINE;
    let mut blank = false;
    for path in find::or_default(&args.paths) {
        match find::find(&path) {
            Ok(Found::Run(logs)) => {
                for log in logs {
                    if std::mem::replace(&mut blank, true) {
                        writeln!(screen)?;
                    }
                    code = code.max(one(&log, args, screen, err)?);
                }
            }
            Ok(Found::Runs { dir, logs }) => code = code.max(list(&dir, &logs, screen)?),
            Err(e) => {
                complain(err, format_args!("error: {}\n", clean(&e.to_string())));
                code = FAILED;
            }
        }
    }
    Ok(code)
}

/// One line per run.
fn list(dir: &Path, logs: &[std::path::PathBuf], screen: &mut Screen<impl Write>) -> io::Result<u8> {
    let mut code = FINE;
    writeln!(screen, "{} in {}", count(logs.len() as u64, "run"), clean(&dir.display().to_string()))?;
    for log in logs {
        let (state, line) = match story::read(log, Detail::default()) {
            Ok(story) if is_broken(&story) => {
                code = FAILED;
                let said = damage(&story).unwrap_or_default();
                let said = format!("{}: {said}", log.display());
                (screen.paint(Colour::Bad, &left("damaged", STATE)), said)
            }
            Ok(story) => {
                let run = story.run.as_deref();
                let id = run.map_or("?", |run| run.run_id.as_str());
                let name = run.map_or("", |run| run.display_name.as_str());
                let (colour, state) = state(&story);
                let time = story.seconds().map(duration).unwrap_or_default();
                let started = started(&story);
                let rows = count(story.rows, "row");
                let what = format!("{started}  {time:>11}  {rows:>12}  {id} {name}");
                (screen.paint(colour, &left(&state, STATE)), what)
            }
            Err(e) => {
                code = FAILED;
                (screen.paint(Colour::Bad, &left("unreadable", STATE)), e.to_string())
            }
        };
        writeln!(screen, "  {state} {}", fit(&clean(&line), screen.room()))?;
    }
    writeln!(screen, "Show one of them by its id or directory: ups-track show ID")?;
    Ok(code)
}

/// One run.
fn one(log: &Path, args: &Show, screen: &mut Screen<impl Write>, err: &mut dyn Write) -> Result<u8, Failure> {
    let detail = Detail { rows: args.rows, console: args.console, values: true };
    let mut story = match story::read(log, detail) {
        Ok(Story { records: 0, damage: Some(e), .. }) | Err(e) => {
            complain(err, format_args!("error: {}\n", clean(&why_nothing(log, &e))));
            return Ok(FAILED);
        }
        Ok(story) => story,
    };
    if !args.all {
        story.config.drop_own();
        story.summary.drop_own();
    }
    print(&story, args, screen)?;
    Ok(if is_broken(&story) { FAILED } else { FINE })
}

/// Why a log gave no record at all.
fn why_nothing(log: &Path, e: &ReadError) -> String {
    let log_name = log.display();
    match e {
        ReadError::Io { source, .. } => format!("cannot read `{log_name}`: {source}"),
        e if e.is_torn() && fs::metadata(log).is_ok_and(|meta| meta.len() == 0) => {
            format!("`{log_name}` is empty: no run was recorded in it")
        }
        e if e.is_torn() => format!("`{log_name}` ends before its first record: no run was recorded in it"),
        e if e.offset() == Some(0) => {
            format!("`{log_name}` is not a W&B log; give a `.wandb` file or a directory with one")
        }
        e => e.to_string(),
    }
}

/// Whether more is wrong than the torn end that a crash leaves.
fn is_broken(story: &Story) -> bool {
    story.damage.as_ref().is_some_and(|e| !e.is_torn() || story.records == 0)
}

/// What is wrong with a log, without its path.
fn damage(story: &Story) -> Option<String> {
    Some(match story.damage.as_ref()? {
        e if e.is_torn() => format!("torn at byte {}, as after a crash", e.offset().unwrap_or(0)),
        ReadError::Damaged { offset, damage, .. } => format!("damaged at byte {offset}: {damage}"),
        ReadError::Io { source, .. } => format!("cannot be read: {source}"),
    })
}

/// The state of a run in a word or two.
fn state(story: &Story) -> (Colour, String) {
    match story.exit {
        Some(exit) if exit.exit_code == 0 => (Colour::Good, "finished".into()),
        Some(exit) => (Colour::Bad, format!("failed, code {}", exit.exit_code)),
        None => (Colour::Doubtful, "running or killed".into()),
    }
}

/// The local time of the start, `2026-01-01 12:00:00`.
fn started(story: &Story) -> String {
    start(story).map_or_else(|| "?".into(), |seconds| date_time(os::local_time(seconds)))
}

/// The start in local time and, where that differs, in UTC.
fn started_twice(story: &Story) -> String {
    let Some(seconds) = start(story) else { return "?".into() };
    let (local, utc) = (os::local_time(seconds), os::utc(seconds));
    if local == utc {
        format!("{} UTC", date_time(utc))
    } else {
        format!("{} ({} UTC)", date_time(local), date_time(utc))
    }
}

/// The start in seconds since 1970.
fn start(story: &Story) -> Option<u64> {
    let start = story.run.as_ref().and_then(|run| run.start_time)?;
    u64::try_from(start.seconds).ok()
}

fn date_time(t: LocalTime) -> String {
    format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second)
}

fn print(story: &Story, args: &Show, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let values = Values::new(story, args.all);
    head(story, screen)?;
    values.children(screen)?;
    values.stages(screen)?;
    values.config(story, screen)?;
    values.summary(screen)?;
    values.best(screen)?;
    metrics::metrics(story, args.all, screen)?;
    tables::rows(story, screen)?;
    if args.all {
        tables::definitions(story, screen)?;
    }
    tables::alerts(story, screen)?;
    tables::files(story, args.all, screen)?;
    tables::console(story, screen)?;
    values.trouble(screen)?;
    tail(story, screen)
}

/// The first lines of a long section, and how many there are beyond them.
fn some(mut lines: Vec<String>, all: bool) -> Vec<String> {
    if !all && lines.len() > LISTED + 1 {
        let more = lines.len() - LISTED;
        lines.truncate(LISTED);
        lines.push(format!("and {more} more (--all)"));
    }
    lines
}

/// The width of a column that holds these, at most `most`.
fn column<S: AsRef<str>>(cells: &[S], most: usize) -> usize {
    cells.iter().map(|cell| text::width(cell.as_ref())).max().unwrap_or(0).min(most)
}

fn head(story: &Story, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let (colour, state) = state(story);
    let state = screen.paint(colour, &state);
    let Some(run) = story.run.as_deref() else {
        return writeln!(screen, "no run in this log  {state}");
    };
    let name = if run.display_name.is_empty() { run.run_id.clone() } else { run.display_name.clone() };
    let id = if run.display_name.is_empty() { String::new() } else { format!(" ({})", run.run_id) };
    let name = screen.paint(Colour::Strong, &clean(&name));
    writeln!(screen, "{name}{}  {state}", clean(&id))?;
    let mut place = Vec::new();
    for (label, value) in [
        ("project", &run.project),
        ("entity", &run.entity),
        ("group", &run.run_group),
        ("job type", &run.job_type),
    ] {
        if !value.is_empty() {
            place.push(format!("{label} {}", clean(value)));
        }
    }
    if !run.tags.is_empty() {
        place.push(format!("tags {}", clean(&run.tags.join(", "))));
    }
    if !place.is_empty() {
        screen.section("run", [fit(&place.join(" · "), screen.room())])?;
    }
    if !run.notes.is_empty() {
        let room = screen.room();
        screen.section("notes", run.notes.lines().map(|line| fit(&clean(line), room).into_owned()))?;
    }
    let took = story.seconds().map(|s| format!(", {}", duration(s))).unwrap_or_default();
    screen.section("started", [format!("{}{took}", started_twice(story))])?;
    let Some(e) = story.environment.as_deref() else { return Ok(()) };
    let program = [e.program.as_str(), &e.args.join(" ")].join(" ");
    let host = if e.host.is_empty() { String::new() } else { format!(" on {}", e.host) };
    let line = clean(&format!("{}{host}", program.trim())).into_owned();
    screen.section("program", Some(fit(&line, screen.room())).filter(|line| !line.trim().is_empty()))
}

/// The log itself: what is in it, where it is, and where it is damaged.
fn tail(story: &Story, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let mut holds = format!("{}, {}", count(story.rows, "row"), bytes(story.bytes));
    if story.unknown > 0 {
        holds = format!("{holds}, {} of unknown kind skipped", count(story.unknown, "record"));
    }
    if !story.producer.is_empty() {
        holds = format!("{holds}, by {}", producer(&story.producer));
    }
    let path = story.path.display().to_string();
    let room = screen.room();
    let lines = [fit(&holds, room).into_owned(), fit_end(&clean(&path), room).into_owned()];
    let written = story.exit.is_none().then(|| last_written(story)).flatten();
    screen.section("log", lines.into_iter().chain(written))?;
    let unmerged = merge::unmerged(&story.path);
    screen.section("children", unmerged.map(|text| fit(&clean(&text), room).into_owned()))?;
    let Some(said) = damage(story) else { return Ok(()) };
    let colour = if is_broken(story) { Colour::Bad } else { Colour::Doubtful };
    let said = screen.paint(colour, &fit(&clean(&said), screen.room()));
    screen.section("damage", [said.as_str(), "everything before was read"])
}

/// Who wrote the log. W&B's client tells only its version and commit.
fn producer(text: &str) -> String {
    let text = text.split('+').next().unwrap_or(text);
    let who = if text.starts_with(|c: char| c.is_ascii_digit()) { "wandb " } else { "" };
    format!("{who}{}", clean(text))
}

/// How long ago a log without an end was written: what tells a run that is going on from one that was killed.
fn last_written(story: &Story) -> Option<String> {
    let written = fs::metadata(&story.path).and_then(|meta| meta.modified()).ok()?;
    let ago = SystemTime::now().duration_since(written).ok()?;
    Some(format!("last written {} ago", duration(ago.as_secs_f64())))
}
