//! Reading events: the short way for rows of metrics, the long way for everything else.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};

use super::fields::{self, Role, role};
use crate::direct::refuse::Place;
use crate::direct::rows::{Given, Planned};
use crate::kinds::alert::{Alert, AlertLevel};
use crate::kinds::cells::Cells;
use crate::kinds::file::FilePolicy;
use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;
use crate::kinds::summary::Goal;
use crate::ledger::parse_goals;
use crate::os;
use crate::recorder::{MAX_VALUES, Op, Recorder, Stage, thread};

/// Reads numbers into a row. Everything else makes it unfit: then the long way tells what is wrong.
#[derive(Debug)]
pub(super) struct RowVisitor<'row, 'lane>(pub(super) &'row mut Cells<'lane>);

impl Visit for RowVisitor<'_, '_> {
    #[inline]
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.f64(field.index(), value);
    }
    #[inline]
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.i64(field.index(), value);
    }
    #[inline]
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.u64(field.index(), value);
    }
    fn record_i128(&mut self, field: &Field, value: i128) {
        self.0.f64(field.index(), value as f64);
    }
    fn record_u128(&mut self, field: &Field, value: u128) {
        self.0.f64(field.index(), value as f64);
    }
    fn record_bool(&mut self, _: &Field, _: bool) {
        self.0.refuse();
    }
    fn record_str(&mut self, _: &Field, _: &str) {
        self.0.refuse();
    }
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {
        self.0.refuse();
    }
}

/// Records a row whose plan is not at hand, and makes the plan, so that the next row can take the short way. False if the
/// event is no such row.
pub(super) fn planned(event: &Event<'_>, stage: &Arc<Stage>, recorder: &Arc<Recorder>) -> bool {
    let metadata = event.metadata();
    let fields = metadata.fields();
    if !fields::only_metrics(metadata) || fields.len() > MAX_VALUES {
        return false;
    }
    let place = Place::of(metadata);
    let keys: Vec<_> = fields
        .iter()
        .map(|field| match role(field.name()) {
            Role::Metric(key) => Given::Metric(key),
            _ => Given::Step,
        })
        .collect();
    if !keys.contains(&Given::Step) {
        say_no_step(place, recorder);
    }
    let planned = Planned { recorder, stage, place, site: place.id };
    if event.is_contextual() {
        if !planned.row(&keys, false, |row| event.record(&mut RowVisitor(row))) {
            return false;
        }
    } else {
        let Some(plan) = planned.plan(&keys, false) else { return false };
        let row = |thread: &mut thread::Thread| {
            thread.way_into(recorder).row_by(&plan, |row| event.record(&mut RowVisitor(row)))
        };
        if thread::with(row) != Some(true) {
            return false;
        }
    }
    true
}

fn say_no_step(place: Place, recorder: &Recorder) {
    place.say(
        recorder,
        "step",
        "a metric has no step, so it is recorded with the last step of its stage: add `step = ..` to the event, or make it a `summary.` or `config.` value",
    );
}

/// One value as it comes.
#[derive(Debug, Clone)]
enum Seen {
    Number(Number),
    Bool(bool),
    Text(String),
    /// Text that was formatted from a value of another type.
    Formatted(String),
}

impl Seen {
    fn display(&self) -> String {
        match self {
            Self::Number(n) => {
                let mut out = Vec::new();
                crate::log::encode::number(&mut out, *n);
                String::from_utf8(out).unwrap_or_default()
            }
            Self::Bool(b) => b.to_string(),
            Self::Text(text) | Self::Formatted(text) => text.clone(),
        }
    }

    fn scalar(self) -> Scalar {
        match self {
            Self::Number(n) => Scalar::Number(n),
            Self::Bool(b) => Scalar::Bool(b),
            Self::Text(text) | Self::Formatted(text) => Scalar::Text(text),
        }
    }

    fn json(self) -> Value {
        match self {
            Self::Number(Number::F64(v)) => crate::kinds::config::float(v),
            Self::Number(Number::I64(v)) => Value::from(v),
            Self::Number(Number::U64(v)) => Value::from(v),
            Self::Bool(b) => Value::from(b),
            Self::Text(text) | Self::Formatted(text) => Value::from(text),
        }
    }
}

