//! The end of a run: asking for it, waiting for it, and what is told of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;
use crate::ledger::{LastMetric, LastPart};
use crate::os::clock::Waited;

/// What the writer is asked for.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Request {
    /// Everything recorded before this number was drawn shall be with the operating system.
    pub(crate) flush: u64,
    /// The run shall end, with this exit code.
    pub(crate) finish: Option<i32>,
}

#[derive(Debug, Default)]
struct EndState {
    request: Request,
    /// The last flush that was done.
    flushed: u64,
    /// A wake-up that is not a request: lanes are getting full.
    nudged: bool,
    report: Option<Report>,
    /// Whether somebody does what follows from the end.
    told: bool,
    /// Whether the writer thread is gone without a report.
    gone: bool,
}

/// Where the writer and those who wait for it meet.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    state: Mutex<EndState>,
    to_writer: Condvar,
    to_waiters: Condvar,
}

impl Ending {
    fn lock(&self) -> MutexGuard<'_, EndState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer waits for a request, at most `tick`.
    pub(crate) fn wait(&self, tick: Duration) -> Request {
        let idle = |s: &mut EndState| !s.nudged && s.request.finish.is_none() && s.request.flush == s.flushed;
        let (mut state, _) = self
            .to_writer
            .wait_timeout_while(self.lock(), tick, idle)
            .unwrap_or_else(PoisonError::into_inner);
        state.nudged = false;
        state.request
    }

    /// Wakes the writer.
    pub(crate) fn nudge(&self) {
        self.lock().nudged = true;
        self.to_writer.notify_one();
    }

    /// The writer has done what was asked up to this flush.
    pub(crate) fn stepped(&self, flush: u64) {
        let mut state = self.lock();
        if state.flushed != flush {
            state.flushed = flush;
            self.to_waiters.notify_all();
        }
    }

    /// The writer has completed the log.
    pub(crate) fn finished(&self, report: Report) {
        self.lock().report = Some(report);
        self.to_waiters.notify_all();
    }

    /// Whether the log was completed.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().report.is_some()
    }

    /// The writer thread has ended, by a panic if there is no report.
    pub(crate) fn gone(&self) {
        self.lock().gone = true;
        self.to_waiters.notify_all();
    }

    /// Asks for a flush and waits for it; false if there was none within `patience`.
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        let mut state = self.lock();
        state.request.flush += 1;
        let wanted = state.request.flush;
        self.to_writer.notify_one();
        let state =
            self.await_writer(state, patience, |s| s.flushed < wanted && s.report.is_none() && !s.gone);
        state.flushed >= wanted || state.report.is_some()
    }

    /// Asks for the end, unless somebody did, and waits for it. The first exit code counts.
    pub(crate) fn finish(&self, code: i32, patience: Duration) -> Option<Report> {
        let mut state = self.lock();
        state.request.finish.get_or_insert(code);
        self.to_writer.notify_one();
        self.await_writer(state, patience, |s| s.report.is_none() && !s.gone).report.clone()
    }

    /// Whether what follows from the end is the caller's to do: it is the first one's who asks, once there is a report.
    pub(crate) fn is_first_to_tell(&self) -> bool {
        let mut state = self.lock();
        state.report.is_some() && !std::mem::replace(&mut state.told, true)
    }

    /// Waits for the writer, while `waiting`.
    fn await_writer<'s>(
        &'s self,
        mut state: MutexGuard<'s, EndState>,
        patience: Duration,
        waiting: impl Fn(&mut EndState) -> bool,
    ) -> MutexGuard<'s, EndState> {
        let mut waited = Waited::begin();
        while waiting(&mut state)
            && let Some(slice) = waited.next(patience)
        {
            (state, _) = self.to_waiters.wait_timeout(state, slice).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }
}

/// What the writer tells at the end.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) exit_code: i32,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) lost: u64,
    pub(crate) refused: u64,
    pub(crate) seconds: f64,
    pub(crate) failure: Option<String>,
    pub(crate) stages: Vec<LastPart>,
    pub(crate) children: Vec<LastPart>,
    pub(crate) metrics: Vec<LastMetric>,
    pub(crate) summary: Vec<(String, Scalar)>,
}

/// A finished run: what was recorded and where it is. Printing it gives the lines a person wants to see at the end.
#[derive(Debug, Clone)]
pub struct Finished {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) dir: Option<PathBuf>,
    /// Whether the run is another process's, into which this one recorded.
    pub(crate) attached: bool,
    pub(crate) report: Option<Report>,
    pub(crate) delivery: Delivery,
}

