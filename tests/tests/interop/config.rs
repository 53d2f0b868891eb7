//! Configuration of every JSON type, set at the start and while running.

use serde_json::{Value, json};
use ups_track::{RunConfig, config};
use ups_track_tests::normalized::assert_same;

use crate::{config_of, python, summary_without_rows, twin};

#[test]
fn updates_merge_leaf_by_leaf() {
    let run = python("nested_config");
    let expected = json!({
        "lr": 0.001,
        "epochs": 20,
        "resume": false,
        "seed": null,
        "betas": [0.9, 0.999],
        // The client replaced `model` by an object with `name` alone; on the way to the server, objects merge.
        // An empty object has no leaf and is not there at all.
        "model": {
            "name": "replaced",
            "layers": [{"width": 64, "act": "gelu"}, {"width": 128, "act": null}],
            "depth": {"encoder": 2, "decoder": 3},
            "none": [],
        },
        "a.b": "a dot is part of the name",
        "late": {"x": 1},
    });
    assert_eq!(config_of(run), expected);
    assert!(run.history().is_empty());
    assert_eq!(summary_without_rows(run), json!({}));
}

#[derive(RunConfig)]
struct Hyper {
    lr: f64,
    epochs: u64,
    resume: bool,
    seed: Option<u64>,
    betas: [f64; 2],
    model: Model,
    #[track(rename = "a.b")]
    dotted: &'static str,
}

#[derive(RunConfig)]
struct Model {
    name: String,
    layers: Vec<Layer>,
    depth: Depth,
    empty: Value,
    none: Vec<f64>,
}

#[derive(RunConfig)]
struct Layer {
    width: u32,
    act: Option<&'static str>,
}

#[derive(RunConfig)]
struct Depth {
    encoder: u8,
    decoder: u8,
}

#[derive(RunConfig)]
struct Replaced {
    name: &'static str,
}

#[test]
fn ups_track_configs_are_the_same() {
    let hyper = Hyper {
        lr: 1e-3,
        epochs: 10,
        resume: false,
        seed: None,
        betas: [0.9, 0.999],
        model: Model {
            name: "Öperator-Ω".to_owned(),
            layers: vec![Layer { width: 64, act: Some("gelu") }, Layer { width: 128, act: None }],
            depth: Depth { encoder: 2, decoder: 3 },
            empty: json!({}),
            none: Vec::new(),
        },
        dotted: "a dot is part of the name",
    };
    let recorded = twin::record(
        "nested_config",
        |builder| builder.config(&hyper),
        |run| {
            let epochs = 20_u64;
            config!(epochs, model = Replaced { name: "replaced" });
            run.update_config(&[("late", json!({"x": 1}))]);
        },
    );
    assert_same(python("nested_config"), &recorded.synced());
}
