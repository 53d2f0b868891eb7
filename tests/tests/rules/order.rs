//! The order of the log: whatever form a row has, its keys are defined before it, and its step stands in it.

use std::collections::HashSet;

use tracing::{info, info_span};
use ups_track::log::record::{Item, Kind, Metric};
use ups_track::log::{Reader, record};
use ups_track::{EvalSummary, Key, Metrics, Run, alert, config, eval_summary, metric, summary, track_stage};

const RATE: Key = Key::new("opt/rate");

#[derive(Metrics)]
struct Losses {
    data: f64,
    physics: Option<f64>,
}

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

#[track_stage("outer", best(loss = "min"), summary(acc = "max"), step = "epoch", err)]
fn outer(fail: bool) -> Result<(), String> {
    for epoch in 0..3_u32 {
        let loss = f64::from(epoch);
        metric!(step = epoch, loss, "val.dotted" = loss);
        metric!(step = epoch, { RATE } = loss, ..Losses { data: loss, physics: (epoch > 1).then_some(loss) });
        inner(epoch);
    }
    if fail { Err("told to".to_owned()) } else { Ok(()) }
}

#[track_stage("inner")]
fn inner(n: u32) {
    metric!(step = n, loss = n, late = (n > 0).then_some(n));
    info!(metric.plain = n, step = n, "with a message");
}

#[eval_summary]
fn evaluate() -> Scores {
    Scores { nrmse: 0.09 }
}

/// Every form of a row, in stages and outside.
fn program() {
    let loss = 1.0;
    config!(epochs = 3);
    metric!(step = 0, loss);
    assert!(outer(false).is_ok());
    assert!(outer(true).is_err());
    metric!(step = 1, loss, more = loss, ..[("free", 1)]);
    let _span = info_span!("plain", stage = "plain").entered();
    metric!(step = 2, loss);
    summary!(done = true);
    alert!("done");
    evaluate();
}

/// The log of a run of the program.
fn log() -> Vec<record::Record> {
    let dir = tempfile::tempdir().unwrap();
    let run = Run::builder().dir(dir.path()).quiet(true).global(false).start().unwrap();
    let subscriber =
        tracing_subscriber::layer::SubscriberExt::with(tracing_subscriber::registry(), run.layer());
    tracing::subscriber::with_default(subscriber, || run.scope(|_| program()));
    let finished = run.finish().unwrap();
    let files = std::fs::read_dir(finished.dir().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let log = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "wandb")).unwrap();
    Reader::open(&log).unwrap().map(|entry| entry.unwrap().record).collect()
}

fn name(item: &Item) -> String {
    item.path().collect::<Vec<_>>().join(".")
}

/// The step that a key is charted against: its own definition goes before a prefix, a longer prefix before a shorter one.
fn step_of<'a>(definitions: &'a [Metric], key: &str) -> Option<&'a str> {
    let own = definitions.iter().rev().find(|metric| metric.name.replace("\\.", ".") == key);
    let prefixes = definitions
        .iter()
        .filter(|metric| metric.glob_name.strip_suffix('*').is_some_and(|prefix| key.starts_with(prefix)));
    let found = own.or_else(|| prefixes.max_by_key(|metric| metric.glob_name.len()))?;
    Some(found.step_metric.as_str())
}

#[test]
fn what_a_row_needs_stands_before_it() {
    let mut definitions = Vec::new();
    let mut keys = HashSet::new();
    for record in log() {
        match record.kind {
            Some(Kind::Metric(metric)) => definitions.push(metric),
            Some(Kind::History(history)) => {
                let row: Vec<_> = history.item.iter().map(name).filter(|key| !key.starts_with('_')).collect();
                for key in &row {
                    let step = step_of(&definitions, key);
                    assert!(step.is_some(), "`{key}` is not defined before its row: {definitions:#?}");
                    let step = step.unwrap_or_default();
                    assert!(
                        step.is_empty() || row.iter().any(|other| other == step),
                        "`{step}` of `{key}` is not in {row:?}"
                    );
                    assert!(
                        !step.is_empty() || key.ends_with("step") || key.ends_with("epoch"),
                        "`{key}` has no step"
                    );
                }
                keys.extend(row);
            }
            _ => {}
        }
    }
    let expected = [
        "step",
        "loss",
        "more",
        "free",
        "outer/epoch",
        "outer/loss",
        "outer/val.dotted",
        "outer/opt/rate",
        "outer/data",
        "outer/physics",
        "outer/inner/step",
        "outer/inner/loss",
        "outer/inner/late",
        "outer/inner/plain",
        "plain/step",
        "plain/loss",
    ];
    let expected: HashSet<String> = expected.map(str::to_owned).into();
    assert_eq!(keys, expected);
}

/// The last summary tells of each stage how long it took and how it ended.
#[test]
fn stages_end_in_the_summary() {
    let mut summary = std::collections::BTreeMap::new();
    for record in log() {
        if let Some(Kind::Summary(update)) = record.kind {
            summary.extend(update.update.iter().map(|item| (name(item), item.value_json.clone())));
        }
    }
    let get = |key: &str| summary.get(key).map(String::as_str);
    for (stage, status, calls) in
        [("outer", "\"error\"", Some("2")), ("outer/inner", "\"ok\"", Some("6")), ("plain", "\"ok\"", None)]
    {
        assert_eq!(get(&format!("{stage}/status")), Some(status), "{stage}");
        assert_eq!(get(&format!("{stage}/calls")), calls, "{stage}");
        let duration = get(&format!("{stage}/duration_s")).and_then(|text| text.parse::<f64>().ok());
        assert!(duration.is_some_and(|seconds| seconds >= 0.0), "{stage}: {duration:?}");
    }
    assert_eq!((get("eval/nrmse"), get("done")), (Some("0.09"), Some("true")));
    assert_eq!((get("outer/best_loss"), get("outer/best_loss/epoch")), (Some("0.0"), Some("0")));
}
