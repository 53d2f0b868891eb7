//! YAML as far as W&B uses it: reading sweep parameters and config files, writing `config.yaml`.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

use crate::harmless;

/// Reads one YAML document as JSON.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let documents = Yaml::load_from_str(text).map_err(|e| e.to_string())?;
    documents.first().map_or(Ok(Value::Null), json)
}

fn json(node: &Yaml<'_>) -> Result<Value, String> {
    match node {
        Yaml::Value(scalar) => Ok(match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(v) => Value::from(*v),
            Scalar::Integer(v) => Value::from(*v),
            Scalar::FloatingPoint(v) => Value::from(v.into_inner()),
            Scalar::String(v) => Value::from(v.as_ref()),
        }),
        Yaml::Sequence(items) => items.iter().map(json).collect::<Result<_, _>>().map(Value::Array),
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let key = match json(key)? {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                map.insert(key, json(value)?);
            }
            Ok(Value::Object(map))
        }
        Yaml::Tagged(_, inner) => json(inner),
        Yaml::Representation(text, ..) => Ok(Value::from(text.as_ref())),
        Yaml::Alias(_) => Err("aliases are not supported".into()),
        Yaml::BadValue => Err("a value that YAML does not know".into()),
    }
}

/// W&B's form of a config: every entry is a map with the key `value` (and perhaps `desc`); plain entries are taken
/// as they are, and `wandb_version` and `_wandb` belong to W&B.
pub(crate) fn config_entries(document: Value) -> Result<Map<String, Value>, String> {
    let entries = match document {
        Value::Object(entries) => entries,
        Value::Null => Map::new(),
        _ => return Err("expected a map of settings".into()),
    };
    Ok(entries
        .into_iter()
        .filter(|(key, _)| key != "wandb_version" && key != "_wandb")
        .map(|(key, value)| match value {
            Value::Object(mut inner) if inner.contains_key("value") => {
                (key, inner.remove("value").unwrap_or_default())
            }
            plain => (key, plain),
        })
        .collect())
}

/// Writes W&B's `config.yaml`: every entry is a map with the one key `value`.
pub(crate) fn config_yaml(config: &Map<String, Value>) -> String {
    let mut out = String::new();
    for (key, value) in config {
        out.push_str(&text(key));
        out.push_str(":\n    value:");
        node(value, 8, &mut out);
    }
    if out.is_empty() {
        out.push_str("{}\n");
    }
    out
}

/// Writes a value behind a `:` or `-`.
fn node(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            out.push('\n');
            for (key, value) in entries {
                out.extend(std::iter::repeat_n(' ', indent));
                out.push_str(&text(key));
                out.push(':');
                node(value, indent + 4, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                out.extend(std::iter::repeat_n(' ', indent));
                out.push('-');
                node(item, indent + 4, out);
            }
        }
        Value::String(plain) => {
            out.push(' ');
            out.push_str(&text(plain));
            out.push('\n');
        }
        // Numbers, bools, null and empty collections are written as JSON, which YAML understands.
        other => {
            out.push(' ');
            out.push_str(&other.to_string());
            out.push('\n');
        }
    }
}

/// A text as YAML: plain where nothing could misread it, else as a JSON string, which YAML understands.
fn text(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./ ".contains(c))
        && !text.ends_with(' ')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n" | "nan" | "inf" | "infinity"
        );
    if plain { text.to_owned() } else { harmless::json(&Value::from(text).to_string()).into_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn sweep_parameters() {
        let text =
            "wandb_version: 1\n\nlr:\n  value: 0.01\nlayers:\n  desc: null\n  value: [1, 2]\nname: plain\n";
        let entries = super::parse(text).and_then(super::config_entries);
        assert_eq!(
            entries.map(serde_json::Value::Object),
            Ok(json!({"lr": 0.01, "layers": [1, 2], "name": "plain"}))
        );
    }

    #[test]
    fn not_a_map_is_an_error() {
        assert!(super::parse("- 1\n- 2").and_then(super::config_entries).is_err());
        assert!(super::parse("a: [").is_err());
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            (-1e9_f64..1e9).prop_map(Into::into),
            "[ -~äß\n\t]{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::Array),
                prop::collection::btree_map("[ -~]{1,8}", inner, 0..5)
                    .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(config in prop::collection::btree_map("[ -~]{1,8}", any_json(), 0..6)) {
            let config: serde_json::Map<_, _> =
                config.into_iter().filter(|(key, _)| key != "_wandb" && key != "wandb_version").collect();
            let text = super::config_yaml(&config);
            let read = super::parse(&text).and_then(super::config_entries);
            prop_assert_eq!(read.as_ref(), Ok(&config), "{}", text);
        }

        #[test]
        fn never_panics(text in "[ -~\n]{0,200}") {
            drop(super::parse(&text).and_then(super::config_entries));
        }
    }
}
