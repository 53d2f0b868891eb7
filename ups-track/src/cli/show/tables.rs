//! The last rows, definitions, alerts, files and console lines.

use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path};

use super::{column, some};
use crate::cli::row::{self, Cell};
use crate::cli::screen::{Colour, Screen};
use crate::cli::story::Story;
use crate::cli::text::{clean, count, fit, fit_end, left, right, value, width};
use crate::log::record::Metric;
use crate::shown::bytes;

/// Columns that one value may take.
const CELL: usize = 16;

/// Shows the last rows as a table, with as many columns as fit.
pub(super) fn rows(story: &Story, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let rows: Vec<Vec<Cell>> = story.last_rows.iter().map(|row| row::collapse(row::cells(row))).collect();
    let mut keys: Vec<&str> = Vec::new();
    for (key, _) in rows.iter().flatten() {
        if !key.starts_with('_') && !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    // What the others are charted against, first.
    keys.sort_by_key(|key| !story.is_step(key));
    let prefix = common_prefix(&keys);
    let mut table = vec![table_column("row", "_step", &rows)];
    let mut used = table.iter().flatten().map(|cell| width(cell)).max().unwrap_or(0);
    for key in &keys {
        let cells = table_column(&clean(key.strip_prefix(prefix).unwrap_or(key)), key, &rows);
        used += 2 + cells.first().map_or(0, |cell| width(cell));
        if used > screen.room() {
            break;
        }
        table.push(cells);
    }
    let left_out = keys.len() + 1 - table.len();
    let line =
        |at: usize| table.iter().filter_map(|column| column.get(at)).cloned().collect::<Vec<_>>().join("  ");
    let mut lines = vec![screen.paint(Colour::Faint, &line(0))];
    lines.extend((1..=rows.len()).map(line));
    let mut notes = Vec::new();
    if !prefix.is_empty() {
        notes.push(format!("all below {}", clean(prefix)));
    }
    if left_out > 0 {
        let columns = if left_out == 1 { "column" } else { "columns" };
        notes.push(format!("{left_out} more {columns}: ups-track export"));
    }
    if !notes.is_empty() {
        let notes = format!("({})", notes.join("; "));
        lines.push(screen.paint(Colour::Faint, &fit(&notes, screen.room())));
    }
    screen.section("last", lines)
}

/// A title and the values of a key, all of one width.
fn table_column(title: &str, key: &str, rows: &[Vec<Cell>]) -> Vec<String> {
    let mut cells = vec![fit_end(title, CELL).into_owned()];
    for row in rows {
        let found = row.iter().find(|(k, _)| k == key).map(|(_, json)| value(json)).unwrap_or_default();
        cells.push(fit(&found, CELL).into_owned());
    }
    let widest = column(&cells, CELL);
    cells.iter().map(|cell| right(cell, widest)).collect()
}

/// The stage that all keys are in, with its slash; empty if there is none.
fn common_prefix<'key>(keys: &[&'key str]) -> &'key str {
    let above = |text: &'key str| match text.trim_end_matches('/').rfind('/') {
        Some(slash) => text.get(..=slash).unwrap_or(""),
        None => "",
    };
    let mut prefix = keys.first().map_or("", |first| above(first));
    while !prefix.is_empty() && !keys.iter().all(|key| key.len() > prefix.len() && key.starts_with(prefix)) {
        prefix = above(prefix);
    }
    prefix
}

/// Shows which metrics are charted against what, and what their summary keeps.
pub(super) fn definitions(story: &Story, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let room = screen.room();
    let name = |metric: &Metric| {
        let name = if metric.glob_name.is_empty() { &metric.name } else { &metric.glob_name };
        clean(name).into_owned()
    };
    let names: Vec<_> = story.definitions.iter().map(name).collect();
    let widest = column(&names, room / 2);
    let lines = story.definitions.iter().zip(&names).map(|(metric, name)| {
        let line = format!("{}  {}", left(&fit_end(name, widest), widest), words(metric));
        fit(&line, room).into_owned()
    });
    screen.section("defined", lines)
}

