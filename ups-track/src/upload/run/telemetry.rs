//! Telemetry: the run's own, whatever its client put in, as W&B encodes it in the config.

use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use serde_json::{Map, Value, json};

/// Telemetry whose messages stay bytes, so that flags of which this crate knows nothing go along.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct RawTelemetry {
    #[prost(bytes = "vec", tag = "1")]
    imports_init: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    imports_finish: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    feature: Vec<u8>,
    #[prost(string, tag = "4")]
    pub(super) python_version: String,
    #[prost(string, tag = "5")]
    pub(super) cli_version: String,
    #[prost(string, tag = "6")]
    huggingface_version: String,
    #[prost(bytes = "vec", tag = "8")]
    env: Vec<u8>,
    #[prost(bytes = "vec", tag = "9")]
    label: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    deprecated: Vec<u8>,
    #[prost(string, tag = "13")]
    platform: String,
}

impl RawTelemetry {
    /// Adds what a later record says: flags add up, texts take the place of earlier ones.
    pub(super) fn merge_later(&mut self, mut later: Self) {
        for (own, new) in [
            (&mut self.imports_init, &mut later.imports_init),
            (&mut self.imports_finish, &mut later.imports_finish),
            (&mut self.feature, &mut later.feature),
            (&mut self.env, &mut later.env),
            (&mut self.label, &mut later.label),
            (&mut self.deprecated, &mut later.deprecated),
        ] {
            // Messages one behind the other are the merged message.
            own.append(new);
        }
        for (own, new) in [
            (&mut self.python_version, later.python_version),
            (&mut self.cli_version, later.cli_version),
            (&mut self.huggingface_version, later.huggingface_version),
            (&mut self.platform, later.platform),
        ] {
            if !new.is_empty() {
                *own = new;
            }
        }
    }

    /// Whether the log is of a process that has joined another's run and could not reach its server.
    pub(super) fn is_of_member(&self) -> bool {
        let features = flags(&self.feature);
        features.contains(&4) && features.contains(&67)
    }

    /// The object for the config, keyed by field numbers. It is never empty: by it a server knows a run.
    pub(super) fn encode(&self) -> Value {
        let mut encoded = Map::new();
        let mut put = |field: &str, value: Value| drop(encoded.insert(field.to_owned(), value));
        for (field, bytes) in [
            ("1", &self.imports_init),
            ("2", &self.imports_finish),
            ("3", &self.feature),
            ("8", &self.env),
            ("10", &self.deprecated),
        ] {
            let set = flags(bytes);
            if !set.is_empty() {
                put(field, json!(set));
            }
        }
        for (field, text) in [
            ("4", self.python_version.as_str()),
            ("5", self.cli_version.as_str()),
            ("6", &self.huggingface_version),
            ("12", env!("CARGO_PKG_VERSION")),
            ("13", &self.platform),
        ] {
            if !text.is_empty() {
                put(field, json!(text));
            }
        }
        let label = texts(&self.label);
        if !label.is_empty() {
            put("9", Value::Object(label));
        }
        Value::Object(encoded)
    }
}

/// The numbers of the fields that are true, in order. What is no message gives what it has up to there.
fn flags(mut bytes: &[u8]) -> Vec<u32> {
    let mut set = std::collections::BTreeSet::new();
    while let Ok((field, wire)) = decode_key(&mut bytes) {
        match wire {
            WireType::Varint => match decode_varint(&mut bytes) {
                Ok(0) => drop(set.remove(&field)),
                Ok(_) => drop(set.insert(field)),
                Err(_) => break,
            },
            other if skip_field(other, field, &mut bytes, DecodeContext::default()).is_err() => break,
            _ => {}
        }
    }
    set.into_iter().collect()
}

/// The texts of a message by their field numbers.
fn texts(mut bytes: &[u8]) -> Map<String, Value> {
    let mut found = Map::new();
    while let Ok((field, wire)) = decode_key(&mut bytes) {
        if wire == WireType::LengthDelimited {
            let mut text = String::new();
            if prost::encoding::string::merge(wire, &mut text, &mut bytes, DecodeContext::default()).is_err()
            {
                break;
            }
            found.insert(field.to_string(), json!(text));
        } else if skip_field(wire, field, &mut bytes, DecodeContext::default()).is_err() {
            break;
        }
    }
    found
}

/// A run record of which only the telemetry is looked at.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RunTelemetry {
    #[prost(message, optional, tag = "19")]
    pub(crate) telemetry: Option<RawTelemetry>,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::log::record::{Feature, Telemetry};

    #[test]
    fn flags_add_up_and_texts_replace() {
        let telemetry = |feature, version: &str| {
            let telemetry =
                Telemetry { feature: Some(feature), cli_version: version.to_owned(), ..Telemetry::default() };
            RawTelemetry::decode(telemetry.encode_to_vec().as_slice()).unwrap()
        };
        let mut all = telemetry(Feature { offline: true, ..Feature::default() }, "1");
        all.merge_later(telemetry(Feature { metric: true, ..Feature::default() }, "2"));
        let expected = json!({"3": [4, 7], "5": "2", "12": env!("CARGO_PKG_VERSION")});
        assert_eq!(all.encode(), expected);
    }

    #[test]
    fn labels_are_texts_and_nonsense_is_left_out() {
        let label = vec![0x0a, 1, b'x', 0x12, 2, b'y', b'z', 0xff];
        let raw = RawTelemetry { label, feature: vec![0x20, 1, 0xff, 0xff], ..RawTelemetry::default() };
        let encoded = raw.encode();
        assert_eq!(encoded.get("9"), Some(&json!({"1": "x", "2": "yz"})));
        assert_eq!(encoded.get("3"), Some(&json!([4])));
    }
}
