//! `ups-track show`: what a run holds, for people.

use std::io::{self, Write};
use std::path::Path;

use super::args::Show;
use super::find::{self, Found};
use super::screen::{Colour, Screen};
use super::story::{self, Detail, Story};
use super::text::{self, clean, count, fit, fit_end, left, right};
use super::{FAILED, FINE, Failure, complain, row};
use crate::log::ReadError;
use crate::log::record::{History, Metric};
use crate::run::end::{bytes, duration, sparkline};
use crate::sys;

/// Lines of a list before the rest is summed up, without `--all`.
const LISTED: usize = 16;

/// Columns of the state in a list of runs.
const STATE: usize = 18;

/// Columns of a sparkline.
const SPARK: usize = 24;

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
        Ok(story) => story,
        Err(e) => {
            complain(err, format_args!("error: {}\n", clean(&e.to_string())));
            return Ok(FAILED);
        }
    };
    if story.records == 0 && story.damage.is_some() {
        complain(err, format_args!("error: `{}` is not a W&B log\n", clean(&log.display().to_string())));
        return Ok(FAILED);
    }
    if !args.all {
        story.config.drop_own();
        story.summary.drop_own();
    }
    print(&story, args, screen)?;
    Ok(if is_broken(&story) { FAILED } else { FINE })
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
    let start = story.run.as_ref().and_then(|run| run.start_time);
    let Some(seconds) = start.and_then(|time| u64::try_from(time.seconds).ok()) else { return "?".into() };
    let t = sys::local_time(seconds);
    format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second)
}

fn print(story: &Story, args: &Show, screen: &mut Screen<impl Write>) -> io::Result<()> {
    head(story, screen)?;
    stages(story, screen)?;
    config(story, args, screen)?;
    summary(story, args, screen)?;
    metrics(story, args, screen)?;
    rows(story, screen)?;
    if args.all {
        screen.section("defined", story.definitions.iter().map(definition))?;
    }
    let alerts = story.alerts.iter().map(|alert| {
        let colon = if alert.text.is_empty() { "" } else { ": " };
        clean(&format!("{:5} {}{colon}{}", alert.level, alert.title, alert.text)).into_owned()
    });
    let room = screen.room();
    screen.section("alerts", alerts.map(|line| fit(&line, room).into_owned()).collect::<Vec<_>>())?;
    files(story, args, screen)?;
    let hidden = story.console.seen() - story.console.lines().count() as u64;
    let first =
        (hidden > 0).then(|| screen.paint(Colour::Faint, &format!("({} before)", count(hidden, "line"))));
    let lines: Vec<String> = story.console.lines().map(|line| fit(line, room).into_owned()).collect();
    if !lines.is_empty() {
        screen.section("console", first.into_iter().chain(lines))?;
    }
    tail(story, screen)
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
        screen.section("run", [place.join(" · ")])?;
    }
    if !run.notes.is_empty() {
        screen.section("notes", run.notes.lines().map(|line| clean(line).into_owned()))?;
    }
    let took = story.seconds().map(|s| format!(", {}", duration(s))).unwrap_or_default();
    screen.section("started", [format!("{}{took}", started(story))])?;
    let Some(e) = story.environment.as_deref() else { return Ok(()) };
    let program = [e.program.as_str(), &e.args.join(" ")].join(" ");
    let host = if e.host.is_empty() { String::new() } else { format!(" on {}", e.host) };
    let line = clean(&format!("{}{host}", program.trim())).into_owned();
    screen.section("program", Some(fit(&line, screen.room())).filter(|line| !line.trim().is_empty()))
}

