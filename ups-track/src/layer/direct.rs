//! The direct calls of `Run`, and macro forms whose keys are not known to the compiler: the same records, without a
//! `tracing` event in between.

use std::panic::Location;
use std::sync::Arc;

use super::refuse::Place;
use super::thread;
use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;
use crate::kinds::summary::EvalSummary;
use crate::kinds::table::{TableData, TableRows};
use crate::recorder::{Op, Recorder, Stage};

/// The stage that the calling thread is in.
pub(crate) fn current_stage(recorder: &Recorder) -> Arc<Stage> {
    thread::with(|thread| thread.stage(recorder.uid).map(Arc::clone))
        .flatten()
        .unwrap_or_else(|| Arc::clone(&recorder.root))
}

/// Records a row; `visit` calls its argument with every key and number.
#[track_caller]
pub(crate) fn row(
    recorder: &Recorder,
    step: Option<Number>,
    visit: impl FnOnce(&mut dyn FnMut(&str, Number)),
) {
    let place = Place::of_caller(Location::caller());
    let stage = current_stage(recorder);
    if stage.is_root() && recorder.root.any_open() && !thread::is_outside(recorder.uid) {
        place.say_no_stage(recorder);
    }
    let mut values: Vec<(String, Number)> = Vec::new();
    visit(&mut |key: &str, number| {
        if let Some(key) = place.key(recorder, key) {
            values.push((stage.key(&key), number));
        }
    });
    if step.is_some() {
        let step = stage.step_key();
        values.retain(|(key, _)| {
            let is_step = *key == step;
            if is_step {
                place.say_step_as_metric(recorder, key);
            }
            !is_step
        });
    }
    refuse_repeated(&mut values, place, recorder);
    if !values.is_empty() {
        recorder.op(Op::Row { stage, step, values });
    }
}

/// Records a table.
#[track_caller]
pub(crate) fn table<T: TableRows + ?Sized>(recorder: &Recorder, key: &str, table: &T) {
    let place = Place::of_caller(Location::caller());
    if let Some(key) = place.key(recorder, key) {
        recorder.op(Op::Table { key: key.into_owned(), table: TableData::of(table) });
    }
}

/// Records scores as a table of one row.
#[track_caller]
pub(crate) fn scores_table<S: EvalSummary + ?Sized>(recorder: &Recorder, key: &str, scores: &S) {
    let place = Place::of_caller(Location::caller());
    let (mut columns, mut cells) = (Vec::new(), Vec::new());
    scores.visit_summary(&mut |key, value| {
        columns.push(key.to_owned());
        cells.push(value.cell());
    });
    if let Some(key) = place.key(recorder, key) {
        let table = TableData { columns, rows: vec![cells] };
        recorder.op(Op::Table { key: key.into_owned(), table });
    }
}

/// Keys that the compiler does not know may come twice.
fn refuse_repeated(values: &mut Vec<(String, Number)>, place: Place, recorder: &Recorder) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let key = |index: usize| values.get(index).map(|(key, _)| key.as_str());
    order.sort_by_key(|index| (key(*index), *index));
    let mut again: Vec<usize> = order
        .windows(2)
        .filter_map(|pair| match pair {
            [first, second] if key(*first) == key(*second) => Some(*second),
            _ => None,
        })
        .collect();
    again.sort_unstable();
    for index in again.into_iter().rev() {
        let (key, _) = values.remove(index);
        let text = format!("metric key `{key}` appears twice in one row; the first value is kept");
        place.refuse(recorder, &key, "metrics", &text);
    }
}

/// Records summary values under a prefix.
#[track_caller]
pub(crate) fn summary<S: EvalSummary + ?Sized>(recorder: &Recorder, prefix: &str, summary: &S) {
    let place = Place::of_caller(Location::caller());
    let under = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}/{key}") };
    let mut values: Vec<(String, Scalar)> = Vec::new();
    summary.visit_summary(&mut |key, value| {
        if let Some(key) = place.key(recorder, key) {
            values.push((under(&key), value));
        }
    });
    if !values.is_empty() {
        let goals = S::GOALS.iter().map(|(key, goal)| (under(key), *goal)).collect();
        recorder.op(Op::Summary { values, goals });
    }
}
