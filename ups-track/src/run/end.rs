//! The end of a run: asking for it, waiting for it, and what is told of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::harmless::{self, clean};
use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;
use crate::ledger::{LastMetric, LastPart};
use crate::os::clock::Waited;
use crate::shown::{bytes, duration, short, sparkline};

/// What the writer is asked for.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Request {
    /// Everything recorded before this number was drawn shall be with the operating system.
    pub(crate) flush: u64,
    /// Everything that children have written before this number was drawn shall be merged.
    pub(crate) merge: u64,
    /// The run shall end, with this exit code.
    pub(crate) finish: Option<i32>,
}

/// The last flush that was done, and whether everything was written then.
#[derive(Debug, Default)]
struct Flushed {
    number: u64,
    is_written: bool,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a step of the end, in no fixed order")]
struct EndState {
    request: Request,
    flushed: Flushed,
    /// A wake-up that is not a request: lanes are getting full.
    nudged: bool,
    report: Option<Report>,
    /// Whether somebody does what follows from the end.
    told: bool,
    /// Whether the writer thread is gone: without a report if it has panicked.
    gone: bool,
    /// Whether what follows the log is done, so that others may have the run.
    closed: bool,
}

/// How long a run's end waits until its writer thread is gone.
const LETTING_GO: Duration = Duration::from_secs(5);

/// Where the writer and those who wait for it meet.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    state: Mutex<EndState>,
    to_writer: Condvar,
    to_waiters: Condvar,
    closing: OnceLock<()>,
}

impl Ending {
    fn lock(&self) -> MutexGuard<'_, EndState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer waits for a request, at most `tick`.
    pub(crate) fn wait(&self, tick: Duration) -> Request {
        let idle =
            |s: &mut EndState| !s.nudged && s.request.finish.is_none() && s.request.flush == s.flushed.number;
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

    /// The writer has done what was asked up to this flush. If it is a new one, `write` tells whether all is written.
    pub(crate) fn stepped(&self, flush: u64, write: impl FnOnce() -> bool) {
        if self.lock().flushed.number != flush {
            let is_written = write();
            let mut state = self.lock();
            state.flushed = Flushed { number: flush, is_written };
            self.to_waiters.notify_all();
        }
    }

    /// The writer has completed the log.
    pub(crate) fn finished(&self, report: Report) {
        self.lock().report = Some(report);
        self.to_waiters.notify_all();
    }

    /// The log is complete. Does `last`, once, whoever calls; then the writer lets go of the run's lock.
    pub(crate) fn close(&self, last: impl FnOnce()) {
        self.closing.get_or_init(|| {
            last();
            let mut state = self.lock();
            state.closed = true;
            self.to_writer.notify_one();
            let waiting = |state: &mut EndState| !state.gone;
            drop(self.to_waiters.wait_timeout_while(state, LETTING_GO, waiting));
        });
    }

    /// The writer waits until the run is closed.
    pub(crate) fn wait_until_closed(&self) {
        let closed = self.to_writer.wait_while(self.lock(), |state| !state.closed);
        drop(closed);
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
        self.flush_with(false, patience)
    }

    /// The same, behind a merge of all that children have written.
    pub(crate) fn merge(&self, patience: Duration) -> bool {
        self.flush_with(true, patience)
    }

    fn flush_with(&self, merge: bool, patience: Duration) -> bool {
        let mut state = self.lock();
        state.request.flush += 1;
        if merge {
            state.request.merge = state.request.flush;
        }
        let wanted = state.request.flush;
        self.to_writer.notify_one();
        let state = self
            .await_writer(state, patience, |s| s.flushed.number < wanted && s.report.is_none() && !s.gone);
        state.flushed.number >= wanted && state.flushed.is_written || state.report.is_some()
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
    /// Harmless on a terminal, whatever names and values have in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(report), Some(dir)) = (&self.report, &self.dir) else {
            return write!(f, "run {} was disabled: nothing was recorded", clean(&self.id));
        };
        let name = self.name.as_deref().map(|name| format!("{} ", clean(name))).unwrap_or_default();
        let outcome = match report.exit_code {
            0 => "finished".to_owned(),
            code => format!("failed with exit code {code}"),
        };
        let who = if self.attached { "child of run" } else { "run" };
        writeln!(f, "{who} {name}({}) {outcome} after {}", clean(&self.id), duration(report.seconds))?;
        for (label, parts) in [("children", &report.children), ("stages", &report.stages)] {
            let width = widest(parts.iter().map(|part| part.name.as_str()));
            for (label, part) in labels(label).zip(parts) {
                writeln!(
                    f,
                    "  {label} {:width$}  {:>9}  {}",
                    clean(&part.name),
                    duration(part.seconds),
                    clean(&part.status)
                )?;
            }
        }
        let listed = report.metrics.get(..LISTED.min(report.metrics.len())).unwrap_or_default();
        let width = widest(listed.iter().map(|metric| metric.name.as_str()));
        for (label, metric) in labels("metrics").zip(listed) {
            let line = sparkline(&metric.thumbnail, 24);
            writeln!(
                f,
                "  {label} {:width$}  {line:24}  {}",
                clean(&metric.name),
                short(metric.last.as_f64())
            )?;
        }
        if report.metrics.len() > LISTED {
            writeln!(f, "  {:8} and {} more", "", report.metrics.len() - LISTED)?;
        }
        let listed = report.summary.get(..LISTED.min(report.summary.len())).unwrap_or_default();
        let width = widest(listed.iter().map(|(name, _)| name.as_str()));
        for (label, (name, value)) in labels("summary").zip(listed) {
            writeln!(f, "  {label} {:width$}  {}", clean(name), scalar(value))?;
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
            writeln!(f, "  {:8} the log failed: {}", "trouble", clean(failure))?;
        }
        let dir = harmless::path(relative(dir));
        if self.attached {
            return write!(f, "  {:8} {} rows for the run in {}", "log", report.rows, dir);
        }
        writeln!(f, "  {:8} {} rows, {} in {}", "log", report.rows, bytes(report.bytes), dir)?;
        writeln!(f, "  {:8} ups-track show {dir}", "look")?;
        match &self.delivery {
            Delivery::Whole(page) => write!(f, "  {:8} {}", "run", clean(page)),
            Delivery::Later => write!(f, "  {:8} ups-track sync {dir} (or: wandb sync {dir})", "upload"),
            Delivery::Part { page, why } => {
                if let Some(page) = page {
                    writeln!(f, "  {:8} {}", "run", clean(page))?;
                }
                writeln!(f, "  {:8} not everything is on the server: {}", "trouble", clean(why))?;
                write!(f, "  {:8} ups-track sync {dir}", "upload")
            }
        }
    }
}

/// The width of a column of names.
fn widest<'n>(names: impl Iterator<Item = &'n str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0)
}

/// A summary value in a few characters; control characters become their pictures.
fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Number(Number::F64(v)) => short(*v),
        Scalar::Number(Number::I64(v)) => v.to_string(),
        Scalar::Number(Number::U64(v)) => v.to_string(),
        Scalar::Bool(v) => v.to_string(),
        Scalar::Text(text) => clean(&text.chars().take(60).collect::<String>()).into_owned(),
        Scalar::Json(json) if json.get("_type").is_some_and(|kind| kind == "table-file") => {
            let count = |name| json.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
            format!("table of {} rows and {} columns", count("nrows"), count("ncols"))
        }
        Scalar::Json(json) => clean(&json.to_string().chars().take(60).collect::<String>()).into_owned(),
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
