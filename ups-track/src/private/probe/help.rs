//! Small generic functions with readable bounds: what a macro hands them is checked where the user wrote it.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::__private::{EachKey, Shape};
use crate::{
    EvalSummary, Goal, Key, MetricField, MetricValue, Metrics, Number, RunConfig, Scalar, SummaryField,
};

/// Text for the title of an alert.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not text, so it cannot be the title of an alert",
    label = "expected `&str` or `String`; put other values into a literal, which may hold `{{name}}`"
)]
pub trait TitleText {
    fn text(&self) -> &str;
}

#[diagnostic::do_not_recommend]
impl<T: AsRef<str> + ?Sized> TitleText for T {
    fn text(&self) -> &str {
        self.as_ref()
    }
}

#[inline]
pub fn title<T: TitleText + ?Sized>(title: &T) -> &str {
    title.text()
}

#[inline]
pub fn seconds(wait: Duration) -> Duration {
    wait
}

/// The path of a file.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the path of a file",
    label = "expected `&str`, `String`, `&Path` or `PathBuf`"
)]
pub trait FilePath {
    fn path(&self) -> &Path;
}

#[diagnostic::do_not_recommend]
impl<T: AsRef<Path> + ?Sized> FilePath for T {
    fn path(&self) -> &Path {
        self.as_ref()
    }
}

#[inline]
pub fn file_path<T: FilePath + ?Sized>(path: &T) -> &Path {
    path.path()
}

#[inline]
pub const fn key(key: Key) -> &'static str {
    key.as_str()
}

#[track_caller]
pub fn scores<T: EvalSummary + ?Sized>(scores: &T, prefix: &str) {
    crate::__private::summarize(prefix, scores);
}

#[track_caller]
pub fn settings<T: RunConfig + ?Sized>(settings: &T) {
    crate::__private::configure(settings);
}

/// Shows a metric of a row.
#[inline]
pub fn metric<F: MetricField>(field: F, key: &str, each: &mut dyn FnMut(&str, Number)) {
    if let Some(number) = field.number() {
        each(key, number);
    }
}

/// Shows the metrics of a row inside a row.
pub fn metrics<T: Metrics + ?Sized>(row: &T, prefix: &str, each: &mut dyn FnMut(&str, Number)) {
    if prefix.is_empty() {
        row.visit_metrics(each);
    } else {
        row.visit_metrics(&mut |key, number| each(&format!("{prefix}/{key}"), number));
    }
}

/// The shape of a row with rows inside: none if the keys of one of them are known only at run time.
pub const fn shapes(own: usize, inner: &[Option<Shape>], keys: fn(EachKey<'_>)) -> Option<Shape> {
    let mut len = own;
    let mut rest = inner;
    while let [shape, more @ ..] = rest {
        match shape {
            Some(shape) => len += shape.len,
            None => return None,
        }
        rest = more;
    }
    Some(Shape { keys, len })
}

/// Shows a value of a struct of scores.
#[inline]
pub fn summary<F: SummaryField>(field: &F, key: &str, each: &mut dyn FnMut(&str, Scalar)) {
    if let Some(scalar) = field.scalar() {
        each(key, scalar);
    }
}

/// A struct of scores inside another.
pub trait Nested {
    /// Shows the values below `prefix`.
    fn visit(&self, prefix: &str, each: &mut dyn FnMut(&str, Scalar));
}

impl<T: EvalSummary> Nested for T {
    fn visit(&self, prefix: &str, each: &mut dyn FnMut(&str, Scalar)) {
        if prefix.is_empty() {
            self.visit_summary(each);
        } else {
            self.visit_summary(&mut |key, scalar| each(&format!("{prefix}/{key}"), scalar));
        }
    }
}

#[inline]
pub fn nested<T: EvalSummary>(scores: &T) -> &dyn Nested {
    scores
}

/// A number, for which better means smaller or larger.
#[diagnostic::on_unimplemented(
    message = "a `goal` needs a number, and `{Self}` is none",
    label = "only numbers have a better and a worse; remove `goal`"
)]
pub trait GoalNumber {}

#[diagnostic::do_not_recommend]
impl<T: MetricValue + ?Sized> GoalNumber for T {}

pub const fn assert_goal<T: GoalNumber + ?Sized>() {}

/// Shows the goals of a struct inside another.
pub fn goals_below<T: EvalSummary + ?Sized>(prefix: &str, each: &mut dyn FnMut(&str, Goal)) {
    if prefix.is_empty() {
        T::visit_goals(each);
    } else {
        T::visit_goals(&mut |key, goal| each(&format!("{prefix}/{key}"), goal));
    }
}

/// Puts the goals of a struct and of the structs inside it in one list.
pub const fn goals<const N: usize>(lists: &[&[(&'static str, Goal)]]) -> [(&'static str, Goal); N] {
    let mut all = [("", Goal::Min); N];
    let mut at = 0;
    let mut rest = lists;
    while let [list, more @ ..] = rest {
        let mut goals = *list;
        while let [goal, tail @ ..] = goals {
            all[at] = *goal;
            at += 1;
            goals = tail;
        }
        rest = more;
    }
    all
}

/// Puts the entries of a config inside a config beside its own.
pub fn merge<T: RunConfig + ?Sized>(inner: &T, entries: &mut Map<String, Value>) {
    entries.extend(inner.entries());
}

/// A value by its `serde` form; null if it has none.
pub fn serialize<T: serde::Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