/// Gathers all fields of an event.
#[derive(Debug, Default)]
struct Gather(Vec<(&'static str, Seen)>);

impl Visit for Gather {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.push((field.name(), Seen::Number(Number::F64(value))));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.name(), Seen::Number(Number::I64(value))));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.name(), Seen::Number(Number::U64(value))));
    }
    fn record_i128(&mut self, field: &Field, value: i128) {
        self.record_f64(field, value as f64);
    }
    fn record_u128(&mut self, field: &Field, value: u128) {
        self.record_f64(field, value as f64);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.name(), Seen::Bool(value)));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), Seen::Text(value.to_owned())));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), Seen::Formatted(format!("{value:?}"))));
    }
}

/// What an event asks to be recorded.
#[derive(Debug, Default)]
struct Asked {
    step: Option<Number>,
    metrics: Vec<(String, Number)>,
    summary: Vec<(String, Scalar)>,
    goals: Vec<(String, Goal)>,
    config: Map<String, Value>,
    alert_title: Option<String>,
    alert_text: Option<String>,
    alert_wait: Option<Duration>,
    files: Vec<String>,
    policy: FilePolicy,
}

/// The console line of an event, if it has one.
pub(super) fn line(event: &Event<'_>) -> Option<String> {
    let metadata = event.metadata();
    fields::has_message(metadata).then(|| {
        let mut seen = Gather::default();
        event.record(&mut seen);
        console_line(metadata, &seen.0)
    })
}

/// The long way: reads everything an event has, and records it. Gives the event's console line, if it has one.
pub(super) fn record(event: &Event<'_>, stage: &Arc<Stage>, recorder: &Recorder) -> Option<String> {
    let metadata = event.metadata();
    let place = Place::of(metadata);
    let mut seen = Gather::default();
    event.record(&mut seen);
    let line = fields::has_message(metadata).then(|| console_line(metadata, &seen.0));
    if fields::has_data(metadata) {
        let prefix = seen.0.iter().find_map(|(name, value)| match (role(name), value) {
            (Role::Prefix, Seen::Text(prefix)) if !prefix.is_empty() => Some(prefix.clone()),
            _ => None,
        });
        let mut asked = Asked::default();
        for (name, value) in seen.0 {
            sort(name, value, prefix.as_deref(), place, recorder, stage, &mut asked);
        }
        send(asked, metadata, place, stage, recorder);
    }
    line
}

/// Puts one value where it belongs, or refuses it.
fn sort(
    name: &'static str,
    value: Seen,
    prefix: Option<&str>,
    place: Place,
    recorder: &Recorder,
    stage: &Stage,
    asked: &mut Asked,
) {
    let under = |key: &str| prefix.map_or_else(|| key.to_owned(), |prefix| format!("{prefix}/{key}"));
    match (role(name), value) {
        (Role::Metric(key), Seen::Number(number)) => {
            if let Some(key) = place.key(recorder, key) {
                asked.metrics.push((stage.key(&key), number));
            }
        }
        (Role::Metric(key), other) => {
            let text = format!(
                "`metric.{key}` is {}, not a number: use `config.{key}` for what never changes and `summary.{key}` for a final value",
                kind_and_value(&other)
            );
            place.refuse(recorder, name, "metrics", &text);
        }
        (Role::Step, Seen::Number(number)) => asked.step = Some(number),
        (Role::Step, other) if !asked.metrics.is_empty() || asked.step.is_none() => {
            let text = format!(
                "`step` is {}, not a number: the row gets the stage's last step",
                kind_and_value(&other)
            );
            place.say(recorder, name, &text);
        }
        (Role::Summary(key), value) => {
            if let Some(key) = place.key(recorder, key) {
                asked.summary.push((under(&key), value.scalar()));
            }
        }
        (Role::Goals, Seen::Text(text)) => match parse_goals(&text) {
            Ok(goals) => asked.goals.extend(goals.into_iter().map(|(key, goal)| (under(&key), goal))),
            Err(part) => place.say(recorder, name, &format!("goal `{part}` is not `name=min` or `name=max`")),
        },
        (Role::Config(key), value) => {
            if let Some(key) = place.key(recorder, key) {
                asked.config.insert(key.into_owned(), value.json());
            }
        }
        (Role::AlertTitle, value) => asked.alert_title = Some(value.display()),
        (Role::AlertText, value) => asked.alert_text = Some(value.display()),
        (Role::AlertWait, Seen::Number(seconds)) => {
            asked.alert_wait = Duration::try_from_secs_f64(seconds.as_f64()).ok();
        }
        (Role::FilePolicy, value) => {
            let word = value.display();
            if let Some(policy) = FilePolicy::from_word(&word) {
                asked.policy = policy;
            } else {
                place.say(recorder, name, &format!("file policy `{word}` is not now, end or live"));
            }
        }
        (Role::File, Seen::Text(path) | Seen::Formatted(path)) => asked.files.push(path),
        (Role::File, other) => {
            let text = format!("`{name}` is {}, not a path", kind_and_value(&other));
            place.refuse(recorder, name, "files", &text);
        }
        (Role::Unsupported, _) => {
            let text = format!("`{name}`: this kind cannot be recorded yet");
            place.refuse(recorder, name, "kinds", &text);
        }
        _ => {}
    }
}

