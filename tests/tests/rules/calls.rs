//! What each form of a call records: values, keys, order.

use std::collections::BTreeMap;
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64,
    NonZeroUsize,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use ups_track::testing::{Captured, capture};
use ups_track::{
    EvalSummary, Key, MetricValue, Metrics, RunConfig, alert, config, file, metric, summary, track_stage,
};

const RATE: Key = Key::new("opt/rate");

struct Joules(f64);

impl MetricValue for Joules {
    type Field = f64;
    fn field(&self) -> f64 {
        self.0
    }
}

#[derive(Metrics)]
struct Losses {
    data: f64,
    physics: Option<f32>,
    #[track(flatten, prefix = "inner")]
    inner: Inner,
}

#[derive(Metrics)]
struct Inner {
    count: u8,
}

fn losses() -> Losses {
    Losses { data: 0.5, physics: None, inner: Inner { count: 3 } }
}

/// The only row.
fn row(captured: &Captured) -> Vec<(&str, f64)> {
    assert_eq!(captured.rows.len(), 1);
    assert_eq!((captured.refused, captured.lost), (0, 0));
    captured.rows[0].values.iter().map(|(key, value)| (key.as_str(), *value)).collect()
}

#[test]
fn metrics_come_in_the_order_they_are_written() {
    let (loss, r#type, h) = (0.5_f64, 2.0, Hyper { lr: 1e-3, name: "x", inner: Part { seed: None } });
    let captured = capture(|| {
        metric!(
            loss,
            step = 3,
            r#type,
            "grad/norm" = loss * 2.0,
            lr = h.lr,
            energy = Joules(7.0),
            call = loss.sqrt(),
        );
    });
    assert_eq!(
        row(&captured),
        [
            ("loss", 0.5),
            ("step", 3.0),
            ("type", 2.0),
            ("grad/norm", 1.0),
            ("lr", 1e-3),
            ("energy", 7.0),
            ("call", 0.5_f64.sqrt())
        ]
    );
}

#[test]
fn rows_and_constants_come_behind_the_step() {
    let loss = 0.25;
    let captured = capture(|| metric!(step = 1, { RATE } = loss, ..losses()));
    assert_eq!(row(&captured), [("opt/rate", 0.25), ("data", 0.5), ("inner/count", 3.0), ("step", 1.0)]);
    let captured =
        capture(|| metric!(step = 2, loss, ..losses(), ..&[("more", 1_u8)], ..vec![("a".to_owned(), loss)]));
    assert_eq!(
        row(&captured),
        [("loss", 0.25), ("data", 0.5), ("inner/count", 3.0), ("more", 1.0), ("a", 0.25), ("step", 2.0)]
    );
    let none = None::<Losses>;
    let captured = capture(|| metric!(step = 2, loss, ..none));
    assert_eq!(row(&captured), [("loss", 0.25), ("step", 2.0)]);
}

/// A row that stands in the log as an event or as a struct is the same row.
#[test]
fn every_form_is_in_its_stage() {
    #[track_stage("op")]
    fn op() {
        let loss = 0.25;
        metric!(step = 1, loss);
        metric!(step = 2, { RATE } = loss);
        metric!(step = 3, ..losses());
    }
    let captured = capture(op);
    let keys: Vec<_> = captured.rows.iter().map(|row| row.keys()).collect();
    assert_eq!(keys[0], ["op/step", "op/loss"]);
    assert!(keys[1].contains(&"op/opt/rate") && keys[1].contains(&"op/step"), "{keys:?}");
    assert!(keys[2].contains(&"op/inner/count") && keys[2].contains(&"op/step"), "{keys:?}");
    assert_eq!(captured.metric("op/step"), [1.0, 2.0, 3.0]);
}

/// The value of every type at its edges; beyond 2^53 the log has the digits, the test kit a float.
#[test]
fn numbers_of_every_type() {
    macro_rules! check {
        ($($value:expr),* $(,)?) => {$({
            let value = $value;
            let captured = capture(|| metric!(step = 0, value));
            let expected = value.to_string().parse::<f64>().unwrap();
            assert_eq!(captured.metric("value"), [expected], "{}", stringify!($value));
        })*};
    }
    check!(
        u8::MAX,
        u16::MAX,
        u32::MAX,
        u64::MAX,
        usize::MAX,
        u128::MAX,
        i8::MIN,
        i16::MIN,
        i32::MIN,
        i64::MIN,
        isize::MIN,
        i128::MIN,
        f64::MAX,
        f64::MIN_POSITIVE,
        -0.1_f64,
        NonZeroU8::MAX,
        NonZeroU16::MAX,
        NonZeroU32::MAX,
        NonZeroU64::MAX,
        NonZeroUsize::MAX,
        NonZeroI8::MIN,
        NonZeroI16::MIN,
        NonZeroI32::MIN,
        NonZeroI64::MIN,
    );
    let (single, mut exclusive) = (0.1_f32, 3_u8);
    let captured = capture(|| {
        let value = &mut exclusive;
        metric!(
            step = 0,
            single,
            value,
            nested = &&Some(&single),
            absent = None::<&u8>,
            literal = 3_000_000_000 + u64::from(*value)
        );
    });
    let exact = f64::from(0.1_f32);
    assert_eq!(
        row(&captured),
        [("step", 0.0), ("single", exact), ("value", 3.0), ("nested", exact), ("literal", 3_000_000_003.0)]
    );
}

#[test]
fn steps_of_every_type() {
    let captured = capture(|| {
        let loss = 1.0;
        metric!(step = 1_u8, loss);
        metric!(step = -2_i64, loss);
        metric!(step = 0.5, loss);
        metric!(step = 3_usize, loss);
        metric!(step = 5_000_000_000, loss);
        metric!(step = Some(4_u32), loss);
    });
    assert_eq!(captured.metric("step"), [1.0, -2.0, 0.5, 3.0, 5_000_000_000.0, 4.0]);
}

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
    #[track(rename = "ood/acc", goal = "max")]
    accuracy: Option<f32>,
    verdict: &'static str,
    #[track(skip)]
    _scratch: Vec<f64>,
}

