//! JSON as servers give it: with bare `NaN`s, control characters in texts, and numbers of another kind than the type
//! that is asked for.

use std::borrow::Cow;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value};

/// An object, from JSON text or from what was taken for an object already; an empty one from nothing.
pub(super) fn object(found: Option<Value>) -> Result<Map<String, Value>, String> {
    match found {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(Map::new()),
        Some(Value::String(text)) => match parse(&text)? {
            Value::Object(object) => Ok(object),
            Value::Null => Ok(Map::new()),
            other => Err(format!("expected is an object, found {other}")),
        },
        Some(other) => Err(format!("expected is an object, found {other}")),
    }
}

/// A value from text that may have bare words and control characters.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(strict) => {
            let escaped = escape_controls(text);
            let standard = crate::json::standard(&escaped).ok_or_else(|| strict.to_string())?;
            serde_json::from_str(&standard).map_err(|e| e.to_string())
        }
    }
}

/// Escapes the control characters inside of strings.
fn escape_controls(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c < ' ') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let (mut inside, mut escaped) = (false, false);
    for c in text.chars() {
        if inside && c < ' ' {
            if escaped {
                // A backslash before it stands for itself, as it would in no JSON.
                out.push('\\');
            }
            let code = format!("\\u{:04x}", u32::from(c));
            out.push_str(&code);
            escaped = false;
            continue;
        }
        match c {
            '"' if !escaped => inside = !inside,
            _ => {}
        }
        escaped = inside && c == '\\' && !escaped;
        out.push(c);
    }
    Cow::Owned(out)
}

/// A value as a type.
pub(super) fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, Error> {
    T::deserialize(Lenient(value))
}

/// An object as a type.
pub(super) fn typed_object<T: DeserializeOwned>(object: &Map<String, Value>) -> Result<T, Error> {
    T::deserialize(MapDeserializer::new(entries(object)))
}

fn entries(object: &Map<String, Value>) -> impl Iterator<Item = (&str, Lenient<'_>)> {
    object.iter().map(|(key, value)| (key.as_str(), Lenient(value)))
}

/// Gives numbers where numbers are asked for: words for what JSON has no number for, and whole floats as integers.
#[derive(Clone, Copy)]
struct Lenient<'a>(&'a Value);

impl Lenient<'_> {
    fn float(self) -> Option<f64> {
        match self.0.as_str()? {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        }
    }

    fn whole(self) -> Option<i64> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let float = self.0.as_f64().filter(|_| self.0.is_f64())?;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough to be exact")]
        (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
    }
}

/// Methods of integers: a float that is whole is one.
macro_rules! whole {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.whole() {
                Some(whole) => visitor.visit_i64(whole),
                None => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Lenient<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(list) => visitor.visit_seq(SeqDeserializer::new(list.iter().map(Lenient))),
            Value::Object(object) => visitor.visit_map(MapDeserializer::new(entries(object))),
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.float() {
            Some(float) => visitor.visit_f64(float),
            None => self.deserialize_any(visitor),
        }
    }

    whole! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
    deserialize_u32 deserialize_u64 }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Lenient<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[test]
    fn text_of_all_clients_is_read() {
        for (text, want) in [
            (r#"{"a":NaN,"b":[Infinity,-Infinity]}"#, json!({"a": "NaN", "b": ["Infinity", "-Infinity"]})),
            ("{\"a\":\"one\ntwo\x01\\\"NaN\",\n\t\"b\":NaN}", json!({"a": "one\ntwo\u{1}\"NaN", "b": "NaN"})),
            ("{\"a\\\\\": \"\\\n\"}", json!({"a\\": "\\\n"})),
            ("{}", json!({})),
        ] {
            assert_eq!(Value::Object(object(Some(text.into())).unwrap()), want, "{text}");
        }
        assert_eq!(object(None).unwrap(), Map::new());
        assert_eq!(object(Some("".into())).unwrap(), Map::new());
        for bad in ["[1]", "{", "nan", "{\"a\": \"\n}", "\"\\\n"] {
            assert!(object(Some(bad.into())).is_err(), "{bad}");
        }
        let deep = format!("{}1{}", r#"{"a":"#.repeat(50_000), "}".repeat(50_000));
        assert!(object(Some(deep.into())).is_err());
    }

    #[test]
    fn numbers_are_numbers_wherever_they_stand() {
        #[derive(Debug, Deserialize, PartialEq)]
        #[serde(rename_all = "lowercase")]
        enum Kind {
            Adam,
            Sgd { momentum: f64 },
        }
        #[derive(Debug, Deserialize, PartialEq)]
        struct Inner(Vec<f32>, Option<f64>, u8);
        #[derive(Debug, Deserialize, PartialEq)]
        struct All {
            inner: Inner,
            kinds: Vec<Kind>,
            text: String,
            none: Option<f64>,
            #[serde(default)]
            absent: i64,
        }
        let value = json!({
            "inner": [["Infinity", 1, 0.5], "-Infinity", 255.0],
            "kinds": ["adam", {"sgd": {"momentum": 0.9}}],
            "text": "NaN", "none": null, "other": {},
        });
        let all = All {
            inner: Inner(vec![f32::INFINITY, 1.0, 0.5], Some(f64::NEG_INFINITY), 255),
            kinds: vec![Kind::Adam, Kind::Sgd { momentum: 0.9 }],
            text: "NaN".to_owned(),
            none: None,
            absent: 0,
        };
        assert_eq!(typed::<All>(&value).unwrap(), all);
        assert_eq!(typed_object::<All>(value.as_object().unwrap()).unwrap(), all);
        assert!(typed::<f64>(&json!("NaN")).unwrap().is_nan());
        assert_eq!(typed::<u64>(&json!(u64::MAX)).unwrap(), u64::MAX);
        for (bad, value) in [(typed::<u8>(&json!(256.0)), 256.0), (typed::<u8>(&json!(0.5)), 0.5)] {
            assert!(bad.is_err(), "{value}");
        }
        assert!(typed::<f64>(&json!("nan")).is_err());
        assert_eq!(typed::<Value>(&value).unwrap(), value);
    }

    /// Values of JSON, a few deep.
    fn values() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "([ab\"\\\\\n\t\u{1}]|\\PC|NaN){0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,4}", inner, 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn standard_text_is_what_it_is_also_with_bare_controls(value in values()) {
            let text = value.to_string();
            proptest::prop_assert_eq!(parse(&text), Ok(value.clone()));
            // As W&B's servers give it: control characters in strings as they are.
            let bare = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\u0001", "\u{1}");
            if !text.contains("\\\\") {
                proptest::prop_assert_eq!(parse(&bare), Ok(value));
            }
        }

        #[test]
        fn garbage_never_panics(text in "(\\{|\\}|\\[|\\]|,|:|\"|\\\\|NaN|Infinity|[0-9.eE+-]|[ \n\u{1}a-z]){0,40}") {
            drop(parse(&text));
        }
    }
}
