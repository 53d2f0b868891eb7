//! Decoding a record without what says nothing in it. An empty item is two bytes in a log and 72 in memory: a record of
//! ten megabytes of them, which W&B's own reader takes as well, must not take 366.

use prost::{DecodeError, Message as _};

use super::encode;
use super::record::Record;
use super::splice::{block, varint};

/// Records up to this size are decoded as they are.
const LARGE: usize = 64 * 1024;

/// The fields of a record that hold messages, of which these fields hold items or names.
const LISTS: &[(u64, &[u64])] = &[
    (HISTORY, &[1]),
    (SUMMARY, &[1, 2]),
    (CONFIG, &[1, 2]),
    (FILES, &[1]),
    (STATS, &[3]),
    (RUN, &[10]),
    (ENVIRONMENT, &[5]),
];
const HISTORY: u64 = 2;
const SUMMARY: u64 = 3;
const CONFIG: u64 = 5;
const FILES: u64 = 6;
const STATS: u64 = 7;
const RUN: u64 = 17;
const ENVIRONMENT: u64 = 26;

/// The field of a run record that holds its config.
const CONFIG_OF_RUN: u64 = 4;

/// Decodes a record; of a large one without empty items.
pub(crate) fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
    if bytes.len() <= LARGE {
        return Record::decode(bytes);
    }
    let mut lean = Vec::new();
    each_field(bytes, &mut lean, |field, lean| match field.inner {
        Some(body) if LISTS.iter().any(|(kind, _)| *kind == field.number) => {
            field.with(&message(field.number, body), lean);
        }
        _ => lean.extend_from_slice(field.bytes),
    });
    Record::decode(lean.as_slice())
}

/// A message of a kind without its empty items.
fn message(kind: u64, body: &[u8]) -> Vec<u8> {
    let lists = LISTS.iter().find(|(listed, _)| *listed == kind).map_or(&[][..], |(_, fields)| *fields);
    let has_names = matches!(kind, RUN | ENVIRONMENT);
    let mut lean = Vec::new();
    each_field(body, &mut lean, |field, lean| match field.inner {
        Some(config) if kind == RUN && field.number == CONFIG_OF_RUN => {
            field.with(&message(CONFIG, config), lean);
        }
        Some(inner)
            if lists.contains(&field.number) && (inner.is_empty() || !has_names && is_empty(inner)) => {}
        _ => lean.extend_from_slice(field.bytes),
    });
    lean
}

/// Whether all fields of an item are empty.
fn is_empty(item: &[u8]) -> bool {
    let mut rest = item;
    while let Some(field) = Field::first(rest) {
        if field.number == 0 || field.inner.is_none_or(|inner| !inner.is_empty()) {
            return false;
        }
        rest = field.rest;
    }
    rest.is_empty()
}

/// Calls `each` with every field. What is no field is copied, for the decoder to refuse.
fn each_field<'b>(bytes: &'b [u8], out: &mut Vec<u8>, mut each: impl FnMut(&Field<'b>, &mut Vec<u8>)) {
    let mut rest = bytes;
    while let Some(field) = Field::first(rest) {
        each(&field, out);
        rest = field.rest;
    }
    out.extend_from_slice(rest);
}

/// A field of a message.
struct Field<'b> {
    number: u64,
    /// All of it, its tag, and what follows it.
    bytes: &'b [u8],
    tag: &'b [u8],
    rest: &'b [u8],
    /// The content of one that has a length.
    inner: Option<&'b [u8]>,
}

impl<'b> Field<'b> {
    /// The first field; none at the end, and none if there is something else.
    fn first(bytes: &'b [u8]) -> Option<Self> {
        let (tag, behind) = varint(bytes)?;
        let (inner, rest) = match tag & 7 {
            0 => (None, varint(behind)?.1),
            1 => (None, behind.get(8..)?),
            2 => block(behind).map(|(inner, rest)| (Some(inner), rest))?,
            // A group begins or ends: its fields are gone through like others.
            3 | 4 => (None, behind),
            5 => (None, behind.get(4..)?),
            _ => return None,
        };
        Some(Self {
            number: tag >> 3,
            bytes: bytes.get(..bytes.len() - rest.len())?,
            tag: bytes.get(..bytes.len() - behind.len())?,
            rest,
            inner,
        })
    }