fn scores() -> Scores {
    Scores { nrmse: 0.09, accuracy: Some(0.5), verdict: "good", _scratch: Vec::new() }
}

#[test]
fn summaries_of_every_form() {
    let (nrmse, name, passed) = (0.5, String::from("fno"), true);
    let captured = capture(|| {
        summary!(
            nrmse,
            name,
            passed,
            fixed = 3,
            "a/b" = -1.5,
            absent = None::<f64>,
            text = "x",
            big = u64::MAX,
            some = Some("y")
        );
    });
    let expected = [
        ("a/b", json!(-1.5)),
        ("big", json!(u64::MAX)),
        ("fixed", json!(3)),
        ("name", json!("fno")),
        ("nrmse", json!(0.5)),
        ("passed", json!(true)),
        ("some", json!("y")),
        ("text", json!("x")),
    ];
    let found: Vec<_> = captured.summary.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    assert_eq!(found, expected);
    assert_eq!((captured.rows.len(), captured.refused), (0, 0));

    let captured = capture(|| summary!(nrmse = 1.0, ..scores(), ..[("more", 2)]));
    assert_eq!(captured.summary("nrmse"), Some(&json!(0.09)), "the struct comes behind");
    assert_eq!(captured.summary("ood/acc"), Some(&json!(0.5)));
    assert_eq!(captured.summary("verdict"), Some(&json!("good")));
    assert_eq!(captured.summary("more"), Some(&json!(2)));
    assert_eq!(captured.summary.len(), 4);
    assert_eq!(captured.definition("ood/acc").unwrap().goal, "max");
}

/// The summary is the run's: no stage in front, and the last value stays.
#[test]
fn a_summary_in_a_stage_is_of_the_run() {
    #[track_stage("op")]
    fn op() {
        for n in 1..3 {
            summary!(best = n);
        }
    }
    let captured = capture(op);
    assert_eq!(captured.summary("best"), Some(&json!(2)));
    assert_eq!(captured.rows, []);
}

#[derive(RunConfig)]
struct Hyper {
    lr: f64,
    name: &'static str,
    inner: Part,
}

#[derive(RunConfig)]
struct Part {
    seed: Option<u64>,
}

