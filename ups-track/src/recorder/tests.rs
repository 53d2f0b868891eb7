//! Lanes: what goes in comes out, whatever the writer does meanwhile.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use proptest::prelude::*;

use super::row::words_of;
use super::*;
use crate::kinds::cells::Cells;
use crate::kinds::metric::Number;

/// A recorder with plans of some widths.
fn plan(recorder: &Recorder, width: usize) -> Arc<Plan> {
    let slots = vec![Some(Slot::Step); width];
    recorder.add_plan(width, &recorder.root, slots, Vec::new()).unwrap()
}

/// Everything that a round finds, row by row.
fn read(readers: &mut Vec<Reader>, pool: &Pool, mut seen: impl FnMut(usize, RowView<'_>)) {
    pool.take_new(readers);
    for (index, reader) in readers.iter_mut().enumerate() {
        reader.look(pool);
        while let Some(row) = reader.head() {
            let length = row.length();
            seen(index, row);
            reader.advance(length, pool);
        }
    }
    readers.retain_mut(|reader| {
        if reader.is_over() {
            reader.close(pool);
        }
        !reader.is_over()
    });
    pool.round_is_over();
}

fn text(row: &RowView<'_>) -> String {
    format!("{} {:?}", row.plan, row.iter().collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn rows_come_out_as_they_went_in(
        rows in prop::collection::vec(
            (0_usize..70, prop::collection::vec((0_usize..200, any::<u64>(), 0_u8..5), 0..70), any::<bool>()),
            0..200,
        )
    ) {
        let recorder = Recorder::new();
        let (mut lane, mut readers) = (recorder.open_lane(), Vec::new());
        let (mut want, mut got) = (Vec::new(), Vec::new());
        for (width, values, look) in rows {
            let plan = plan(&recorder, width);
            let stored = recorder.row(&mut lane, &plan, |row| {
                for (slot, bits, kind) in &values {
                    match kind {
                        0 => row.f64(*slot, f64::from_bits(*bits)),
                        1 => row.i64(*slot, bits.cast_signed()),
                        2 => row.u64(*slot, *bits),
                        _ if bits % 64 == 0 => row.refuse(),
                        _ => {}
                    }
                }
            });
            let numbers: Vec<_> = values.iter().filter(|v| v.2 < 3).map(|(slot, bits, kind)| {
                (*slot, match kind {
                    0 => Number::F64(f64::from_bits(*bits)),
                    1 => Number::I64(bits.cast_signed()),
                    _ => Number::U64(*bits),
                })
            }).collect();
            let refused = values.iter().any(|(_, bits, kind)| *kind >= 3 && bits % 64 == 0);
            if numbers.len() <= width {
                prop_assert_eq!(stored, !refused);
            }
            if stored {
                want.push(format!("{} {numbers:?}", plan.id));
            }
            if look {
                read(&mut readers, &recorder.pool, |_, row| got.push(text(&row)));
            }
        }
        drop(lane);
        read(&mut readers, &recorder.pool, |_, row| got.push(text(&row)));
        prop_assert!(readers.is_empty());
        prop_assert_eq!(got, want);
    }

    #[test]
    fn wide_rows_travel_too(widths in prop::collection::vec(1000_usize..=MAX_VALUES, 1..12)) {
        let recorder = Recorder::new();
        let (mut lane, mut readers, mut got) = (recorder.open_lane(), Vec::new(), Vec::new());
        for width in &widths {
            let plan = plan(&recorder, *width);
            let fill = |row: &mut Cells<'_>| (0..*width).for_each(|slot| row.u64(slot, *width as u64));
            prop_assert!(recorder.row(&mut lane, &plan, fill));
            read(&mut readers, &recorder.pool, |_, row| got.push(row.iter().count()));
        }
        prop_assert_eq!(got, widths);
    }
}

#[test]
fn more_values_than_planned_do_not_fit() {
    let recorder = Recorder::new();
    let mut lane = recorder.open_lane();
    let narrow = plan(&recorder, 20);
    let over = |row: &mut Cells<'_>| (0..=1000).for_each(|slot| row.u64(slot, 1));
    assert!(!recorder.row(&mut lane, &narrow, over));
    let huge = plan(&recorder, MAX_VALUES + 1);
    let over = |row: &mut Cells<'_>| (0..=MAX_VALUES).for_each(|slot| row.u64(slot, 1));
    assert!(!recorder.row(&mut lane, &huge, over));
    read(&mut Vec::new(), &recorder.pool, |_, row| unreachable!("{row:?} was refused"));
}

/// Many threads against one reader: more than a lane may hold, and more than all may, so they wait for both; and
/// segments go round.
#[test]
fn threads_and_the_writer_do_not_disturb_each_other() {
    const THREADS: usize = 40;
    const ROWS: u64 = 8000;
    let recorder = Recorder::new();
    let threads: Vec<_> = (0..THREADS as u64)
        .map(|number| {
            let recorder = Arc::clone(&recorder);
            thread::spawn(move || {
                let mut lane = recorder.open_lane();
                for i in 0..ROWS {
                    // Widths change, so that rows meet the ends of segments everywhere.
                    let width = usize::try_from(i * 7 % 23).unwrap_or(0) + 2;
                    let plan = plan(&recorder, width);
                    let fill = |row: &mut Cells<'_>| {
                        row.u64(0, number);
                        (1..width).for_each(|slot| row.u64(slot, i));
                    };
                    assert!(recorder.row(&mut lane, &plan, fill));
                }
            })
        })
        .collect();
    let (mut readers, mut next) = (Vec::new(), [0_u64; THREADS]);
    while next != [ROWS; THREADS] {
        read(&mut readers, &recorder.pool, |_, row| {
            let values: Vec<Number> = row.iter().map(|(_, number)| number).collect();
            let (Some(Number::U64(number)), Some(Number::U64(i))) = (values.first(), values.last()) else {
                unreachable!("{row:?} is none of ours")
            };
            let place = usize::try_from(*number).ok().and_then(|number| next.get_mut(number));
            let Some(place) = place else { unreachable!("{row:?} is none of ours") };
            assert_eq!(i, place, "row of thread {number}");
            assert_eq!(values.len() as u64, i * 7 % 23 + 2);
            assert!(values.iter().skip(1).all(|value| *value == Number::U64(*i)), "{values:?}");
            *place += 1;
        });
    }
    assert!(threads.into_iter().all(|thread| thread.join().is_ok()));
    read(&mut readers, &recorder.pool, |_, row| unreachable!("{row:?} comes twice"));
    assert!(readers.is_empty(), "ended lanes are forgotten");
}

/// Empties the lanes whenever it is asked, and counts.
#[derive(Debug, Default)]
struct Reading {
    pool: Arc<Pool>,
    readers: Mutex<Vec<Reader>>,
    asked: AtomicUsize,
    rows: AtomicUsize,
}

impl Drive for Arc<Reading> {
    fn drain_soon(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        read(&mut lock(&self.readers), &self.pool, |_, _| {
            self.rows.fetch_add(1, Ordering::Relaxed);
        });
    }
}

#[test]
fn a_lane_that_fills_up_asks_for_the_writer_in_time() {
    let recorder = Recorder::new();
    let reading = Arc::new(Reading { pool: Arc::clone(&recorder.pool), ..Reading::default() });
    recorder.set_driver(Box::new(Arc::clone(&reading)));
    let mut lane = recorder.open_lane();
    let plan = plan(&recorder, 1);
    let mut push = |rows: usize| {
        for _ in 0..rows {
            assert!(recorder.row(&mut lane, &plan, |row| row.f64(0, 1.0)));
        }
        reading.asked.load(Ordering::Relaxed)
    };
    // A row has five words; half of what a lane may hold is 16 Ki words, and an end of each segment is left.
    assert_eq!(push(15_000 / 5), 0);
    assert_eq!(push(2_000 / 5), 1);
    let asked = push(160_000 / 5);
    assert!((9..=12).contains(&asked), "{asked}");
    assert!(reading.rows.load(Ordering::Relaxed) > 30_000, "what was asked for was done");
}

#[test]
fn nobody_waits_who_has_room_and_nobody_is_too_far_ahead() {
    let recorder = Recorder::new();
    let plan = plan(&recorder, 500);
    let mut readers = Vec::new();
    let mut lanes: Vec<_> = (0..100).map(|_| recorder.open_lane()).collect();
    let mut stored = 0;
    for lane in &mut lanes {
        // As `row` does it, but instead of waiting the next one comes.
        while recorder.pool.turn(lane, &plan) != Turn::Full {
            while recorder.push(lane, &plan, |row| (0..500).for_each(|slot| row.u64(slot, 1)))
                == Pushed::Stored
            {
                stored += 1;
            }
        }
    }
    let words = stored * words_of(500);
    assert!((900 * 1024..=1100 * 1024).contains(&words), "all together: {words} words");
    let mut read_rows = 0;
    read(&mut readers, &recorder.pool, |_, _| read_rows += 1);
    assert_eq!(read_rows, stored);
    assert!(lanes.iter_mut().all(|lane| recorder.pool.turn(lane, &plan) != Turn::Full));
}

#[test]
fn short_threads_use_the_same_memory() {
    let recorder = Recorder::new();
    let plan = plan(&recorder, 1);
    let mut readers = Vec::new();
    let mut rows = 0;
    for i in 0..10_000 {
        let mut lane = recorder.open_lane();
        assert!(recorder.row(&mut lane, &plan, |row| row.f64(0, 1.0)));
        drop(lane);
        if i % 100 == 99 {
            read(&mut readers, &recorder.pool, |_, _| rows += 1);
            assert!(readers.is_empty());
        }
    }
    assert_eq!(rows, 10_000);
    assert_eq!(recorder.pool.free_words(), 100 * 64, "the segments of a hundred threads");
}

#[test]
fn a_lane_without_rows_takes_nothing() {
    let recorder = Recorder::new();
    drop(recorder.open_lane());
    let mut readers = Vec::new();
    recorder.pool.take_new(&mut readers);
    assert!(readers.is_empty());
}
