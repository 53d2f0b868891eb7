//! Some rounds of `kill -9` at random moments; `src/bin/kills.rs` plays hundreds.

use ups_track_tests::kills::{Tally, round};

#[test]
fn whoever_is_killed_whenever() {
    let mut tally = Tally::default();
    for seed in 0..6 {
        let played = round(env!("CARGO_BIN_EXE_kills").as_ref(), seed, &mut tally);
        played.unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
    assert!(tally.kills >= 6 && tally.told > 500, "{tally:?}");
}
