//! Fifty attached children in waves of eight; parent and children are killed at random.

use std::time::Duration;

use super::place::{Place, Process, assert_sound, until, values};

const CHILDREN: usize = 50;
const WAVE: usize = 8;
const ROWS: u64 = 1000;

/// A child that runs, and when it is killed, if at all.
struct Member {
    name: String,
    process: Process,
    kill_after: Option<Duration>,
}

#[test]
fn every_flushed_row_is_there_once() {
    let mut random = fastrand::Rng::with_seed(7);
    let place = Place::new();
    let (mut parent, context) = place.parent();
    let kill_parent_in_wave = random.usize(1..CHILDREN / WAVE);
    let mut safe: Vec<(String, u64, bool)> = Vec::new();
    for (wave, first) in (0..CHILDREN).step_by(WAVE).enumerate() {
        let members: Vec<Member> = (first..CHILDREN.min(first + WAVE))
            .map(|n| {
                let name = format!("child{n}");
                let process = place.member(&context, &["rows", &name, &ROWS.to_string()]);
                let kill_after = (random.u8(0..10) < 4).then(|| Duration::from_millis(random.u64(5..400)));
                Member { name, process, kill_after }
            })
            .collect();
        if wave == kill_parent_in_wave {
            std::thread::sleep(Duration::from_millis(random.u64(0..200)));
            parent.kill();
        }
        let begin = std::time::Instant::now();
        let mut members = members;
        until("the end of a wave", || {
            for member in &mut members {
                if member.kill_after.is_some_and(|after| begin.elapsed() >= after)
                    && !member.process.has_ended()
                {
                    member.process.kill();
                }
            }
            members.iter_mut().all(|member| member.process.has_ended()).then_some(())
        });
        for Member { name, process, .. } in members {
            let ended = process.end();
            let summarized = ended.told.iter().any(|line| line == "summarized");
            assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
            safe.push((name, ended.flushed(), summarized));
        }
    }
    drop(parent.end());
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert_eq!(code, 0, "{out}");
    let before = std::fs::read(place.log().path).unwrap();
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert!(code == 0 && out.contains("nothing to merge"), "{out}");

    let log = place.log();
    assert_eq!(std::fs::read(&log.path).unwrap(), before);
    assert_sound(&log);
    log.assert_ends_with(1);
    let summary = log.summary();
    for (name, flushed, summarized) in &safe {
        let rows = values(&log, &format!("{name}/value"));
        assert!(rows.len() as u64 >= *flushed, "{name}: {} of {flushed}", rows.len());
        assert_eq!(rows, (0..rows.len() as u64).collect::<Vec<_>>(), "{name}");
        if *summarized {
            for n in 0..20 {
                assert!(summary.contains_key(&format!("{name}/score{n}")), "{name}");
            }
        }
    }
    assert!(safe.iter().any(|(_, flushed, _)| *flushed < ROWS), "some were killed");
    assert!(safe.iter().filter(|(_, flushed, summarized)| *flushed == ROWS && *summarized).count() > 10);
    let (code, out) = place.ups_track(&["verify", "wandb"]);
    assert_eq!(code, 0, "{out}");
}