/// What of a run is on the server when it ends.
#[derive(Debug, Clone)]
pub(crate) enum Delivery {
    /// Nothing yet: it was recorded offline.
    Later,
    /// Everything; the run's page.
    #[cfg_attr(not(feature = "online"), expect(dead_code, reason = "only what is online is delivered"))]
    Whole(String),
    /// Not everything.
    #[cfg_attr(not(feature = "online"), expect(dead_code, reason = "only what is online is delivered"))]
    Part { page: Option<String>, why: String },
}

impl Finished {
    /// The run's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The run's directory; none in mode `disabled`.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// Rows of metrics in the log.
    pub fn rows(&self) -> u64 {
        self.report.as_ref().map_or(0, |r| r.rows)
    }

    /// Rows and values that could not be recorded, because the log failed or the run was over.
    pub fn lost(&self) -> u64 {
        self.report.as_ref().map_or(0, |r| r.lost)
    }

    /// Values that were refused because they were of the wrong kind.
    pub fn refused(&self) -> u64 {
        self.report.as_ref().map_or(0, |r| r.refused)
    }

    /// The run's page on the server, if the server knows the run.
    pub fn url(&self) -> Option<&str> {
        match &self.delivery {
            Delivery::Whole(page) => Some(page),
            Delivery::Part { page, .. } => page.as_deref(),
            Delivery::Later => None,
        }
    }

    /// Whether everything that was recorded is on the server.
    pub fn is_uploaded(&self) -> bool {
        matches!(self.delivery, Delivery::Whole(_))
    }

    /// The exit code that was recorded.
    pub fn exit_code(&self) -> i32 {
        self.report.as_ref().map_or(0, |r| r.exit_code)
    }
}

/// Metrics that are listed before the rest is summed up.
const LISTED: usize = 12;

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(report), Some(dir)) = (&self.report, &self.dir) else {
            return write!(f, "run {} was disabled: nothing was recorded", self.id);
        };
        let name = self.name.as_deref().map(|name| format!("{name} ")).unwrap_or_default();
        let outcome = match report.exit_code {
            0 => "finished".to_owned(),
            code => format!("failed with exit code {code}"),
        };
        let who = if self.attached { "child of run" } else { "run" };
        writeln!(f, "{who} {name}({}) {outcome} after {}", self.id, duration(report.seconds))?;
        for (label, parts) in [("children", &report.children), ("stages", &report.stages)] {
            let width = parts.iter().map(|part| part.name.len()).max().unwrap_or(0);
            for (label, part) in labels(label).zip(parts) {
                writeln!(
                    f,
                    "  {label} {:width$}  {:>9}  {}",
                    part.name,
                    duration(part.seconds),
                    part.status
                )?;
            }
        }
        let listed = report.metrics.get(..LISTED.min(report.metrics.len())).unwrap_or_default();
        let width = listed.iter().map(|m| m.name.len()).max().unwrap_or(0);
        for (label, metric) in labels("metrics").zip(listed) {
            let line = sparkline(&metric.thumbnail, 24);
            writeln!(f, "  {label} {:width$}  {line:24}  {}", metric.name, short(metric.last.as_f64()))?;
        }
        if report.metrics.len() > LISTED {
            writeln!(f, "  {:8} and {} more", "", report.metrics.len() - LISTED)?;
        }
        let listed = report.summary.get(..LISTED.min(report.summary.len())).unwrap_or_default();
        let width = listed.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (label, (name, value)) in labels("summary").zip(listed) {
            writeln!(f, "  {label} {name:width$}  {}", scalar(value))?;
        }
        if report.summary.len() > LISTED {
            writeln!(f, "  {:8} and {} more", "", report.summary.len() - LISTED)?;
        }
        if report.lost > 0 || report.refused > 0 {
            writeln!(
                f,
                "  {:8} {} lost, {} refused (see logs/debug.log)",
                "trouble", report.lost, report.refused
            )?;
        }
        if let Some(failure) = &report.failure {
            writeln!(f, "  {:8} the log failed: {failure}", "trouble")?;
        }
        let dir = relative(dir);
        if self.attached {
            return write!(f, "  {:8} {} rows for the run in {}", "log", report.rows, dir.display());
        }
        writeln!(f, "  {:8} {} rows, {} in {}", "log", report.rows, bytes(report.bytes), dir.display())?;
        writeln!(f, "  {:8} ups-track show {}", "look", dir.display())?;
        let dir = dir.display();
        match &self.delivery {
            Delivery::Whole(page) => write!(f, "  {:8} {page}", "run"),
            Delivery::Later => write!(f, "  {:8} ups-track sync {dir} (or: wandb sync {dir})", "upload"),
            Delivery::Part { page, why } => {
                if let Some(page) = page {
                    writeln!(f, "  {:8} {page}", "run")?;
                }
                writeln!(f, "  {:8} not everything is on the server: {why}", "trouble")?;
                write!(f, "  {:8} ups-track sync {dir}", "upload")
            }
        }
    }
}

