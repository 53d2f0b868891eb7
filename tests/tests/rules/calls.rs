//! What each form of the other calls records: `summary!`, `config!`, `alert!`, `file!`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use ups_track::testing::capture;
use ups_track::{EvalSummary, Key, Mode, Run, RunConfig, alert, config, file, metric, summary, track_stage};

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
        none: Option<&'static str>,
        some: Option<&'static str>,
    }
    let odd = || Odd {
        single: 0.1,
        wide: i128::MIN,
        nan: f64::NAN,
        infinite: Some(f64::NEG_INFINITY),
        none: None,
        some: Some("x"),
    };
    let in_struct = capture(|| config!(..odd()));
    let in_call = capture(|| {
        let Odd { single, wide, nan, infinite, none, some } = odd();
        config!(single, wide, nan, infinite, none, some);
    });
    assert_eq!(in_call.config, in_struct.config);
    assert_eq!(in_call.config.get("single"), Some(&json!(0.1)));
    assert_eq!(in_call.config.get("nan"), Some(&json!(null)));
    assert_eq!(in_call.config.get("infinite"), Some(&json!("-Infinity")));
    let secret = capture(|| config!(token = Some("hunter2"), password = ["hunter2"], max_tokens = 5));
    assert!(
        !format!("{secret:?}").contains("hunter2"),
        "whichever way it goes, a secret stays out: {secret:?}"
    );
}

/// Values are evaluated once, as the arguments of a function are, also while nothing records: on every rank alike.
#[test]
fn values_are_evaluated_once_whatever_records() {
    const C: Key = Key::new("c");
    let mut count = 0;
    let mut next = || {
        count += 1;
        f64::from(count)
    };
    let captured = capture(|| {
        metric!(step = 0, a = next());
        metric!(b = next(), step = next(), { C } = next(), ..[("d", next())]);
        summary!(s = next());
        config!(e = next(), f = vec![next()]);
    });
    assert_eq!(
        ["a", "b", "step", "c", "d"].map(|key| captured.rows.iter().rev().find_map(|row| row.get(key))),
        [1.0, 2.0, 3.0, 4.0, 5.0].map(Some),
        "from left to right"
    );
    assert_eq!(captured.summary("s"), Some(&json!(6.0)));
    assert_eq!(
        (captured.config.get("e"), captured.config.get("f")),
        (Some(&json!(7.0)), Some(&json!([8.0])))
    );
    let nowhere = Run::builder().mode(Mode::Disabled).global(false).quiet(true).start().unwrap();
    nowhere.scope(|_| {
        metric!(step = 0, a = next());
        metric!(b = next(), step = next(), { C } = next(), ..[("d", next())]);
        summary!(s = next());
        config!(e = next(), f = vec![next()]);
        alert!("title", "{}", next());
        file!({
            next();
            "no such file"
        });
    });
    assert_eq!(count, 18, "nothing records");
}
