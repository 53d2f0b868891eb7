//! Logs record by record: with what no call of ours records, or as another program would write them, bit by bit.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use prost::Message as _;
use ups_track::log::Reader;
use ups_track::log::record::{Kind, Record};

/// What the framing is made of.
const BLOCK: usize = 32 * 1024;
const CHUNK_HEADER: usize = 7;
const FILE_HEADER: &[u8] = b":W&B\xe1\xbe\0";

/// The records of a log.
#[track_caller]
pub(crate) fn read(log: &Path) -> Vec<Record> {
    Reader::open(log).unwrap().map(|entry| entry.unwrap().record).collect()
}

/// Makes a log of these records, by this producer.
pub(crate) fn write(log: &Path, records: &[Record]) {
    fs::write(log, FILE_HEADER).unwrap();
    append(log, records);
}

/// Adds records at the end of a log.
pub(crate) fn append(log: &Path, records: &[Record]) {
    let mut file = OpenOptions::new().append(true).open(log).unwrap();
    let mut at = usize::try_from(file.metadata().unwrap().len()).unwrap();
    let mut bytes = Vec::new();
    for record in records {
        let encoded = record.encode_to_vec();
        let (mut rest, mut first) = (&encoded[..], true);
        loop {
            let room = BLOCK - at % BLOCK;
            if room < CHUNK_HEADER {
                bytes.resize(bytes.len() + room, 0);
                at += room;
                continue;
            }
            let (chunk, after) = rest.split_at(rest.len().min(room - CHUNK_HEADER));
            let kind = match (first, after.is_empty()) {
                (true, true) => 1,
                (true, false) => 2,
                (false, false) => 3,
                (false, true) => 4,
            };
            let mut body = vec![kind];
            body.extend_from_slice(chunk);
            bytes.extend(crc32fast::hash(&body).to_le_bytes());
            bytes.extend(u16::try_from(chunk.len()).unwrap().to_le_bytes());
            bytes.extend(&body);
            at += CHUNK_HEADER + chunk.len();
            (rest, first) = (after, false);
            if rest.is_empty() {
                break;
            }
        }
    }
    file.write_all(&bytes).unwrap();
}

/// Puts a record before the exit record of a log.
pub(crate) fn insert(log: &Path, kind: Kind) {
    let mut records = read(log);
    let at = records.iter().position(|record| matches!(record.kind, Some(Kind::Exit(_)))).unwrap();
    records.insert(at, Record { num: 0, kind: Some(kind), uuid: String::new() });
    write(log, &records);
}

/// The same records as another program would have written them.
pub(crate) fn foreign(mut records: Vec<Record>) -> Vec<Record> {
    for record in &mut records {
        if let Some(Kind::Header(header)) = &mut record.kind {
            "wandb-core".clone_into(&mut header.version_info.as_mut().unwrap().producer);
        }
    }
    records
}