/// A summary value in a few characters; control characters in text are made visible.
fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Number(Number::F64(v)) => short(*v),
        Scalar::Number(Number::I64(v)) => v.to_string(),
        Scalar::Number(Number::U64(v)) => v.to_string(),
        Scalar::Bool(v) => v.to_string(),
        Scalar::Text(text) => text.chars().take(60).flat_map(char::escape_debug).collect(),
        Scalar::Json(json) if json.get("_type").is_some_and(|kind| kind == "table-file") => {
            let count = |name| json.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
            format!("table of {} rows and {} columns", count("nrows"), count("ncols"))
        }
        Scalar::Json(json) => json.to_string().chars().take(60).collect(),
    }
}

/// The label in the first line, blanks in the others.
fn labels(label: &'static str) -> impl Iterator<Item = String> {
    std::iter::once(format!("{label:8}")).chain(std::iter::repeat(" ".repeat(8)))
}

/// The path as one would type it here.
fn relative(path: &Path) -> &Path {
    std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}

/// A length of time as people say it.
pub(crate) fn duration(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a length of time, for display"
    )]
    let whole = seconds as u64;
    match whole {
        0 => format!("{:.0} ms", seconds * 1e3),
        1..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

/// A size as people say it.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// A number with four digits that count.
pub(crate) fn short(v: f64) -> String {
    if !v.is_finite() {
        return if v.is_nan() {
            "NaN".into()
        } else if v > 0.0 {
            "Infinity".into()
        } else {
            "-Infinity".into()
        };
    }
    if v.fract() == 0.0 && v.abs() < 1e9 {
        return format!("{v:.0}");
    }
    match v.abs() {
        a if (1e-3..1e4).contains(&a) => {
            #[expect(clippy::cast_possible_truncation, reason = "the number of digits before the point")]
            let before = a.log10().floor() as i32;
            let decimals = usize::try_from(3 - before).unwrap_or(0);
            format!("{v:.decimals$}")
        }
        _ => format!("{v:.3e}"),
    }
}

/// Values as a line of blocks, at most `width` wide. What is not finite is left out.
pub(crate) fn sparkline(values: &[f64], width: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let low = finite.iter().copied().fold(f64::INFINITY, f64::min);
    let high = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let columns = finite.len().min(width);
    let mut line = String::new();
    for column in 0..columns {
        let (from, to) = (column * finite.len() / columns, (column + 1) * finite.len() / columns);
        let cell = finite.get(from..to).unwrap_or_default();
        let mean = cell.iter().sum::<f64>() / cell.len() as f64;
        let height = if high > low { (mean - low) / (high - low) * 7.0 } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
        let block = BLOCKS.get(height.round() as usize).copied().unwrap_or('█');
        line.push(block);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_can_read_it() {
        assert_eq!(sparkline(&[0.0, 0.5, 1.0], 8), "▁▅█");
        assert_eq!(sparkline(&[1.0, f64::NAN, 1.0], 8), "▁▁");
        assert_eq!(sparkline(&[], 8), "");
        assert_eq!(sparkline(&(0..100).map(f64::from).collect::<Vec<_>>(), 10).chars().count(), 10);
        assert_eq!(duration(0.012), "12 ms");
        assert_eq!(duration(61.0), "1 min 01 s");
        assert_eq!(duration(7260.0), "2 h 01 min");
        assert_eq!(short(0.012_345_6), "0.01235");
        assert_eq!(short(123.456), "123.5");
        assert_eq!(short(1e-9), "1.000e-9");
        assert_eq!(short(3.0), "3");
    }
}
