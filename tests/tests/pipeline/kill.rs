//! Parents and children that are killed.

use std::time::Duration;

use super::place::{Place, Process, assert_sound, until, values};

/// Waits until a member has told of some rows.
fn heard(process: &Process, rows: u64) -> u64 {
    loop {
        let line = process.hear();
        if let Some(flushed) = line.strip_prefix("flushed ").and_then(|rows| rows.parse().ok())
            && flushed >= rows
        {
            return flushed;
        }
    }
}

#[test]
fn a_killed_child_loses_nothing_that_was_flushed() {
    let place = Place::new();
    let (parent, context) = place.parent();
    let mut child = place.member(&context, &["steady", "child"]);
    let early = heard(&child, 100);
    child.kill();
    let flushed = child.end().flushed().max(early);
    parent.finish().assert_ok();
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(0);
    let rows = values(&log, "child/value");
    assert!(rows.len() as u64 >= flushed, "{} of {flushed}", rows.len());
    assert_eq!(rows, (0..rows.len() as u64).collect::<Vec<_>>());
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert!(code == 0 && out.contains("nothing to merge; shards: 1 ended without saying so"), "{out}");
}

#[test]
fn a_child_completes_the_run_of_a_killed_parent() {
    let place = Place::new();
    let (mut parent, context) = place.parent();
    let child = place.member(&context, &["nest", "0"]);
    drop(child.end());
    until("the first child's rows", || (values(&place.log(), "depth0/after").len() == 1).then_some(()));
    parent.kill();
    drop(parent.end());
    assert_eq!(place.log().exit(), None);
    let child = place.member(&context, &["rows", "late", "100"]).end();
    child.assert_ok();
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(1);
    assert_eq!(values(&log, "late/value"), (0..100).collect::<Vec<_>>());
    assert_eq!(values(&log, "depth0/after"), [1]);
    assert_eq!(log.summary().get("depth0/done"), Some(&true.into()));
    // What the dead parent had logged last is in the last summary.
    let last = values(&log, "parent/value").pop().unwrap();
    assert_eq!(log.summary().get("parent/value").and_then(serde_json::Value::as_f64), Some(last as f64));
}

#[test]
fn parent_and_child_killed_at_any_moment() {
    for n in 1..=8_u32 {
        let place = Place::new();
        let (mut parent, context) = place.parent();
        let mut child = place.member(&context, &["steady", "child"]);
        // The fractional parts of multiples of the golden ratio: spread over the range, each time the same.
        let wait = (f64::from(n) * 0.618_034).fract() * 0.3;
        let early = heard(&child, 20);
        std::thread::sleep(Duration::from_secs_f64(wait));
        let (first, second) = if n % 2 == 0 { (&mut parent, &mut child) } else { (&mut child, &mut parent) };
        first.kill();
        std::thread::sleep(Duration::from_secs_f64(wait / 10.0));
        second.kill();
        let flushed = child.end().flushed().max(early);
        drop(parent.end());
        let (code, out) = place.ups_track(&["merge", "wandb"]);
        assert_eq!(code, 0, "{out}");
        let log = place.log();
        assert_sound(&log);
        assert!(log.fault.is_none() || out.contains("nothing to merge"), "{out}");
        let rows = values(&log, "child/value");
        assert!(rows.len() as u64 >= flushed, "{} of {flushed}\n{out}", rows.len());
        assert_eq!(rows, (0..rows.len() as u64).collect::<Vec<_>>());
        let own = values(&log, "parent/value");
        assert_eq!(own, (0..own.len() as u64).collect::<Vec<_>>());
    }
}
