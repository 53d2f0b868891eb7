//! The command `merge`.

use super::place::{Place, assert_sound, values};

/// A parent that was killed, with two shards that it never saw.
fn orphans() -> Place {
    let place = Place::new();
    let (mut parent, context) = place.parent();
    // Nothing of these can have been merged: the parent does not run while they do.
    parent.kill();
    drop(parent.end());
    let mut children =
        [("a", "100"), ("b", "200")].map(|(name, rows)| place.member(&context, &["hold", name, rows]));
    for child in &mut children {
        // At their end they would merge themselves.
        while child.hear() != "summarized" {}
        child.kill();
    }
    place
}

fn bytes(place: &Place) -> Vec<u8> {
    std::fs::read(place.log().path).unwrap()
}

#[test]
fn twice_changes_nothing() {
    let place = orphans();
    let before = bytes(&place);
    let (code, out) = place.ups_track(&["merge", "--dry-run", "wandb"]);
    assert!(code == 1 && out.contains("would merge 300 rows"), "{out}");
    assert_eq!(bytes(&place), before, "a dry run writes nothing");
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert!(
        code == 0 && out.contains("merged 300 rows") && out.contains("2 ended without saying so"),
        "{out}"
    );
    let merged = bytes(&place);
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(1);
    assert_eq!(values(&log, "a/value"), (0..100).collect::<Vec<_>>());
    assert_eq!(values(&log, "b/value"), (0..200).collect::<Vec<_>>());
    for name in ["a", "b"] {
        assert_eq!(log.summary().get(&format!("{name}/score19")), Some(&9.5.into()));
    }
    let side = std::fs::read_to_string(place.run_dir().join("files/wandb-summary.json")).unwrap();
    assert!(side.contains("b/score19"), "{side}");
    for arguments in [&["merge", "wandb"][..], &["merge", "wandb/latest-run"], &["merge"]] {
        let (code, out) = place.ups_track(arguments);
        assert!(code == 0 && out.contains("nothing to merge"), "{out}");
        assert_eq!(bytes(&place), merged);
    }
    assert!(
        std::fs::read_dir(place.run_dir())
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_str().unwrap().contains("merging") })
    );
}

#[test]
fn show_and_verify_tell_what_is_not_merged() {
    let place = orphans();
    for command in ["show", "verify"] {
        let (_, out) = place.ups_track(&[command, "wandb"]);
        assert!(out.contains("of attached children are not in the log"), "{out}");
    }
    place.ups_track(&["merge", "wandb"]);
    for command in ["show", "verify"] {
        let (code, out) = place.ups_track(&[command, "wandb"]);
        assert!(code == 0 && !out.contains("attached children"), "{out}");
    }
}

#[test]
fn a_live_run_is_left_to_its_process() {
    let place = Place::new();
    let (parent, context) = place.parent();
    place.member(&context, &["rows", "a", "100"]).end().assert_ok();
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert!(code == 1 && out.contains("live"), "{out}");
    parent.finish().assert_ok();
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert!(code == 0 && out.contains("nothing to merge; shards: 1 complete"), "{out}");
    place.log().assert_ends_with(0);
}

#[test]
fn what_comes_after_the_parents_end() {
    let place = Place::new();
    let (parent, context) = place.parent();
    let mut child = place.member(&context, &["steady", "late"]);
    child.hear();
    let ended = parent.finish();
    assert!(ended.stderr.contains("1 attached child records on"), "{}", ended.stderr);
    let exit = place.log().exit();
    assert_eq!(exit.map(|exit| exit.exit_code), Some(0));
    let before = values(&place.log(), "late/value").len();
    while child.hear() != format!("flushed {}", (before / 20 + 3) * 20) {}
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert!(code == 1 && out.contains("merged") && out.contains("1 still being written"), "{out}");
    child.kill();
    drop(child.end());
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert_eq!(code, 0, "{out}");
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(0);
    let rows = values(&log, "late/value");
    assert!(rows.len() > before);
    assert_eq!(rows, (0..rows.len() as u64).collect::<Vec<_>>());
}

#[test]
fn torn_and_damaged_logs() {
    let place = orphans();
    let path = place.log().path;
    let mut whole = std::fs::read(&path).unwrap();
    // A torn end is what a kill leaves.
    whole.extend([1, 2, 3]);
    std::fs::write(&path, &whole).unwrap();
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert_eq!(code, 0, "{out}");
    place.log().assert_ends_with(1);

    let place = orphans();
    let path = place.log().path;
    let mut damaged = std::fs::read(&path).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert!(code == 2 && out.contains("is damaged at byte"), "{out}");
    assert_eq!(std::fs::read(&path).unwrap(), damaged);
}

#[test]
fn a_damaged_shard_is_merged_up_to_the_damage() {
    let place = orphans();
    let shard = place.shards().remove(0).join("shard.wandb");
    let mut bytes = std::fs::read(&shard).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&shard, bytes).unwrap();
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert!(code == 2 && out.contains("is damaged") && out.contains("merged"), "{out}");
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(1);
    let complete = [values(&log, "a/value").len() == 100, values(&log, "b/value").len() == 200];
    assert_eq!(complete.iter().filter(|complete| **complete).count(), 1);
}

#[test]
fn a_merge_that_is_killed() {
    let place = orphans();
    // The fractional parts of multiples of the golden ratio: spread over the range, each time the same.
    for n in 1..=10 {
        let mut merge = place.start_command(&["merge", "wandb"]);
        std::thread::sleep(std::time::Duration::from_secs_f64((f64::from(n) * 0.618_034).fract() * 0.03));
        merge.kill();
        drop(merge.end());
        let log = place.log();
        assert!(log.fault.as_ref().is_none_or(ups_track::log::ReadError::is_torn), "{:?}", log.fault);
    }
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert_eq!(code, 0, "{out}");
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(1);
    assert_eq!((values(&log, "a/value").len(), values(&log, "b/value").len()), (100, 200));
}
