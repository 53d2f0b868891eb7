//! Encoding by hand where it pays: numbers and JSON as W&B reads them, and the history record, of which a run has
//! one per row. A test checks every byte of the latter against `prost`.

use serde_json::Value;

use crate::kinds::metric::Number;

/// Appends a number as W&B's JSON: `NaN`, `Infinity` and `-Infinity` are bare words.
pub(crate) fn number(out: &mut Vec<u8>, number: Number) {
    match number {
        Number::F64(v) => float(out, v),
        Number::I64(v) => out.extend_from_slice(itoa::Buffer::new().format(v).as_bytes()),
        Number::U64(v) => out.extend_from_slice(itoa::Buffer::new().format(v).as_bytes()),
    }
}

fn float(out: &mut Vec<u8>, v: f64) {
    if v.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(v).as_bytes());
    } else if v.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if v > 0.0 {
        out.extend_from_slice(b"Infinity");
    } else {
        out.extend_from_slice(b"-Infinity");
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

/// Appends one history item: an encoded key (see [`item_key`]) and the JSON that `value` writes.
#[inline]
pub(crate) fn history_item(out: &mut Vec<u8>, key: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
    // Lengths stand before what they measure; both are one byte for all but giant items, which are moved afterwards.
    out.push(0x0a);
    let item_at = out.len();
    out.push(0);
    out.extend_from_slice(key);
    out.extend_from_slice(&[0x82, 0x01]);
    let value_at = out.len();
    out.push(0);
    value(out);
    length_at(out, value_at);
    length_at(out, item_at);
}

/// Sets the length byte at `at` to what follows it, and makes room where a length needs more than one byte.
#[inline]
fn length_at(out: &mut Vec<u8>, at: usize) {
    let length = out.len() - at - 1;
    if let (Ok(short @ 0..=0x7f), Some(place)) = (u8::try_from(length), out.get_mut(at)) {
        *place = short;
        return;
    }
    let mut long = Vec::with_capacity(5);
    varint(&mut long, length as u64);
    drop(out.splice(at..=at, long));
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
                history_item(&mut items, &encoded, |o| number(o, Number::F64(v)));
                want.push(Item {
                    nested_key: vec![key.clone()],
                    value_json: text(|o| number(o, Number::F64(v))),
                    ..Item::default()
                });
                history_item(&mut items, &encoded, |o| json_text(o, &note));
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
