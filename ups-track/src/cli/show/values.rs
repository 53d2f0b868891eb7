//! Config and summary, and what the summary tells of stages and best values.

use std::io::{self, Write};

use super::{column, some};
use crate::cli::row::{Cell, collapse};
use crate::cli::screen::{Colour, Screen};
use crate::cli::story::Story;
use crate::cli::text::{clean, fit, fit_end, left, value};
use crate::json;
use crate::shown::duration;

/// The summary, sorted into what it is about.
#[derive(Debug)]
pub(super) struct Values {
    children: Vec<Part>,
    stages: Vec<Part>,
    best: Vec<Best>,
    /// What ups-track has counted: lost, refused, not finite.
    trouble: Vec<Cell>,
    summary: Vec<Cell>,
    all: bool,
}

/// A stage or a child process.
#[derive(Debug)]
struct Part {
    name: String,
    status: String,
    seconds: Option<f64>,
    /// More about it: how often a stage was called, which exit code a child had.
    more: Option<String>,
}

/// The best value of a metric, with the other values of its row.
#[derive(Debug)]
struct Best {
    metric: String,
    value: String,
    row: Vec<(String, String)>,
}

/// What a stage's `status` says; another value is a summary value of the user's.
const STATUS: [&str; 5] = ["running", "ok", "error", "panic", "cancelled"];

impl Values {
    pub(super) fn new(story: &Story, all: bool) -> Self {
        let mut left = collapse(story.summary.leaves());
        let children = take_children(&mut left);
        let stages = take_stages(&mut left);
        let best = take_best(&mut left);
        let (trouble, mut summary): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|(key, _)| key.starts_with("ups_track/"));
        if !all {
            // What is only the last value of a metric stands with the metrics.
            let is_last =
                |key: &str, value: &str| story.series.get(key).is_some_and(|series| series.ends_with(value));
            summary.retain(|(key, value)| !story.is_step(key) && !is_last(key, value));
        }
        Self { children, stages, best, trouble, summary, all }
    }

    pub(super) fn children(&self, screen: &mut Screen<impl Write>) -> io::Result<()> {
        self.parts("children", &self.children, screen)
    }

    pub(super) fn stages(&self, screen: &mut Screen<impl Write>) -> io::Result<()> {
        self.parts("stages", &self.stages, screen)
    }

    /// What has a name, a duration and an outcome.
    fn parts(&self, label: &str, parts: &[Part], screen: &mut Screen<impl Write>) -> io::Result<()> {
        let names: Vec<_> = parts.iter().map(|part| clean(&part.name)).collect();
        let widest = column(&names, screen.room() / 2);
        let lines = parts.iter().zip(&names).map(|(part, name)| {
            let colour = match part.status.as_str() {
                "ok" | "finished" => Colour::Good,
                "running" | "cancelled" => Colour::Doubtful,
                _ => Colour::Bad,
            };
            let took = part.seconds.map(|s| duration(s.max(0.0))).unwrap_or_default();
            let more = part.more.as_ref().map(|more| format!("  {more}")).unwrap_or_default();
            let name = left(&fit_end(name, widest), widest);
            format!("{name}  {took:>11}  {}{more}", screen.paint(colour, &clean(&part.status)))
        });
        let lines = some(lines.collect(), self.all);
        screen.section(label, lines)
    }

    pub(super) fn config(&self, story: &Story, screen: &mut Screen<impl Write>) -> io::Result<()> {
        let mut entries = Vec::new();
        story.config.walk(0, &mut |level, key, json| {
            let key = format!("{}{}", "  ".repeat(level.min(8)), clean(key));
            entries.push((key, json.map(value).unwrap_or_default()));
        });
        self.pairs("config", &entries, screen)
    }

    pub(super) fn summary(&self, screen: &mut Screen<impl Write>) -> io::Result<()> {
        let entries = self.summary.iter().map(|(key, json)| (clean(key).into_owned(), value(json)));
        self.pairs("summary", &entries.collect::<Vec<_>>(), screen)
    }

    pub(super) fn best(&self, screen: &mut Screen<impl Write>) -> io::Result<()> {
        let entries = self.best.iter().map(|best| {
            let step = best.row.iter().find(|(key, _)| key == "step");
            let step = step.map(|(_, step)| format!(" at step {step}")).unwrap_or_default();
            let others = best.row.iter().filter(|(key, _)| key != "step");
            let first = format!("{}{step}", best.value);
            let parts = std::iter::once(first).chain(others.map(|(key, value)| format!("{key} {value}")));
            (best.metric.clone(), parts.collect::<Vec<_>>().join(", "))
        });
        self.pairs("best", &entries.collect::<Vec<_>>(), screen)
    }

    /// What ups-track has counted.
    pub(super) fn trouble(&self, screen: &mut Screen<impl Write>) -> io::Result<()> {
        let lines = self.trouble.iter().map(|(key, json)| {
            let key = clean(key.trim_start_matches("ups_track/")).into_owned();
            let count = value(json);
            let line = match key.split_once('/') {
                Some(("not_finite", metric)) => format!("{metric} was NaN or infinite {count} times"),
                Some(("refused", what)) => format!("{count} {what} refused"),
                _ if key == "dropped" => format!("{count} rows and values lost"),
                _ => format!("{key} {count}"),
            };
            screen.paint(Colour::Doubtful, &fit(&line, screen.room()))
        });
        let lines = some(lines.collect(), self.all);
        screen.section("trouble", lines)
    }

    /// Keys and values in two columns.
    fn pairs(
        &self,
        label: &str,
        entries: &[(String, String)],
        screen: &mut Screen<impl Write>,
    ) -> io::Result<()> {
        let room = screen.room();
        let keys: Vec<_> = entries.iter().map(|(key, _)| key).collect();
        let widest = column(&keys, room / 2);
        let lines = entries.iter().map(|(key, value)| {
            let key = left(&fit_end(key, widest), widest);
            format!("{key}  {}", fit(value, room.saturating_sub(widest + 2)))
        });
        screen.section(label, some(lines.collect(), self.all))
    }
}

