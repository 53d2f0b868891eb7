//! The metrics: how each went, and where it ended.

use std::io::{self, Write};

use super::{column, some};
use crate::cli::screen::{Colour, Screen};
use crate::cli::series::Series;
use crate::cli::story::Story;
use crate::cli::text::{clean, count, fit, fit_end, left, right, value};
use crate::shown::{short, sparkline};

/// Columns of a sparkline.
const CHART: usize = 24;

/// Columns of the last value, if it is a number.
const NUMBER: usize = 10;

/// Shows every metric but those that others are charted against.
pub(super) fn metrics(story: &Story, all: bool, screen: &mut Screen<impl Write>) -> io::Result<()> {
    let wanted = |name: &str| all || !name.starts_with('_') && !story.is_step(name);
    let shown: Vec<&Series> = story.series.iter().filter(|series| wanted(&series.name)).collect();
    let names: Vec<_> = shown.iter().map(|series| clean(&series.name)).collect();
    let rows: Vec<_> = shown.iter().map(|series| count(series.rows, "row")).collect();
    let ranges: Vec<_> = shown.iter().map(|series| range(series)).collect();
    let (rows_width, range_width) = (column(&rows, 20), column(&ranges, 24));
    let room = screen.room();
    let base = CHART + NUMBER + rows_width + 6;
    let widest = column(&names, room.saturating_sub(base).max(8));
    // The range is what a narrow screen goes without.
    let with_range = room >= base + widest + 2 + range_width;
    let mut lines = Vec::new();
    for (at, series) in shown.iter().enumerate() {
        let name = names.get(at).map(|name| left(&fit_end(name, widest), widest)).unwrap_or_default();
        let last = value(&series.last);
        let (chart, last) = if series.thumbnail().is_empty() {
            // What is no number may have the chart's place as well.
            (String::new(), left(&fit(&last, CHART + 2 + NUMBER), CHART + 2 + NUMBER))
        } else {
            let chart = screen.paint(Colour::Chart, &left(&sparkline(series.thumbnail(), CHART), CHART));
            (chart + "  ", right(&fit(&last, NUMBER), NUMBER))
        };
        let rows = rows.get(at).map(|rows| right(rows, rows_width)).unwrap_or_default();
        let range = ranges.get(at).filter(|_| with_range).map(|range| screen.paint(Colour::Faint, range));
        lines.push(format!("{name}  {chart}{last}  {rows}  {}", range.unwrap_or_default()));
    }
    screen.section("metrics", some(lines, all))
}

/// The lowest and highest value, unless they tell nothing.
fn range(series: &Series) -> String {
    match series.range {
        Some((low, high)) if low < high => format!("{} to {}", short(low), short(high)),
        _ => String::new(),
    }
}
