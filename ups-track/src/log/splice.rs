//! Taking history records apart and putting them together again without looking at what does not change: a row of a
//! child becomes a row of its parent at the price of a copy. A test checks it against `prost`.

use prost::Message as _;

use super::encode;
use super::record::History;

/// Keys of W&B's own values, as [`encode::item_key`] gives them.
pub(crate) const RUNTIME: &[u8] = b"\x12\x08_runtime";
pub(crate) const TIMESTAMP: &[u8] = b"\x12\x0a_timestamp";
pub(crate) const STEP: &[u8] = b"\x12\x05_step";

/// One item of a row, as it stands in the record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RawItem<'a> {
    /// All of it.
    pub(crate) bytes: &'a [u8],
    /// The encoded key: [`encode::item_key`].
    pub(crate) key: &'a [u8],
    /// The value.
    pub(crate) json: &'a [u8],
}

impl RawItem<'_> {
    /// The key as text.
    pub(crate) fn name(&self) -> Option<&str> {
        let (_, length) = self.key.split_first()?;
        let (_, name) = varint(length)?;
        std::str::from_utf8(name).ok()
    }
}

/// Reads a varint; gives it and what follows.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(at).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

/// Reads a length and as many bytes; gives them and what follows.
pub(super) fn block(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// The items of a record that is a row and nothing else, as [`encode::history_record`] writes it.
pub(crate) fn history_items(record: &[u8]) -> Option<&[u8]> {
    let (_, rest) = varint(record.strip_prefix(&[0x08])?)?;
    let (items, rest) = block(rest.strip_prefix(&[0x12])?)?;
    rest.is_empty().then_some(items)
}

/// The bytes of the first of the items, and what follows.
#[inline]
pub(crate) fn split_bytes(items: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = block(items.strip_prefix(&[0x0a])?)?;
    Some((items.get(..items.len() - rest.len())?, rest))
}

/// An item in the form in which [`encode::history_item`] writes it. None if it has another form, which may be as good:
/// see [`canonical`].
#[inline]
pub(crate) fn item(bytes: &[u8]) -> Option<RawItem<'_>> {
    let (inner, _) = block(bytes.strip_prefix(&[0x0a])?)?;
    let (name, after) = block(inner.strip_prefix(&[0x12])?)?;
    let key = inner.get(..inner.len() - after.len())?;
    let (json, end) = block(after.strip_prefix(&[0x82, 0x01])?)?;
    (!name.is_empty() && end.is_empty()).then_some(RawItem { bytes, key, json })
}

/// The items of any row in the form that [`item`] takes, except that keys of several parts stay what they are.
pub(crate) fn canonical(row: &History) -> Vec<u8> {
    let mut items = Vec::new();
    for item in &row.item {
        let mut path = item.path();
        if let (Some(name), None) = (path.next(), path.next()) {
            let mut key = Vec::new();
            encode::item_key(&mut key, name);
            encode::history_item(&mut items, &key, item.value_json.as_bytes());
        } else {
            items.push(0x0a);
            encode::varint(&mut items, item.encoded_len() as u64);
            // Writing into memory cannot fail.
            let _encoded = item.encode(&mut items);
        }
    }
    items
}

/// Appends the field that tells where a record came from.
pub(crate) fn push_uuid(record: &mut Vec<u8>, uuid: &str) {
    record.extend_from_slice(&[0x9a, 0x01]);
    encode::varint(record, uuid.len() as u64);
    record.extend_from_slice(uuid.as_bytes());
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::log::record::{Item, Kind, Record};

    fn plain(key: &str, json: &str) -> Item {
        Item { nested_key: vec![key.into()], value_json: json.into(), ..Item::default() }
    }

    proptest! {
        #[test]
        fn what_is_split_is_what_prost_reads(
            num in 1_i64..,
            items in prop::collection::vec(("[a-zü/._]{1,200}", "\\PC{1,200}"), 0..20),
            uuid in "[a-z0-9/]{0,200}",
        ) {
            let row = History { item: items.iter().map(|(key, json)| plain(key, json)).collect(), step: None };
            let record = Record { num, kind: Some(Kind::History(row.clone())), uuid: String::new() };
            let mut bytes = record.encode_to_vec();
            let mut rest = history_items(&bytes).unwrap();
            prop_assert_eq!(canonical(&row), rest);
            for (key, json) in &items {
                let (bytes, after) = split_bytes(rest).unwrap();
                let split = item(bytes).unwrap();
                prop_assert_eq!((split.name(), split.json), (Some(key.as_str()), json.as_bytes()));
                rest = after;
            }
            prop_assert!(rest.is_empty());
            if !uuid.is_empty() {
                push_uuid(&mut bytes, &uuid);
            }
            prop_assert_eq!(Record::decode(bytes.as_slice()).unwrap(), Record { uuid, ..record });
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut rest = history_items(&bytes).unwrap_or(&bytes);
            while let Some((bytes, after)) = split_bytes(rest) {
                let _name = item(bytes).and_then(|item| item.name().map(str::len));
                prop_assert!(after.len() < rest.len());
                rest = after;
            }
        }
    }

    #[test]
    fn other_forms_become_the_one_where_they_can() {
        let nested =
            Item { nested_key: vec!["a".into(), "b".into()], value_json: "1".into(), ..Item::default() };
        let old = Item { key: "a".into(), value_json: "1".into(), ..Item::default() };
        let row = History { item: vec![nested, old], step: None };
        let record =
            Record { num: 1, kind: Some(Kind::History(row.clone())), uuid: String::new() }.encode_to_vec();
        let items = history_items(&record).unwrap();
        let (first, rest) = split_bytes(items).unwrap();
        assert_eq!((item(first), item(rest)), (None, None));
        let items = canonical(&row);
        let (first, rest) = split_bytes(&items).unwrap();
        assert_eq!((item(first), item(rest).unwrap().json), (None, b"1".as_slice()));
    }
}