    /// Appends the field with other content.
    fn with(&self, inner: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.tag);
        encode::varint(out, inner.len() as u64);
        out.extend_from_slice(inner);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::log::record::{Config, FileItem, Files, History, Item, Kind, Run, Stats, Summary};

    fn item(key: &str, value: &str) -> Item {
        Item { key: key.to_owned(), nested_key: Vec::new(), value_json: value.to_owned() }
    }

    /// Records of every kind that has items, with empty ones among them.
    fn kinds() -> Vec<Kind> {
        let items = || vec![Item::default(), item("a", "1"), Item::default(), item("", "2"), item("b", "")];
        let config = || Config { update: items(), remove: items() };
        let padding = "x".repeat(LARGE);
        vec![
            Kind::History(History { item: [items(), vec![item("p", &padding)]].concat(), step: None }),
            Kind::Summary(Summary { update: vec![item("p", &padding), Item::default()], remove: items() }),
            Kind::Config(Config { update: [items(), vec![item("p", &padding)]].concat(), remove: items() }),
            Kind::Stats(Stats { item: [items(), vec![item("p", &padding)]].concat(), ..Stats::default() }),
            Kind::Files(Files {
                files: vec![FileItem::default(), FileItem { path: padding.clone(), ..FileItem::default() }],
            }),
            Kind::Run(Box::new(Run {
                config: Some(config()),
                tags: vec!["a".into(), String::new(), "\n\0".into()],
                notes: padding,
                ..Run::default()
            })),
        ]
    }

    /// Takes the empty items out of a decoded record.
    fn without_empty(mut record: Record) -> Record {
        let lean = |items: &mut Vec<Item>| items.retain(|item| *item != Item::default());
        match record.kind.as_mut().unwrap() {
            Kind::History(history) => lean(&mut history.item),
            Kind::Summary(Summary { update, remove }) | Kind::Config(Config { update, remove }) => {
                lean(update);
                lean(remove);
            }
            Kind::Stats(stats) => lean(&mut stats.item),
            Kind::Files(files) => files.files.retain(|file| *file != FileItem::default()),
            Kind::Run(run) => {
                let config = run.config.as_mut().unwrap();
                lean(&mut config.update);
                lean(&mut config.remove);
                run.tags.retain(|tag| !tag.is_empty());
            }
            _ => {}
        }
        record
    }

    #[test]
    fn only_empty_items_are_left_out() {
        for kind in kinds() {
            let bytes = Record { num: 7, kind: Some(kind), uuid: "s/1".into() }.encode_to_vec();
            let whole = Record::decode(bytes.as_slice()).unwrap();
            let lean = decode(&bytes).unwrap();
            assert_ne!(lean, whole);
            assert_eq!(lean, without_empty(whole));
        }
    }

    #[test]
    fn a_record_of_empty_items_is_none() {
        for piece in [&[0x0a, 0][..], &[0x0a, 2, 0x0a, 0], &[0x0a, 7, 0x12, 0, 0x12, 0, 0x82, 1, 0]] {
            let items = piece.repeat(200_000);
            let mut bytes = Vec::new();
            encode::history_record(&mut bytes, 1, &items);
            let record = decode(&bytes).unwrap();
            assert_eq!(record.kind, Some(Kind::History(History::default())));
        }
    }

    proptest! {
        #[test]
        fn what_is_no_record_is_none(cut in 0..2000_usize, byte in 0..2000_usize, new in any::<u8>(), kind in 0..6_usize) {
            let kind = kinds().swap_remove(kind);
            let mut bytes = Record { num: 7, kind: Some(kind), uuid: String::new() }.encode_to_vec();
            if let Some(place) = bytes.get_mut(byte) {
                *place = new;
            }
            bytes.truncate(bytes.len() - cut / 2);
            prop_assert_eq!(decode(&bytes).is_ok(), Record::decode(bytes.as_slice()).is_ok());
        }
    }
}
