//! Encoding by hand where it pays: numbers and JSON as W&B reads them, and the history record, of which a run has
//! one per row. A test checks every byte of the latter against `prost`.

use serde_json::Value;

use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;

/// Appends a number as W&B's JSON: `NaN`, `Infinity` and `-Infinity` are bare words.
pub(crate) fn number(out: &mut Vec<u8>, number: Number) {
    with_number(number, |text| out.extend_from_slice(text));
}

/// The same, without a place that it must go to.
#[inline]
fn with_number(number: Number, take: impl FnOnce(&[u8])) {
    match number {
        Number::F64(v) if v.is_finite() => take(zmij::Buffer::new().format_finite(v).as_bytes()),
        Number::F64(v) if v.is_nan() => take(b"NaN"),
        Number::F64(v) => take(if v > 0.0 { b"Infinity" } else { b"-Infinity" }),
        Number::I64(v) => take(itoa::Buffer::new().format(v).as_bytes()),
        Number::U64(v) => take(itoa::Buffer::new().format(v).as_bytes()),
    }
}

/// Appends a time in seconds, given in milliseconds, with as many digits as it needs: `12`, `12.5`, `12.345`.
pub(crate) fn seconds(out: &mut Vec<u8>, millis: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(millis / 1000).as_bytes());
    let rest = millis % 1000;
    if rest != 0 {
        let digits =
            [b'.', b'0' + (rest / 100) as u8, b'0' + (rest / 10 % 10) as u8, b'0' + (rest % 10) as u8];
        let length = 4 - usize::from(rest.is_multiple_of(10)) - usize::from(rest.is_multiple_of(100));
        out.extend_from_slice(digits.get(..length).unwrap_or_default());
    }
}

/// Appends a plain value as W&B's JSON: ordinary JSON with the bare words `NaN`, `Infinity` and `-Infinity`.
pub(crate) fn scalar(out: &mut Vec<u8>, value: &Scalar) {
    match value {
        Scalar::Number(v) => number(out, *v),
        Scalar::Bool(true) => out.extend_from_slice(b"true"),
        Scalar::Bool(false) => out.extend_from_slice(b"false"),
        Scalar::Text(text) => json_text(out, text),
        Scalar::Json(value) => json_value(out, value),
    }
}

/// Appends a JSON string.
pub(crate) fn json_text(out: &mut Vec<u8>, text: &str) {
    // Writing JSON text into memory cannot fail.
    drop(serde_json::to_writer(out, text));
}

/// Appends a JSON value.
pub(crate) fn json_value(out: &mut Vec<u8>, value: &Value) {
    drop(serde_json::to_writer(out, value));
}

/// Appends a protobuf varint.
pub(crate) fn varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "the low seven bits")]
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "less than 0x80")]
    out.push(v as u8);
}

/// Appends the key of an item: field 2 (`nested_key`, one part), as W&B's own core writes keys.
pub(crate) fn item_key(out: &mut Vec<u8>, key: &str) {
    out.push(0x12);
    varint(out, key.len() as u64);
    out.extend_from_slice(key.as_bytes());
}

/// Appends one history item: an encoded key (see [`item_key`]) and its value, which is JSON.
#[inline]
pub(crate) fn history_item(out: &mut Vec<u8>, key: &[u8], json: &[u8]) {
    const VALUE: [u8; 2] = [0x82, 0x01];
    // Lengths are one byte for all but giant items.
    if let Ok(length @ 0..=0x7f) = u8::try_from(key.len() + VALUE.len() + 1 + json.len()) {
        out.extend_from_slice(&[0x0a, length]);
        out.extend_from_slice(key);
        #[expect(clippy::cast_possible_truncation, reason = "less than the whole")]
        out.extend_from_slice(&[VALUE[0], VALUE[1], json.len() as u8]);
        out.extend_from_slice(json);
        return;
    }
    let mut value = VALUE.to_vec();
    varint(&mut value, json.len() as u64);
    out.push(0x0a);
    varint(out, (key.len() + value.len() + json.len()) as u64);
    for part in [key, &value, json] {
        out.extend_from_slice(part);
    }
}

/// Appends one history item whose value is a number.
#[inline]
pub(crate) fn number_item(out: &mut Vec<u8>, key: &[u8], number: Number) {
    with_number(number, |text| history_item(out, key, text));
}

/// Wraps encoded items into `Record { num, history { items } }`, replacing what is in `out`.
#[inline]
pub(crate) fn history_record(out: &mut Vec<u8>, number: i64, items: &[u8]) {
    out.clear();
    out.push(0x08);
    #[expect(clippy::cast_sign_loss, reason = "record numbers are positive")]
    varint(out, number as u64);
    out.push(0x12);
    varint(out, items.len() as u64);
    out.extend_from_slice(items);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::log::record::{History, Item, Kind, Record};

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    #[test]
    fn numbers_as_wandb_reads_them() {
        for (v, want) in [
            (Number::F64(0.1), "0.1"),
            (Number::F64(f64::NAN), "NaN"),
            (Number::F64(f64::INFINITY), "Infinity"),
            (Number::F64(f64::NEG_INFINITY), "-Infinity"),
            (Number::F64(-0.0), "-0.0"),
            (Number::U64(u64::MAX), "18446744073709551615"),
            (Number::I64(i64::MIN), "-9223372036854775808"),
        ] {
            assert_eq!(text(|o| number(o, v)), want);
        }
    }

    #[test]
    fn times_have_the_digits_they_need() {
        for (millis, want) in
            [(0, "0"), (1, "0.001"), (120, "0.12"), (1500, "1.5"), (12_345, "12.345"), (7000, "7")]
        {
            assert_eq!(text(|o| seconds(o, millis)), want);
        }
    }

    proptest! {
        #[test]
        fn the_hand_encoder_equals_prost(
            num in 1_i64..,
            rows in prop::collection::vec(("[a-z/]{1,200}", any::<f64>(), "\\PC{0,200}"), 0..20),
        ) {
            let mut items = Vec::new();
            let mut want = Vec::new();
            for (key, v, note) in rows {
                let mut encoded = Vec::new();
                item_key(&mut encoded, &key);
                number_item(&mut items, &encoded, Number::F64(v));
                want.push(Item {
                    nested_key: vec![key.clone()],
                    value_json: text(|o| number(o, Number::F64(v))),
                    ..Item::default()
                });
                history_item(&mut items, &encoded, text(|o| json_text(o, &note)).as_bytes());
                want.push(Item {
                    nested_key: vec![key],
                    value_json: text(|o| json_text(o, &note)),
                    ..Item::default()
                });
            }
            let mut out = Vec::new();
            history_record(&mut out, num, &items);
            let record = Record { num, kind: Some(Kind::History(History { item: want, step: None })), uuid: String::new() };
            prop_assert_eq!(out, record.encode_to_vec());
        }

        #[test]
        fn finite_floats_read_back_exactly(v in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let read: f64 = text(|o| number(o, Number::F64(v))).parse().unwrap_or(f64::NAN);
            prop_assert_eq!(read.to_bits(), v.to_bits());
        }
    }
}