/// Stages, from the summary values that they leave.
fn stages(story: &Story, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let leaves = story.summary.leaves();
    let of = |key: &str| leaves.iter().find(|(k, _)| k == key).map(|(_, value)| text::value(value));
    let mut lines = Vec::new();
    let found: Vec<&str> = leaves.iter().filter_map(|(key, _)| key.strip_suffix("/status")).collect();
    let width = found.iter().map(|stage| text::width(stage)).max().unwrap_or(0);
    for stage in found {
        let status = of(&format!("{stage}/status")).unwrap_or_default();
        let seconds = of(&format!("{stage}/duration_s")).and_then(|s| s.parse::<f64>().ok());
        let time = right(&seconds.map(duration).unwrap_or_default(), 11);
        let calls = of(&format!("{stage}/calls")).map(|n| format!("  {n} calls")).unwrap_or_default();
        let colour = match status.as_str() {
            "ok" => Colour::Good,
            "running" => Colour::Doubtful,
            _ => Colour::Bad,
        };
        let status = screen.paint(colour, &status);
        lines.push(format!("{}  {time}  {status}{calls}", left(&clean(stage), width)));
    }
    screen.section("stages", lines)
}

fn config(story: &Story, args: &Show, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let mut entries = Vec::new();
    story.config.walk(0, &mut |level, key, value| {
        entries.push((format!("{}{}", "  ".repeat(level.min(8)), clean(key)), value.map(text::value)));
    });
    pairs("config", &entries, args, screen)
}

fn summary(story: &Story, args: &Show, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let of_stage = |key: &str| ["/status", "/duration_s", "/calls"].iter().any(|tail| key.ends_with(tail));
    let leaves = story.summary.leaves();
    let plain = |key: &str, value: &str| story.series.get(key).is_some_and(|series| series.ends_with(value));
    let entries: Vec<_> = leaves
        .into_iter()
        // What is only the last value of a metric stands with the metrics.
        .filter(|(key, value)| args.all || !of_stage(key) && !plain(key, value))
        .map(|(key, value)| (clean(&key).into_owned(), Some(text::value(&value))))
        .collect();
    pairs("summary", &entries, args, screen)
}

/// Keys and values, aligned.
fn pairs(
    label: &str,
    entries: &[(String, Option<String>)],
    args: &Show,
    screen: &mut Screen<impl Write>,
) -> io::Result<()> {
    let most = if args.all { usize::MAX } else { LISTED };
    let more = entries.len().saturating_sub(most);
    let shown = entries.get(..entries.len().min(most)).unwrap_or_default();
    let room = screen.room();
    let width = shown.iter().map(|(key, _)| text::width(key)).max().unwrap_or(0).min(room / 2);
    let lines = shown.iter().map(|(key, value)| match value {
        None => fit(key, room).into_owned(),
        Some(value) => {
            let key = left(&fit_end(key, width), width);
            format!("{key}  {}", fit(value, room.saturating_sub(width + 2)))
        }
    });
    let more = (more > 0).then(|| format!("and {more} more (--all)"));
    screen.section(label, lines.chain(more).collect::<Vec<_>>())
}

fn metrics(story: &Story, args: &Show, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let wanted = |name: &str| args.all || !name.starts_with('_') && !story.is_step(name);
    let list: Vec<_> = story.series.iter().filter(|series| wanted(&series.name)).collect();
    let most = if args.all { usize::MAX } else { LISTED };
    let shown = list.get(..list.len().min(most)).unwrap_or_default();
    let room = screen.room();
    let width = shown.iter().map(|s| text::width(&clean(&s.name))).max().unwrap_or(0);
    let width = width.min(room.saturating_sub(SPARK + 30).max(12));
    let mut lines = Vec::new();
    for series in shown {
        let name = left(&fit_end(&clean(&series.name), width), width);
        let chart = screen.paint(Colour::Chart, &left(&sparkline(series.thumbnail(), SPARK), SPARK));
        let last = text::value(&series.last);
        let range = series.range.filter(|(low, high)| low < high && series.rows > 1);
        let range = range.map(|(low, high)| {
            format!("  {} to {}", crate::run::end::short(low), crate::run::end::short(high))
        });
        let about = screen
            .paint(Colour::Faint, &format!("{}{}", count(series.rows, "row"), range.unwrap_or_default()));
        let tail = room.saturating_sub(width + SPARK + 4);
        lines.push(format!("{name}  {chart}  {}  {about}", left(&fit(&last, tail), 9)));
    }
    if list.len() > shown.len() {
        lines.push(format!("and {} more (--all)", list.len() - shown.len()));
    }
    screen.section("metrics", lines)
}

