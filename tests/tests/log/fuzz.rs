//! Random bytes never panic the reader: a corpus of logs, whole and broken, and what many small changes make of them.
//!
//! The target is [`target`]; `fuzz/` has the same one for cargo-fuzz. This is the short run that every test run makes;
//! `FUZZ_ROUNDS=1000000 cargo test -p ups-track-tests --test log fuzz --release` is a longer one.

use std::path::Path;

use crate::{read, sample};

/// Reads the bytes, and reads them again cut: neither may panic, and the cut gives a prefix.
fn target(bytes: &[u8]) {
    let (entries, stop) = read(bytes);
    if let Some(stop) = stop {
        assert!(stop.offset().is_none_or(|offset| offset <= bytes.len() as u64));
    }
    let (fewer, _) = read(&bytes[..bytes.len() * 2 / 3]);
    assert_eq!(fewer.as_slice(), &entries[..fewer.len()]);
}

fn corpus() -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/log");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 8, "{files:?}");
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// One small change, of the kinds that reach new branches of such a reader.
fn mutate(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let at = random.usize(..=bytes.len().saturating_sub(1));
    match random.u8(..7) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << random.u8(..8),
        1 if !bytes.is_empty() => bytes[at] = random.choice([0, 1, 2, 3, 4, 0x7f, 0x80, 0xff]).unwrap(),
        2 => bytes.truncate(at),
        3 => bytes.extend((0..random.usize(..64)).map(|_| random.u8(..))),
        4 if !bytes.is_empty() => {
            let end = (at + random.usize(..32)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            let to = random.usize(..=bytes.len());
            bytes.splice(to..to, piece);
        }
        5 if !bytes.is_empty() => {
            let end = (at + random.usize(..32)).min(bytes.len());
            bytes.drain(at..end);
        }
        _ if bytes.len() > 16 => {
            // A chunk whose checksum is right, so that what is inside gets read.
            let length = random.usize(..200).min(bytes.len() - 7);
            let payload: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            let kind = random.u8(1..=4);
            let mut hasher = crc32fast::Hasher::new();
            hasher.update(&[kind]);
            hasher.update(&payload);
            let mut chunk = hasher.finalize().to_le_bytes().to_vec();
            chunk.extend(u16::try_from(length).unwrap().to_le_bytes());
            chunk.push(kind);
            chunk.extend(payload);
            bytes.splice(7..7, chunk);
        }
        _ => {}
    }
}

#[test]
fn the_corpus_and_its_neighbours() {
    let rounds: u64 = std::env::var("FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(3000);
    let mut corpus = corpus();
    corpus.push(sample());
    for bytes in &corpus {
        target(bytes);
    }
    let mut random = fastrand::Rng::with_seed(0x5eed);
    for _ in 0..rounds {
        let mut bytes = random.choice(&corpus).unwrap().clone();
        for _ in 0..random.usize(1..6) {
            mutate(&mut bytes, &mut random);
        }
        target(&bytes);
    }
}
