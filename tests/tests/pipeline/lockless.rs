//! Pipelines on file systems without locks.

use ups_track_tests::lockless::without_flock;

use super::place::{Place, assert_sound, until, values};

#[test]
fn a_child_completes_the_run_of_a_killed_parent_without_locks() {
    let played = without_flock(|| {
        let place = Place::new();
        let (mut parent, context) = place.parent();
        let child = place.member(&context, &["nest", "0"]);
        drop(child.end());
        until("the first child's rows", || (values(&place.log(), "depth0/after").len() == 1).then_some(()));
        // As long as the parent lives the run is its.
        let (code, out) = place.ups_track(&["merge", "wandb"]);
        assert!(code == 1 && out.contains("live, its own process merges"), "{out}");
        parent.kill();
        drop(parent.end());
        let child = place.member(&context, &["rows", "late", "100"]).end();
        child.assert_ok();
        let log = place.log();
        assert_sound(&log);
        log.assert_ends_with(1);
        assert_eq!(values(&log, "late/value"), (0..100).collect::<Vec<_>>());
        let (code, out) = place.ups_track(&["merge", "wandb"]);
        assert!(code == 0 && out.contains("nothing to merge"), "{code} {out}");
    });
    if let Err(e) = played {
        eprintln!("skipped: this system does not let us take a call away: {e}");
    }
}
