//! Fifty attached children in waves of eight; parent and children are killed at random.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use super::place::{Place, Process, assert_sound, until, values};

const CHILDREN: usize = 50;
const WAVE: usize = 8;
const ROWS: u64 = 1000;

/// A child that runs.
struct Member {
    name: String,
    process: Process,
    /// It is killed once so many of its rows are safe.
    kill_at: Option<u64>,
}

/// A child that has ended.
struct Past {
    name: String,
    flushed: u64,
    summarized: bool,
    killed: bool,
}

fn start(place: &Place, context: &std::path::Path, n: usize, kill_at: Option<u64>) -> Member {
    let name = format!("child{n}");
    // One that is to be killed does not end by itself.
    let mode = if kill_at.is_some() { "hold" } else { "rows" };
    let process = place.member(context, &[mode, &name, &ROWS.to_string()]);
    Member { name, process, kill_at }
}

fn wait(mut members: Vec<Member>) -> Vec<Past> {
    until("the end of a wave", || {
        for member in &mut members {
            if member.kill_at.is_some_and(|at| member.process.progress() >= at) {
                member.process.kill();
                member.kill_at = None;
            }
        }
        members.iter_mut().all(|member| member.process.has_ended()).then_some(())
    });
    let past = members.into_iter().map(|Member { name, process, .. }| {
        let ended = process.end();
        assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
        let summarized = ended.told.iter().any(|line| line == "summarized");
        Past { name, flushed: ended.flushed(), summarized, killed: ended.status.signal().is_some() }
    });
    past.collect()
}

#[test]
fn every_flushed_row_is_there_once() {
    let mut random = fastrand::Rng::with_seed(7);
    let place = Place::new();
    let (mut parent, context) = place.parent();
    let kill_parent_in_wave = random.usize(1..CHILDREN / WAVE);
    let mut all: Vec<Past> = Vec::new();
    for (wave, first) in (0..CHILDREN).step_by(WAVE).enumerate() {
        let members = (first..CHILDREN.min(first + WAVE)).map(|n| {
            let kill_at = (random.u8(0..10) < 4).then(|| random.u64(0..=ROWS / 100) * 100);
            start(&place, &context, n, kill_at)
        });
        let members: Vec<_> = members.collect();
        if wave == kill_parent_in_wave {
            std::thread::sleep(Duration::from_millis(random.u64(0..200)));
            parent.kill();
        }
        all.extend(wait(members));
    }
    drop(parent.end());
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert_eq!(code, 0, "{out}");
    let log = place.log();
    let merged = std::fs::read(&log.path).unwrap();
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert!(code == 0 && out.contains("nothing to merge"), "{out}");
    assert_eq!(std::fs::read(&log.path).unwrap(), merged);

    assert_sound(&log);
    log.assert_ends_with(1);
    let summary = log.summary();
    for Past { name, flushed, summarized, killed } in &all {
        let rows = values(&log, &format!("{name}/value"));
        assert!(rows.len() as u64 >= *flushed, "{name}: {} of {flushed}", rows.len());
        assert_eq!(rows, (0..rows.len() as u64).collect::<Vec<_>>(), "{name}");
        assert!(*killed || (*summarized && *flushed == ROWS), "{name}");
        for n in 0..20 {
            assert!(!summarized || summary.contains_key(&format!("{name}/score{n}")), "{name}");
        }
    }
    assert!((10..40).contains(&all.iter().filter(|past| past.killed).count()), "some were killed, some not");
    let (code, out) = place.ups_track(&["verify", "wandb"]);
    assert_eq!(code, 0, "{out}");
}