/// The last rows as a table that fits the screen.
fn rows(story: &Story, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let cells: Vec<Vec<row::Cell>> =
        story.last_rows.iter().map(|row: &History| row::collapse(row::cells(row))).collect();
    let mut names: Vec<&str> = vec!["_step"];
    for (name, _) in cells.iter().flatten() {
        if !name.starts_with('_') && !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut columns: Vec<Vec<String>> = Vec::new();
    let mut used = 0;
    let mut left_out = 0;
    for name in &names {
        let mut column = vec![fit_end(&clean(name), 20).into_owned()];
        for row in &cells {
            let value = row.iter().find(|(key, _)| key == name).map(|(_, value)| text::value(value));
            column.push(fit(&value.unwrap_or_default(), 20).into_owned());
        }
        let width = column.iter().map(|cell| text::width(cell)).max().unwrap_or(0);
        if used + width > screen.room() {
            left_out += 1;
            continue;
        }
        used += width + 2;
        columns.push(column.iter().map(|cell| right(cell, width)).collect());
    }
    let line = |at: usize| columns.iter().filter_map(|c| c.get(at)).cloned().collect::<Vec<_>>().join("  ");
    if cells.is_empty() {
        return Ok(());
    }
    let mut lines = vec![screen.paint(Colour::Faint, &line(0))];
    lines.extend((1..=cells.len()).map(line));
    if left_out > 0 {
        lines.push(screen.paint(Colour::Faint, &format!("({} left out)", count(left_out, "column"))));
    }
    screen.section("last", lines)
}

fn definition(metric: &Metric) -> String {
    let name = if metric.glob_name.is_empty() { &metric.name } else { &metric.glob_name };
    let against = if metric.step_metric.is_empty() {
        String::new()
    } else {
        format!(" against {}", metric.step_metric)
    };
    let words = metric.summary.unwrap_or_default();
    let words: Vec<&str> = [
        (words.min, "min"),
        (words.max, "max"),
        (words.mean, "mean"),
        (words.first, "first"),
        (words.last, "last"),
        (words.none, "none"),
    ]
    .into_iter()
    .filter_map(|(set, word)| set.then_some(word))
    .collect();
    let words = if words.is_empty() { String::new() } else { format!(", summary {}", words.join(",")) };
    let goal = match metric.goal {
        1 => ", goal min",
        2 => ", goal max",
        _ => "",
    };
    clean(&format!("{name}{against}{words}{goal}")).into_owned()
}

fn files(story: &Story, args: &Show, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let folder = story.path.parent().map(|dir| dir.join("files")).unwrap_or_default();
    let most = if args.all { usize::MAX } else { LISTED };
    let mut lines = Vec::new();
    for file in story.files.iter().take(most) {
        let policy = match file.policy {
            0 => "now",
            1 => "end",
            _ => "live",
        };
        // A path that leaves the folder is not looked at.
        let inside = Path::new(&file.path).components().all(|c| matches!(c, std::path::Component::Normal(_)));
        let size = inside.then(|| std::fs::metadata(folder.join(&file.path)).ok()).flatten();
        let size = match size {
            Some(meta) => bytes(meta.len()),
            None => screen.paint(Colour::Bad, "missing"),
        };
        lines.push(format!(
            "{}  {policy}, {size}",
            fit_end(&clean(&file.path), screen.room().saturating_sub(20))
        ));
    }
    if story.files.len() > most {
        lines.push(format!("and {} more (--all)", story.files.len() - most));
    }
    screen.section("files", lines)
}

fn tail(story: &Story, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let producer =
        if story.producer.is_empty() { String::new() } else { format!(", by {}", clean(&story.producer)) };
    let path = story.path.display().to_string();
    let size = format!("{}, {}{producer}", count(story.rows, "row"), bytes(story.bytes));
    screen.section("log", [size, fit_end(&clean(&path), screen.room()).into_owned()])?;
    let Some(said) = damage(story) else { return Ok(()) };
    let said = fit(&clean(&said), screen.room()).into_owned();
    let said = screen.paint(Colour::Bad, &said);
    screen.section("damage", [said.as_str(), "everything before was read"])
}
