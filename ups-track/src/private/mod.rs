//! What generated code calls. Not part of the public interface: it changes without notice.

pub mod probe;

use std::fmt;
use std::path::Path;
use std::time::Duration;

pub use crate::direct::rows::Row;
pub use crate::direct::site::Site;
pub use crate::direct::stages::{Outcome, StageFuture, StageGuard, StageSite};
pub use crate::kinds::alert::AlertLevel;
pub use crate::kinds::config::{ConfigValue, RunConfig};
pub use crate::kinds::file::FilePolicy;
pub use crate::kinds::key::Key;
pub use crate::kinds::keyset::{KeySet, assert_distinct};
pub use crate::kinds::metric::{
    EachKey, MetricField, MetricValue, Metrics, Number, Numbers, Shape, SteppedMetrics,
};
pub use crate::kinds::scalar::Scalar;
pub use crate::kinds::summary::{EvalSummary, Goal, SummaryField, SummaryOutput, SummaryValue};
pub use crate::kinds::table::{TableCell, TableRow, TableRows};
pub use crate::run::RunBuilder;
pub use core;
pub use serde_json;
pub use std;
pub use tracing;

use crate::direct::{rows, site, values};
use crate::recorder::force;
use crate::run::Run;
use crate::{ends, say};

/// Whether anything could become of what a macro is given: two loads. Its arguments are evaluated anyway.
#[inline]
pub fn on() -> bool {
    force::is_wanted() || site::is_traced()
}

/// A row whose keys the macro knows, where something may become of it.
pub fn row(site: &'static Site, values: &[Option<Number>]) {
    if force::is_wanted() {
        rows::named(site, values);
    }
    if site::is_traced() && site.may_be_heard() {
        rows::tell_others(site, values);
    }
}

/// A row whose keys the macro does not know, or not all of them.
#[track_caller]
pub fn log_row(
    fixed: bool,
    step: Option<Option<Number>>,
    pairs: &[(&str, Option<Number>)],
    rows: &[&dyn Row],
) {
    if on() {
        rows::Call { recorder: None, step, pairs, fixed, rows }.record(std::panic::Location::caller());
    }
}

/// Takes values one by one.
type Each<'a, T> = &'a mut dyn FnMut(T);

/// Summary values whose keys the macro knows.
pub fn summary(site: &'static Site, visit: &dyn Fn(Each<'_, Option<Scalar>>)) {
    if on() {
        let mut values = Vec::new();
        visit(&mut |value| values.push(value));
        values::named_summary(site, values);
    }
}

/// Summary values whose keys the macro does not know.
#[track_caller]
pub fn summarize<S: EvalSummary + ?Sized>(prefix: &str, scores: &S) {
    if on() {
        values::summary(None, prefix, scores);
    }
}

/// Config entries whose keys the macro knows.
pub fn config(site: &'static Site, visit: &dyn Fn(Each<'_, serde_json::Value>)) {
    if on() {
        let mut values = Vec::new();
        visit(&mut |value| values.push(value));
        values::named_config(site, values);
    }
}

/// Config entries whose keys the macro does not know.
#[track_caller]
pub fn configure<C: RunConfig + ?Sized>(settings: &C) {
    if on() {
        values::config(settings.entries());
    }
}

/// A config entry under a `Key`.
#[track_caller]
pub fn config_entry(key: &str, value: &dyn Fn() -> serde_json::Value) {
    if on() {
        values::config([(key.to_owned(), value())].into_iter().collect());
    }
}

/// A table.
#[track_caller]
pub fn log_table<T: TableRows + ?Sized>(key: &str, table: &T) {
    if on() {
        values::table(None, key, table);
    }
}

/// What an `#[eval_summary]` function returned.
#[track_caller]
pub fn eval_summary<T: SummaryOutput>(prefix: &str, table: Option<&str>, out: &T) {
    if !on() {
        return;
    }
    let Some(scores) = out.summary() else { return };
    values::summary(None, prefix, scores);
    if let Some(key) = table {
        values::scores_table(key, scores);
    }
}

/// A message to a person.
#[track_caller]
pub fn alert(
    level: AlertLevel,
    title: fmt::Arguments<'_>,
    text: Option<fmt::Arguments<'_>>,
    wait: Option<Duration>,
) {
    if on() {
        values::alert_in_force(level, title, text, wait);
    }
}

/// A stage has ended with an error that shall be told.
#[track_caller]
pub fn stage_failed(title: &str, text: &str) {
    alert(AlertLevel::Error, format_args!("{title}"), Some(format_args!("{text}")), None);
}

/// A file.
#[track_caller]
pub fn file(path: &Path, policy: FilePolicy) {
    if on() {
        values::file(path, policy);
    }
}

/// The frame of `#[ups_track::main]`: starts the run, runs the body, ends the run with the body's exit code.
pub fn run_main<R>(
    configure: impl FnOnce(RunBuilder) -> RunBuilder,
    body: impl FnOnce() -> R,
    code: impl FnOnce(&R) -> i32,
    subscriber: bool,
) -> R {
    let guard = match configure(Run::builder()).global(true).start() {
        Ok(guard) => guard,
        Err(e) => {
            say::warning(&format!("the run was not started: {}", e.with_cause()));
            // Bad settings are an error there and then, see `sysexits.h` (EX_CONFIG).
            std::process::exit(78);
        }
    };
    // A program that brings its own is told how to say so, should it panic because of ours.
    if subscriber && crate::subscriber::install().is_ok() {
        ends::explain_second_subscriber();
    }
    ends::install_handlers();
    let out = body();
    if guard.is_open() || guard.is_disabled() {
        match guard.finish_with(code(&out)) {
            Ok(finished) => crate::subscriber::explain_silence(&finished),
            Err(e) => say::warning(&e.to_string()),
        }
    }
    drop(guard);
    out
}