fn kind_and_value(value: &Seen) -> String {
    let short: String = value.display().chars().take(40).collect();
    match value {
        Seen::Number(_) => format!("the number {short}"),
        Seen::Bool(_) => format!("the bool {short}"),
        Seen::Text(_) => format!("the text {short:?}"),
        Seen::Formatted(_) => format!("formatted text ({short:?})"),
    }
}

fn send(
    asked: Asked,
    metadata: &'static Metadata<'static>,
    place: Place,
    stage: &Arc<Stage>,
    recorder: &Recorder,
) {
    if !asked.metrics.is_empty() {
        if asked.step.is_none() {
            say_no_step(place, recorder);
        }
        recorder.op(Op::Row { stage: Arc::clone(stage), step: asked.step, values: asked.metrics });
    }
    if !asked.summary.is_empty() {
        recorder.op(Op::Summary { values: asked.summary, goals: asked.goals });
    }
    if !asked.config.is_empty() {
        recorder.op(Op::Config(asked.config));
    }
    if let Some(title) = asked.alert_title {
        let mut alert = Alert::new(title).level(alert_level(*metadata.level()));
        if let Some(text) = asked.alert_text {
            alert = alert.text(text);
        }
        if let Some(wait) = asked.alert_wait {
            alert = alert.wait(wait);
        }
        recorder.op(Op::Alert(alert));
    }
    for path in asked.files {
        if let Some(home) = recorder.home()
            && let Err(reason) = home.save(Path::new(&path), asked.policy)
        {
            place.refuse(recorder, &path, "files", &reason);
        }
    }
}

fn alert_level(level: Level) -> AlertLevel {
    match level {
        Level::ERROR => AlertLevel::Error,
        Level::WARN => AlertLevel::Warn,
        _ => AlertLevel::Info,
    }
}

/// An event as a line of the console: local time, level, target, message, fields.
fn console_line(metadata: &Metadata<'_>, seen: &[(&'static str, Seen)]) -> String {
    let t = os::local_time(os::nanos() / 1_000_000_000);
    let mut line = String::with_capacity(128);
    // Writing into a `String` cannot fail.
    let _ = write!(
        line,
        "{:02}:{:02}:{:02} {:>5} {}:",
        t.hour,
        t.minute,
        t.second,
        metadata.level().as_str(),
        metadata.target()
    );
    for (_, message) in seen.iter().filter(|(name, _)| *name == "message") {
        line.push(' ');
        line.push_str(&message.display());
    }
    for (name, value) in seen.iter().filter(|(name, _)| *name != "message") {
        let _ = write!(line, " {name}={}", crate::secrets::shown(name, value.display()));
    }
    line
}