fn words(metric: &Metric) -> String {
    let mut words = Vec::new();
    if !metric.step_metric.is_empty() {
        words.push(format!("against {}", clean(&metric.step_metric)));
    }
    let kept = metric.summary.unwrap_or_default();
    let kept = [
        (kept.min, "min"),
        (kept.max, "max"),
        (kept.mean, "mean"),
        (kept.best, "best"),
        (kept.first, "first"),
        (kept.last, "last"),
        (kept.none, "none"),
    ];
    let kept: Vec<_> = kept.into_iter().filter_map(|(set, word)| set.then_some(word)).collect();
    if !kept.is_empty() {
        words.push(format!("summary {}", kept.join(",")));
    }
    match metric.goal {
        1 => words.push("goal min".to_owned()),
        2 => words.push("goal max".to_owned()),
        _ => {}
    }
    if metric.options.is_some_and(|options| options.hidden) {
        words.push("hidden".to_owned());
    }
    words.join(", ")
}

/// Shows the last alerts.
pub(super) fn alerts(story: &Story, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let mut lines = Vec::new();
    let earlier = story.alerts_seen.saturating_sub(story.alerts.len() as u64);
    if earlier > 0 {
        lines.push(screen.paint(Colour::Faint, &format!("({} before)", count(earlier, "alert"))));
    }
    for alert in &story.alerts {
        let colour = match alert.level.as_str() {
            "ERROR" => Colour::Bad,
            "WARN" => Colour::Doubtful,
            _ => Colour::Faint,
        };
        let colon = if alert.text.is_empty() { "" } else { ": " };
        let text = format!("{}{colon}{}", alert.title, alert.text);
        let level = left(&fit(&clean(&alert.level), 5), 5);
        let text = fit(&clean(&text), screen.room().saturating_sub(6)).into_owned();
        lines.push(format!("{} {text}", screen.paint(colour, &level)));
    }
    screen.section("alerts", lines)
}

/// Shows the files, their sizes and when they are uploaded.
pub(super) fn files(story: &Story, all: bool, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let folder = story.path.parent().map(|dir| dir.join("files")).unwrap_or_default();
    let names: Vec<_> = story.files.iter().map(|file| clean(&file.path)).collect();
    let widest = column(&names, screen.room().saturating_sub(20));
    let lines = story.files.iter().zip(&names).map(|(file, name)| {
        let policy = match file.policy {
            0 => "now",
            1 => "end",
            _ => "live",
        };
        let size = match size(&folder, Path::new(&file.path)) {
            Some(size) => right(&bytes(size), 10),
            None => screen.paint(Colour::Bad, &right("missing", 10)),
        };
        format!("{}  {size}  {policy}", left(&fit_end(name, widest), widest))
    });
    let lines = some(lines.collect(), all);
    screen.section("files", lines)
}

/// The size of a file below `files/`; none if it is not there. A path that leads out of `files/` is not looked at.
fn size(folder: &Path, name: &Path) -> Option<u64> {
    let below = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let meta = below.then(|| fs::metadata(folder.join(name)).ok()).flatten()?;
    meta.is_file().then_some(meta.len())
}

/// Shows the last lines of the console.
pub(super) fn console(story: &Story, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let room = screen.room();
    let mut lines: Vec<String> = story.console.lines().map(|line| fit(&line, room).into_owned()).collect();
    let earlier = story.console.seen().saturating_sub(lines.len() as u64);
    if earlier > 0 && !lines.is_empty() {
        lines.insert(0, screen.paint(Colour::Faint, &format!("({} before)", count(earlier, "line"))));
    }
    screen.section("console", lines)
}

#[cfg(test)]
mod tests {
    use super::common_prefix;

    #[test]
    fn what_keys_have_in_common() {
        for (keys, want) in [
            (&["a/b/x", "a/b/y"][..], "a/b/"),
            (&["a/b/x", "a/y"], "a/"),
            (&["a/x", "b/x"], ""),
            (&["a/x", "a/"], ""),
            (&["x"], ""),
            (&["/x", "/y"], "/"),
            (&["//", "//x"], ""),
            (&[], ""),
        ] {
            assert_eq!(common_prefix(keys), want, "{keys:?}");
        }
    }
}
