//! Values at the edges of their types.

use serde_json::{Map, Value, json};
use ups_track_tests::json::{INFINITY, NAN, NEG_INFINITY};

use crate::{config_of, history, python, summary};

/// What arrives for the values that configuration, summary and history treat alike.
fn alike() -> Map<String, Value> {
    let values = json!({
        "inf": INFINITY,
        "neg_inf": NEG_INFINITY,
        // Above the range of i64 the client's own integers become floats.
        "u64_max": 1.844_674_407_370_955_2e19,
        "i64_min": i64::MIN,
        "i64_max": i64::MAX,
        "tiny": 5e-324,
        "big": f64::MAX,
        "whole": 3,
        "text": "naïve \"quotes\" \\ \n\t 漢字 🚀 \u{1}",
        "empty": "",
        "nan_text": "NaN",
        "yes": true,
    });
    values.as_object().cloned().unwrap_or_default()
}

/// [`alike`] with a prefix for the keys, together with what is particular.
fn odd(prefix: &str, particular: Value) -> Map<String, Value> {
    let Value::Object(particular) = particular else { return Map::new() };
    alike().into_iter().chain(particular).map(|(key, value)| (format!("{prefix}{key}"), value)).collect()
}

#[test]
fn config_has_no_nan() {
    let run = python("odd_values");
    let particular = json!({
        "nan": null,
        "nothing": null,
        "neg_zero": -0.0,
        "list": [1, null, "x"],
        "dict": {"nan": null, "deep": {"inf": INFINITY}},
    });
    assert_eq!(config_of(&run), Value::Object(odd("", particular)));
}

#[test]
fn history_keeps_nan_and_null() {
    let run = python("odd_values");
    let particular = json!({
        "nan": NAN,
        "nothing": null,
        // Written as `-0`, which is an integer.
        "neg_zero": 0,
        "list": [1, NAN, "x"],
        "dict": {"nan": NAN, "deep": {"inf": INFINITY}},
    });
    let mut last = odd("h_", particular);
    last.insert("_step".to_owned(), json!(3));
    let expected = json!([
        {"_step": 0, "loss": NAN},
        {"_step": 1, "loss": INFINITY, "low": NEG_INFINITY},
        {"_step": 2, "loss": 0.5},
        last,
    ]);
    assert_eq!(history(&run), expected);
}

#[test]
fn summary_has_no_null() {
    let run = python("odd_values");
    // What is set in the summary itself: a NaN is written as null, and null takes the key away. Inside an object
    // null stays, and inside a list NaN does.
    let set = json!({
        "neg_zero": -0.0,
        "list": [1, NAN, "x"],
        "dict": {"nan": null, "deep": {"inf": INFINITY}},
    });
    // What comes from the history: NaN stays, null takes the key away.
    let logged = json!({
        "nan": NAN,
        "neg_zero": 0,
        "list": [1, NAN, "x"],
        "dict": {"nan": NAN, "deep": {"inf": INFINITY}},
    });
    let mut expected = odd("s_", set);
    expected.extend(odd("h_", logged));
    expected.extend([
        ("_step".to_owned(), json!(3)),
        ("loss".to_owned(), json!(0.5)),
        ("low".to_owned(), json!(NEG_INFINITY)),
    ]);
    assert_eq!(summary(&run), Value::Object(expected));
}
