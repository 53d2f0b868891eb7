//! Some rounds of the soak: all faults at once, at random, and kills in between. `src/bin/soak.rs` plays it for minutes.

use std::thread;

use ups_track_tests::soak::{Soak, Way};

/// What happens is settled by the seeds, as far as the machine's pace does not matter.
const ROUNDS: [(Way, std::ops::Range<u64>); 3] =
    [(Way::Sync, 0..7), (Way::Live, 100..105), (Way::Sessions, 200..203)];

#[test]
fn in_all_weathers_everything_arrives_once() {
    let soak = Soak::new(env!("CARGO_BIN_EXE_soak")).unwrap();
    thread::scope(|scope| {
        for (way, seeds) in ROUNDS {
            let soak = &soak;
            scope.spawn(move || {
                let mut faults = 0;
                for seed in seeds {
                    let tally = soak.round(way, seed);
                    faults += tally.unwrap_or_else(|e| panic!("{way:?}, seed {seed}: {e}")).faults;
                }
                // Or it would have been good weather all along.
                assert!(faults > 20, "{way:?}: {faults}");
            });
        }
    });
}
