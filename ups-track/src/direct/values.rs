//! Everything that is recorded directly besides rows: summary, config, tables, alerts, files.

use std::fmt;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::refuse::Place;
use super::site::{Seen, Site, is_traced};
use crate::kinds::alert::{Alert, AlertLevel};
use crate::kinds::file::FilePolicy;
use crate::kinds::scalar::Scalar;
use crate::kinds::summary::EvalSummary;
use crate::kinds::table::{TableData, TableRows};
use crate::log::encode;
use crate::recorder::{Op, Recorder, force};
use crate::say;

/// The recorder in force, or a word to the program that has one elsewhere.
fn in_force(place: Place) -> Option<Arc<Recorder>> {
    let found = force::recorder();
    match &found {
        Some(recorder) => place.say_other_run(recorder),
        None => place.say_nothing_in_force(),
    }
    found
}

/// Summary values whose keys the macro knows.
pub(crate) fn named_summary(site: &'static Site, values: Vec<Option<Scalar>>) {
    site.emit(|| values.iter().map(|value| value.as_ref().map(Seen::from)).collect());
    let place = site.place();
    let Some(recorder) = in_force(place) else { return };
    let keep = |(key, value): (&str, Option<Scalar>)| Some((place.key(&recorder, key)?.into_owned(), value?));
    let values: Vec<_> = site.keys().zip(values).filter_map(keep).collect();
    if !values.is_empty() {
        recorder.op(Op::Summary { values, goals: Vec::new() });
    }
}

/// Summary values under a prefix, in a run or in the one in force.
#[track_caller]
pub(crate) fn summary<S: EvalSummary + ?Sized>(recorder: Option<&Recorder>, prefix: &str, summary: &S) {
    let place = Place::of_caller(Location::caller());
    let found = if recorder.is_none() { in_force(place) } else { None };
    let Some(recorder) = recorder.or(found.as_deref()) else { return };
    let under = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}/{key}") };
    // The values come from code of the program's: no lock is held, and nothing is borrowed.
    let mut values: Vec<(String, Scalar)> = Vec::new();
    summary.visit_summary(&mut |key, value| {
        if let Some(key) = place.key(recorder, key) {
            values.push((under(&key), value));
        }
    });
    if found.is_some() && is_traced() {
        tracing::trace!(target: "ups_track::summary", prefix, values = %Shown(&values));
    }
    if !values.is_empty() {
        let mut goals = Vec::new();
        S::visit_goals(&mut |key, goal| goals.push((under(key), goal)));
        recorder.op(Op::Summary { values, goals });
    }
}

/// Pairs as an event shows them.
pub(super) struct Shown<'a>(pub(super) &'a [(String, Scalar)]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut json = Vec::new();
        for (key, value) in self.0 {
            if !json.is_empty() {
                json.push(b' ');
            }
            json.extend_from_slice(key.as_bytes());
            json.push(b'=');
            encode::scalar(&mut json, value);
        }
        f.write_str(&String::from_utf8_lossy(&json))
    }
}

/// Config entries whose keys the macro knows.
pub(crate) fn named_config(site: &'static Site, values: Vec<Value>) {
    site.emit(|| values.iter().map(|value| Some(Seen::from(value))).collect());
    let place = site.place();
    let Some(recorder) = in_force(place) else { return };
    let keep = |(key, value)| Some((place.key(&recorder, key)?.into_owned(), value));
    recorder.op(Op::Config(site.keys().zip(values).filter_map(keep).collect()));
}

/// Config entries.
#[track_caller]
pub(crate) fn config(entries: Map<String, Value>) {
    if entries.is_empty() {
        return;
    }
    if let Some(recorder) = in_force(Place::of_caller(Location::caller())) {
        if is_traced() {
            let shown = serde_json::to_string(&entries).unwrap_or_default();
            tracing::trace!(target: "ups_track::config", entries = shown);
        }
        recorder.op(Op::Config(entries));
    }
}

/// A table, in a run or in the one in force.
#[track_caller]
pub(crate) fn table<T: TableRows + ?Sized>(recorder: Option<&Recorder>, key: &str, table: &T) {
    let place = Place::of_caller(Location::caller());
    let found = if recorder.is_none() { in_force(place) } else { None };
    let Some(recorder) = recorder.or(found.as_deref()) else { return };
    if let Some(key) = place.key(recorder, key) {
        let table = TableData::of(table);
        if found.is_some() && is_traced() {
            tracing::trace!(target: "ups_track::table", key = &*key, rows = table.rows.len());
        }
        recorder.op(Op::Table { key: key.into_owned(), table });
    }
}

/// Scores as a table of one row.
#[track_caller]
pub(crate) fn scores_table<S: EvalSummary + ?Sized>(key: &str, scores: &S) {
    let place = Place::of_caller(Location::caller());
    let Some(recorder) = in_force(place) else { return };
    let (mut columns, mut cells) = (Vec::new(), Vec::new());
    scores.visit_summary(&mut |key, value| {
        columns.push(key.to_owned());
        cells.push(value.cell());
    });
    if let Some(key) = place.key(&recorder, key) {
        let table = TableData { columns, rows: vec![cells] };
        recorder.op(Op::Table { key: key.into_owned(), table });
    }
}

/// A message to a person: also said on standard error, and a line of the run's console.
pub(crate) fn alert(recorder: &Recorder, alert: Alert) {
    say::note(&alert.line());
    recorder.op(Op::Alert(alert));
}

/// The alert of a macro.
#[track_caller]
pub(crate) fn alert_in_force(
    level: AlertLevel,
    title: fmt::Arguments<'_>,
    text: Option<fmt::Arguments<'_>>,
    wait: Option<Duration>,
) {
    let Some(recorder) = in_force(Place::of_caller(Location::caller())) else { return };
    let title = title.to_string();
    let text = text.map(|text| text.to_string());
    if is_traced() {
        let (level, text) = (level.as_str(), text.as_deref());
        tracing::event!(target: "ups_track::alert", tracing::Level::TRACE, { "alert.title" = title, "alert.text" = text, "alert.level" = level });
    }
    let mut message = Alert::new(title).level(level);
    if let Some(text) = text {
        message = message.text(text);
    }
    if let Some(wait) = wait {
        message = message.wait(wait);
    }
    alert(&recorder, message);
}

/// A file to be saved with the run in force.
#[track_caller]
pub(crate) fn file(path: &Path, policy: FilePolicy) {
    let place = Place::of_caller(Location::caller());
    let Some(recorder) = in_force(place) else { return };
    if is_traced() {
        tracing::event!(target: "ups_track::file", tracing::Level::TRACE, { "file.path" = %path.display(), "file.policy" = policy.as_word() });
    }
    if let Some(home) = recorder.home()
        && let Err(reason) = home.save(path, policy)
    {
        place.refuse(&recorder, &path.to_string_lossy(), "files", &reason);
    }
}