/// Takes the stages out of the summary: `<path>/status` with `<path>/duration_s` and `<path>/calls`.
fn take_stages(summary: &mut Vec<Cell>) -> Vec<Part> {
    take_parts(summary, "", "calls", |status, calls| {
        STATUS.contains(&status).then(|| calls.map(|calls| format!("{calls} calls")))
    })
}

/// Takes the child processes out of the summary: `children/<name>/status`, `duration_s`, `exit_code`.
fn take_children(summary: &mut Vec<Cell>) -> Vec<Part> {
    take_parts(summary, "children/", "exit_code", |_, code| {
        Some(code.filter(|code| code != "0").map(|code| format!("exit code {code}")))
    })
}

/// Takes `<prefix><name>/status` with `duration_s` and one more value out of the summary. `more` is asked for each status,
/// and says what to tell of that value; nothing if it is not one of these.
fn take_parts(
    summary: &mut Vec<Cell>,
    prefix: &str,
    third: &str,
    more: impl Fn(&str, Option<String>) -> Option<Option<String>>,
) -> Vec<Part> {
    let part = |(key, json): &Cell| {
        let name = key.strip_suffix("/status")?.strip_prefix(prefix)?;
        let status = json::text(json).filter(|status| more(status, None).is_some())?;
        Some((name.to_owned(), status))
    };
    let found: Vec<_> = summary.iter().filter_map(part).collect();
    let mut take = |name: &str, what: &str| {
        let at = summary.iter().position(|(key, _)| *key == format!("{prefix}{name}/{what}"))?;
        Some(summary.remove(at).1)
    };
    let mut parts = Vec::new();
    for (name, status) in found {
        take(&name, "status");
        let seconds = take(&name, "duration_s").as_deref().and_then(json::number);
        let third = take(&name, third).as_deref().map(value);
        let more = more(&status, third).flatten();
        parts.push(Part { name, status, seconds, more });
    }
    parts
}

/// Takes the best values out of the summary: `<stage>/best_<metric>` with `<stage>/best_<metric>/<other metric>`.
fn take_best(summary: &mut Vec<Cell>) -> Vec<Best> {
    let mut found = Vec::new();
    for (key, json) in &*summary {
        let (stage, name) = key.rsplit_once('/').unwrap_or(("", key));
        let Some(metric) = name.strip_prefix("best_").filter(|metric| !metric.is_empty()) else { continue };
        let below = format!("{key}/");
        let part = |(k, v): &Cell| Some((clean(k.strip_prefix(&below)?).into_owned(), value(v)));
        let row: Vec<_> = summary.iter().filter_map(part).collect();
        // Without the rest of its row it may be anything of the user's.
        if !row.is_empty() {
            let slash = if stage.is_empty() { "" } else { "/" };
            let metric = clean(&format!("{stage}{slash}{metric}")).into_owned();
            found.push((key.clone(), below, Best { metric, value: value(json), row }));
        }
    }
    summary.retain(|(key, _)| !found.iter().any(|(own, below, _)| key == own || key.starts_with(below)));
    found.into_iter().map(|(.., best)| best).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(pairs: &[(&str, &str)]) -> Vec<Cell> {
        pairs.iter().map(|&(key, json)| (key.to_owned(), json.to_owned())).collect()
    }

    #[test]
    fn stages_are_told_from_what_only_looks_like_one() {
        let mut summary = cells(&[
            ("a/calls", "2"),
            ("a/duration_s", "1.5"),
            ("a/status", "\"ok\""),
            ("b/status", "\"sold\""),
        ]);
        let stages = take_stages(&mut summary);
        assert_eq!(stages.len(), 1);
        assert!(
            stages
                .iter()
                .all(|s| s.name == "a" && s.seconds == Some(1.5) && s.more.as_deref() == Some("2 calls"))
        );
        assert_eq!(summary, cells(&[("b/status", "\"sold\"")]));
    }

    #[test]
    fn children_are_told_with_their_exit_codes() {
        let mut summary = cells(&[
            ("children/eval/duration_s", "1"),
            ("children/eval/exit_code", "0"),
            ("children/eval/status", "\"finished\""),
            ("children/train/exit_code", "3"),
            ("children/train/status", "\"failed\""),
        ]);
        let children = take_children(&mut summary);
        let told: Vec<_> =
            children.iter().map(|c| (c.name.as_str(), c.status.as_str(), c.more.as_deref())).collect();
        assert_eq!(told, [("eval", "finished", None), ("train", "failed", Some("exit code 3"))]);
        assert!(summary.is_empty());
    }

    #[test]
    fn a_best_value_has_its_row() {
        let mut summary = cells(&[
            ("a/best_loss", "0.5"),
            ("a/best_loss/lr", "0.1"),
            ("a/best_loss/step", "7"),
            ("best_of_breed", "\"poodle\""),
        ]);
        let best = take_best(&mut summary);
        let told: Vec<_> = best.iter().map(|b| (b.metric.as_str(), b.value.as_str(), b.row.len())).collect();
        assert_eq!(told, [("a/loss", "0.5", 2)]);
        assert_eq!(summary, cells(&[("best_of_breed", "\"poodle\"")]));
    }
}
