#![deny(warnings, clippy::pedantic)]

use std::collections::BTreeMap;

use ups_track::{ConfigValue, EvalSummary, Goal, Metrics, RunConfig, Scalar};

#[derive(Metrics)]
struct Losses<'a, T, const N: usize> {
    #[track(unit = "J")]
    energy: T,
    #[track(rename = "opt/lr")]
    lr: &'a f64,
    steps: Option<u64>,
    #[track(skip)]
    _weights: [f64; N],
    #[track(flatten)]
    parts: Parts,
    #[track(flatten, prefix = "val")]
    validation: Option<Parts>,
}

#[derive(Metrics)]
struct Parts {
    r#type: u8,
}

#[derive(EvalSummary)]
struct Scores {
    #[track(goal = "min", gate(max = 0.1))]
    nrmse: f64,
    #[track(goal = "max", rename = "acc/top1")]
    accuracy: Option<f32>,
    note: String,
    passed: bool,
    #[track(flatten)]
    timing: Timing,
    #[track(flatten, prefix = "ttc")]
    ttc: Timing,
}

#[derive(EvalSummary)]
struct Timing {
    #[track(goal = "min")]
    seconds: f64,
}

#[derive(EvalSummary)]
struct Generic<T>
where
    T: Copy,
{
    value: T,
}

#[derive(RunConfig, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
struct Hyper<T> {
    latent_dim: u32,
    #[serde(rename = "learning_rate")]
    lr: f64,
    #[serde(skip_serializing)]
    _secret: u8,
    #[serde(skip)]
    #[track(skip)]
    _cache: u8,
    optimizer: Optimizer,
    schedule: Schedule,
    #[serde(flatten)]
    more: More,
    list: Vec<T>,
    nothing: Option<u8>,
    pair: Pair,
    id: Id,
    marker: Marker,
    #[track(serde)]
    foreign: BTreeMap<u8, std::net::Ipv4Addr>,
}

#[derive(RunConfig, serde::Serialize)]
struct More {
    warm_up: bool,
}

#[derive(RunConfig, serde::Serialize)]
struct Pair(u8, String);

#[derive(RunConfig, serde::Serialize)]
struct Id(u64);

#[derive(RunConfig, serde::Serialize)]
struct Marker;

#[derive(RunConfig, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Optimizer {
    PlainSgd,
    Adam { beta: f64 },
    Clip(f64),
    Two(u8, u8),
    Named { r#type: u8, entries: u8, variant: u8 },
}

#[derive(RunConfig, serde::Serialize)]
#[serde(tag = "kind")]
#[track(serde)]
enum Schedule {
    Cosine { periods: u8 },
}

fn hyper(optimizer: Optimizer) -> Hyper<u8> {
    Hyper {
        latent_dim: 3,
        lr: 0.5,
        _secret: 1,
        _cache: 2,
        optimizer,
        schedule: Schedule::Cosine { periods: 1 },
        more: More { warm_up: true },
        list: vec![1],
        nothing: None,
        pair: Pair(1, "a".to_owned()),
        id: Id(7),
        marker: Marker,
        foreign: BTreeMap::from([(1, [127, 0, 0, 1].into())]),
    }
}

fn keys(row: &impl Metrics) -> Vec<String> {
    let mut keys = Vec::new();
    row.visit_metrics(&mut |key, _| keys.push(key.to_owned()));
    keys
}

fn main() {
    let losses = Losses {
        energy: 1_u8,
        lr: &0.1,
        steps: None,
        _weights: [0.0],
        parts: Parts { r#type: 1 },
        validation: Some(Parts { r#type: 2 }),
    };
    assert_eq!(keys(&losses), ["energy", "opt/lr", "type", "val/type"]);

    assert_eq!(Scores::GOALS, [("nrmse", Goal::Min), ("acc/top1", Goal::Max), ("seconds", Goal::Min)]);
    let scores = Scores {
        nrmse: 0.5,
        accuracy: None,
        note: "x".to_owned(),
        passed: true,
        timing: Timing { seconds: 1.0 },
        ttc: Timing { seconds: 2.0 },
    };
    let mut seen = Vec::new();
    scores.visit_summary(&mut |key, value: Scalar| seen.push((key.to_owned(), value.as_f64())));
    let seen: Vec<_> = seen.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    assert_eq!(
        seen,
        [("nrmse", Some(0.5)), ("note", None), ("passed", None), ("seconds", Some(1.0)), ("ttc/seconds", Some(2.0))]
    );
    ups_track::summary!(..scores);
    ups_track::summary!(..Generic { value: 1 });

    for optimizer in [Optimizer::PlainSgd, Optimizer::Adam { beta: 0.9 }, Optimizer::Clip(1.0), Optimizer::Two(1, 2)]
        .into_iter()
        .chain([Optimizer::Named { r#type: 1, entries: 2, variant: 3 }])
    {
        let hyper = hyper(optimizer);
        assert_eq!(hyper.config_value(), serde_json::to_value(&hyper).unwrap());
        assert_eq!(hyper.entries().len(), 11);
    }
}
