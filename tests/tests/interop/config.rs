//! Configuration of every JSON type, set at the start and while running.

use serde_json::json;

use crate::{config_of, python, summary_without_rows};

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
    assert_eq!(config_of(&run), expected);
    assert!(run.history().is_empty());
    assert_eq!(summary_without_rows(&run), json!({}));
}