#[test]
fn configs_of_every_form() {
    let (epochs, path) = (100, PathBuf::from("data/burgers"));
    let map = BTreeMap::from([("modes", 12), ("width", 64)]);
    let hyper = Hyper { lr: 1e-3, name: "fno", inner: Part { seed: Some(7) } };
    let captured = capture(|| {
        config!(
            epochs,
            path,
            list = [1.5, 2.5],
            map,
            flag = true,
            letter = 'x',
            nothing = None::<u8>,
            "a/b" = "c"
        );
        config!(
            wait = Duration::from_millis(1500),
            pair = (1, "b"),
            wide = u128::MAX,
            json = json!({"k": [null]}),
            ..hyper
        );
        config!(inner = Part { seed: None }, ..[("extra", 1)]);
    });
    let expected: BTreeMap<String, Value> = [
        ("a/b", json!("c")),
        ("epochs", json!(100)),
        ("extra", json!(1)),
        ("flag", json!(true)),
        ("inner", json!({"seed": null})),
        ("json", json!({"k": [null]})),
        ("letter", json!("x")),
        ("list", json!([1.5, 2.5])),
        ("lr", json!(1e-3)),
        ("map", json!({"modes": 12, "width": 64})),
        ("name", json!("fno")),
        ("nothing", json!(null)),
        ("pair", json!([1, "b"])),
        ("path", json!("data/burgers")),
        ("wait", json!(1.5)),
        ("wide", json!(u128::MAX.to_string())),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    assert_eq!(captured.config, expected);
    assert_eq!((captured.rows.len(), captured.summary.len(), captured.refused), (0, 0, 0));
}

#[test]
fn alerts_of_every_form() {
    let (step, title) = (3, String::from("owned"));
    let captured = capture(|| {
        alert!("plain");
        alert!("at {step}");
        alert!(title);
        alert!(&title, "no arguments");
        alert!(level = warn, "warned", "{} of {step}", 1);
        alert!(level = "error", wait = Duration::from_mins(1), "failed", "loss {loss:.1}", loss = 0.25);
    });
    let alerts: Vec<_> =
        captured.alerts.iter().map(|a| (a.title.as_str(), a.text.as_str(), a.level.as_str())).collect();
    assert_eq!(
        alerts,
        [
            ("plain", "", "INFO"),
            ("at 3", "", "INFO"),
            ("owned", "", "INFO"),
            ("owned", "no arguments", "INFO"),
            ("warned", "1 of 3", "WARN"),
            ("failed", "loss 0.2", "ERROR"),
        ]
    );
    assert_eq!((captured.rows.len(), captured.summary.len()), (0, 0));
}

#[test]
fn files_of_every_form() {
    let (path, name) = (Path::new("out"), String::from("model.bin"));
    let captured = capture(|| {
        file!("a.txt");
        file!(name, policy = now);
        file!(path.join(&name), policy = "end");
        file!(path, policy = live);
    });
    let files: Vec<_> = captured.files.iter().map(|(path, policy)| (path.as_str(), *policy)).collect();
    assert_eq!(files, [("a.txt", "live"), ("model.bin", "now"), ("out/model.bin", "end"), ("out", "live")]);
}

/// Whether a value goes as a field of an event or as JSON, it is the value that a struct has.
#[test]
fn a_config_value_is_the_same_in_a_call_and_in_a_struct() {
    #[derive(RunConfig)]
    struct Odd {
        single: f32,
        wide: i128,
        nan: f64,
        infinite: Option<f64>,
        none: Option<Option<&'static str>>,
        some: Option<Option<&'static str>>,
        token: Option<String>,
    }
    let odd = || Odd {
        single: 0.1,
        wide: i128::MIN,
        nan: f64::NAN,
        infinite: Some(f64::NEG_INFINITY),
        none: Some(None),
        some: Some(Some("x")),
        token: Some("hunter2".to_owned()),
    };
    let in_struct = capture(|| config!(..odd()));
    let in_call = capture(|| {
        let Odd { single, wide, nan, infinite, none, some, token } = odd();
        config!(single, wide, nan, infinite, none, some, token);
    });
    assert_eq!(in_call.config, in_struct.config);
    assert_eq!(in_call.config.get("single"), Some(&json!(0.1)));
    assert_eq!(in_call.config.get("nan"), Some(&json!(null)));
    assert_eq!(in_call.config.get("infinite"), Some(&json!("-Infinity")));
    assert!(!format!("{in_call:?}").contains("hunter2"), "whichever way it goes, a secret stays out");
}

/// Values are looked at once, and only while something records.
#[test]
fn values_are_evaluated_once_and_only_when_recorded() {
    let mut count = 0;
    let mut next = || {
        count += 1;
        f64::from(count)
    };
    let captured = capture(|| {
        metric!(step = 0, a = next());
        metric!(step = 1, b = next(), ..[("c", next())]);
        summary!(d = next());
        config!(e = next(), f = vec![next()]);
    });
    assert_eq!(
        (captured.metric("a"), captured.metric("b"), captured.metric("c")),
        (vec![1.0], vec![2.0], vec![3.0])
    );
    assert_eq!(captured.summary("d"), Some(&json!(4.0)));
    assert_eq!(
        (captured.config.get("e"), captured.config.get("f")),
        (Some(&json!(5.0)), Some(&json!([6.0])))
    );
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::new(), || {
        metric!(step = 0, a = next())
    });
    assert_eq!(count, 6, "nobody listens");
}
