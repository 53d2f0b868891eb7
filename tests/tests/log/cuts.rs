//! Any cut of a log reads back as a prefix of its records; a changed byte is a fault with its place.

use std::sync::OnceLock;

use proptest::prelude::*;
use ups_track::log::{Damage, Entry, ReadError};

use crate::{read, sample};

fn whole() -> &'static (Vec<u8>, Vec<Entry>) {
    static WHOLE: OnceLock<(Vec<u8>, Vec<Entry>)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let bytes = sample();
        let (entries, stop) = read(&bytes);
        assert!(stop.is_none());
        assert!(bytes.len() > 5 * 32 * 1024, "the sample has several blocks");
        (bytes, entries)
    })
}

/// Checks a cut: the records that end before it, and a torn end exactly where there is one.
fn check_cut(cut: usize) {
    let (bytes, entries) = whole();
    let (got, stop) = read(&bytes[..cut]);
    assert_eq!(got.as_slice(), &entries[..got.len()], "a prefix, at {cut}");
    let next = entries.get(got.len()).map(|entry| entry.offset);
    match stop {
        None => {}
        Some(e @ ReadError::Damaged { .. }) => {
            assert!(e.is_torn(), "{e}");
            let at = e.offset().unwrap();
            assert!(at <= cut as u64);
            // The torn record is the one after those that were read; before it there may be padding.
            assert!(
                got.last().is_none_or(|last| last.offset < at) && next.is_none_or(|next| at <= next),
                "{e}"
            );
        }
        Some(e) => panic!("{e}"),
    }
    // Nothing that is whole before the cut is missing.
    let end = |index: usize| entries.get(index + 1).map_or(bytes.len() as u64, |entry| entry.offset);
    let complete = (0..entries.len()).filter(|index| end(*index) <= cut as u64).count();
    assert!(got.len() >= complete, "{} of {complete} at {cut}", got.len());
}

#[test]
fn cuts_around_every_block_and_the_ends() {
    let (bytes, _) = whole();
    for cut in (0..40).chain(bytes.len() - 40..=bytes.len()) {
        check_cut(cut);
    }
    for block in (32 * 1024..bytes.len()).step_by(32 * 1024) {
        for cut in block - 20..(block + 20).min(bytes.len()) {
            check_cut(cut);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_cut_is_a_prefix(cut in any::<prop::sample::Index>()) {
        check_cut(cut.index(whole().0.len() + 1));
    }

    #[test]
    fn a_changed_byte_is_told_with_its_place(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (bytes, entries) = whole();
        let at = at.index(bytes.len());
        let mut damaged = bytes.clone();
        damaged[at] ^= flip;
        let (got, stop) = read(&damaged);
        prop_assert_eq!(got.as_slice(), &entries[..got.len()], "what precedes the damage is untouched");
        match stop {
            // Bytes of a block's padding mean nothing.
            None => prop_assert_eq!(got.len(), entries.len()),
            Some(e) => {
                let offset = e.offset().unwrap();
                prop_assert!(offset <= at as u64, "{}", e);
                let text = e.to_string();
                prop_assert!(text.contains("test.wandb") && text.contains(&offset.to_string()), "{}", text);
                let is_known = matches!(e, ReadError::Damaged {
                    damage: Damage::Header | Damage::Checksum { .. } | Damage::ChunkLength { .. } | Damage::Torn | Damage::ChunkKind(_),
                    ..
                });
                prop_assert!(is_known, "{:?}", e);
            }
        }
    }
}
