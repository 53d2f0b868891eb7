#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::ledger::Sink;
use crate::log::record::{FileItem, Files, History, Run, Step, Summary};
use crate::os::clock::Timeline;

/// Keeps the encoded records.
#[derive(Debug, Default, Clone)]
struct Kept(Arc<Mutex<Vec<Vec<u8>>>>);

impl Sink for Kept {
    fn next_number(&self) -> i64 {
        i64::try_from(self.0.lock().unwrap().len()).unwrap() + 1
    }
    fn append(&mut self, mut record: Record) -> io::Result<()> {
        record.num = self.next_number();
        self.append_encoded(&record.encode_to_vec())
    }
    fn append_encoded(&mut self, record: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().push(record.to_vec());
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn trim(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn written(&self) -> u64 {
        0
    }
}

struct NoHost;

impl Host for NoHost {
    fn media(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn console(&mut self, _: Stream, _: &str) {}
    fn console_lines(&mut self, _: &str) {}
    fn amend(&mut self, _: Op) {}
    fn amended(&mut self) -> Option<Run> {
        None
    }
}

const START: u64 = 1_700_000_000_000_000_000;

fn ledger() -> (Ledger, Kept) {
    let kept = Kept::default();
    (Ledger::new(Box::new(kept.clone()), Timeline::of_past(START)), kept)
}

fn item(key: &str, json: impl Into<String>) -> Item {
    Item { nested_key: vec![key.into()], value_json: json.into(), ..Item::default() }
}

fn bytes(kind: Kind) -> Vec<u8> {
    Record { num: 7, kind: Some(kind), uuid: String::new() }.encode_to_vec()
}

fn row(values: &[(String, f64)], millis: u32, step: Option<Step>) -> Vec<u8> {
    let mut items: Vec<Item> = values.iter().map(|(key, v)| item(key, json(*v))).collect();
    items.push(item("_runtime", "0.5"));
    items.push(item("_timestamp", format!("{}.{millis:03}", START / 1_000_000_000)));
    items.push(item("_step", "3"));
    bytes(Kind::History(History { item: items, step }))
}

fn json(v: f64) -> String {
    let mut out = Vec::new();
    crate::log::encode::number(&mut out, Number::F64(v));
    String::from_utf8(out).unwrap()
}

proptest! {
    #[test]
    fn the_fast_way_is_the_slow_way(
        rows in prop::collection::vec((prop::collection::vec(("[a-d]{1,2}", any::<f64>()), 1..6), 0_u32..1000), 1..20),
    ) {
        let (mut fast, fast_kept) = ledger();
        let (mut slow, slow_kept) = ledger();
        let (mut memo, mut slow_memo) = (Memo::default(), Memo::default());
        for (number, (values, millis)) in rows.iter().enumerate() {
            let uuid = format!("shard/{number}");
            let merged = fast.merge(&row(values, *millis, None), &uuid, &mut memo, &mut NoHost);
            prop_assert_eq!(merged, Merged::Row);
            // The field that others fill sends it through `prost`.
            let merged = slow.merge(&row(values, *millis, Some(Step { num: 3 })), &uuid, &mut slow_memo, &mut NoHost);
            prop_assert_eq!(merged, Merged::Row);
        }
        let (fast_kept, slow_kept) = (fast_kept.0.lock().unwrap().clone(), slow_kept.0.lock().unwrap().clone());
        prop_assert_eq!(&fast_kept, &slow_kept);
        prop_assert_eq!(fast.summary_json(START), slow.summary_json(START));
        for (number, (kept, (values, millis))) in (0_i64..).zip(fast_kept.iter().zip(&rows)) {
            let record = Record::decode(kept.as_slice()).unwrap();
            prop_assert_eq!((record.num, record.uuid), (number + 1, format!("shard/{number}")));
            let Some(Kind::History(history)) = record.kind else { panic!("a row") };
            let mut want: Vec<Item> = values.iter().map(|(key, v)| item(key, json(*v))).collect();
            let mut seconds = Vec::new();
            crate::log::encode::seconds(&mut seconds, u64::from(*millis));
            want.push(item("_runtime", String::from_utf8(seconds).unwrap()));
            let mut seconds = Vec::new();
            crate::log::encode::seconds(&mut seconds, START / 1_000_000 + u64::from(*millis));
            want.push(item("_timestamp", String::from_utf8(seconds).unwrap()));
            want.push(item("_step", number.to_string()));
            prop_assert_eq!(history.item, want);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (mut ledger, _) = ledger();
        ledger.merge(&bytes, "shard/1", &mut Memo::default(), &mut NoHost);
    }

    #[test]
    fn numbers_come_back(v in any::<f64>(), u in any::<u64>(), i in any::<i64>()) {
        for number in [Number::F64(v), Number::U64(u), Number::I64(i)] {
            let mut out = Vec::new();
            crate::log::encode::number(&mut out, number);
            let read = super::number(&out).unwrap();
            let mut again = Vec::new();
            crate::log::encode::number(&mut again, read);
            prop_assert_eq!(out, again);
        }
    }
}

#[test]
fn values_that_were_set_stay() {
    let (mut ledger, kept) = ledger();
    let mut memo = Memo::default();
    let update = vec![item("loss", "0.5"), item("_step", "3"), item("text", "\"a\"")];
    let summary = bytes(Kind::Summary(Summary { update, remove: Vec::new() }));
    assert_eq!(ledger.merge(&summary, "s/1", &mut memo, &mut NoHost), Merged::Other);
    ledger.merge(&row(&[("loss".into(), 9.0), ("acc".into(), 0.25)], 0, None), "s/2", &mut memo, &mut NoHost);
    let text = String::from_utf8(ledger.summary_json(START)).unwrap();
    assert!(
        text.contains(r#""loss":0.5"#) && text.contains(r#""acc":0.25"#) && text.contains(r#""text":"a""#)
    );
    // What was in the child's record need not be written again.
    ledger.write_last_summary(START);
    let last = Record::decode(kept.0.lock().unwrap().last().unwrap().as_slice()).unwrap();
    let Some(Kind::Summary(last)) = last.kind else { panic!("a summary") };
    let names: Vec<_> =
        last.update.iter().flat_map(Item::path).filter(|name| !name.starts_with('_')).collect();
    assert_eq!(names, ["acc", "runtime"]);
}

#[test]
fn what_may_not_come_out_of_a_shard() {
    let (mut ledger, kept) = ledger();
    for path in ["../x", "/etc/passwd", "a/../../x", ""] {
        let item = FileItem { path: path.into(), policy: 0, file_type: 0 };
        let record = bytes(Kind::Files(Files { files: vec![item] }));
        let merged = ledger.merge(&record, "s/1", &mut Memo::default(), &mut NoHost);
        assert!(matches!(merged, Merged::Refused(_)), "{path}: {merged:?}");
    }
    let record = bytes(Kind::Artifact(record::Unread {}));
    assert!(matches!(ledger.merge(&record, "s/1", &mut Memo::default(), &mut NoHost), Merged::Refused(_)));
    assert!(kept.0.lock().unwrap().is_empty());
}

#[test]
fn a_definition_comes_back_and_is_written_once() {
    let given = Definition {
        name: "val/a.b".into(),
        step: Some("epoch".into()),
        summary: SummaryWords { min: true, first: true, ..SummaryWords::default() },
        hidden: true,
        goal: Some(Goal::Max),
        overwrite: false,
    };
    let (mut ledger, _) = ledger();
    for given in [given.clone(), Definition { name: "val/*".into(), ..given }] {
        let kind = super::super::definitions::record(&given);
        let Kind::Metric(metric) = &kind else { panic!("a definition") };
        assert_eq!(definition(metric), given);
        let record = bytes(kind);
        let merges = [1, 2].map(|_| ledger.merge(&record, "s/1", &mut Memo::default(), &mut NoHost));
        assert_eq!(merges, [Merged::Other, Merged::Nothing]);
    }
}
