//! Empties a recorder into a ledger, in the right order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::ledger::{Host, Ledger};
use crate::recorder::{Reader, Recorder, RowView, Stamped};

/// See the module docs.
#[derive(Debug)]
pub(crate) struct Drain {
    recorder: Arc<Recorder>,
    lanes: Vec<Reader>,
    ops: Vec<Stamped>,
    /// The lanes that have rows, by the next row and the lane's position: the earliest row is on top.
    heads: BinaryHeap<Reverse<(Order, usize)>>,
}

/// Where a row belongs among those of other threads: its epoch, then its time.
type Order = (u64, u64);

fn order(row: &RowView<'_>) -> Order {
    (row.epoch, row.time)
}

impl Drain {
    pub(crate) fn new(recorder: Arc<Recorder>) -> Self {
        Self { recorder, lanes: Vec::new(), ops: Vec::new(), heads: BinaryHeap::new() }
    }

    /// Moves everything that was recorded so far.
    pub(crate) fn run(&mut self, ledger: &mut Ledger, host: &mut dyn Host) {
        // Operations first, lanes second: every row that precedes one of these operations is then in its lane.
        let mut ops = std::mem::take(&mut self.ops);
        let last = self.recorder.take_ops(&mut ops);
        self.look();
        ledger.learn_plans(&self.recorder);
        for stamped in ops.drain(..) {
            self.rows_before(stamped.epoch, ledger);
            ledger.apply(stamped, host);
        }
        // A row that knows of an operation that is not here yet waits for it.
        self.rows_before(last + 1, ledger);
        self.ops = ops;
        self.heads.clear();
        self.forget_ended();
        self.recorder.pool.round_is_over();
    }

    /// Finds out what is in which lane.
    fn look(&mut self) {
        let pool = &self.recorder.pool;
        pool.take_new(&mut self.lanes);
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            lane.look(pool);
            self.heads.extend(lane.head().map(|row| Reverse((order(&row), index))));
        }
    }

    /// Writes the rows that do not know of operation `epoch`, those of all threads by epoch and time.
    fn rows_before(&mut self, epoch: u64, ledger: &mut Ledger) {
        const LAST: Order = (u64::MAX, u64::MAX);
        while let Some(Reverse((_, index))) =
            self.heads.peek().copied().filter(|Reverse((first, _))| first.0 < epoch)
        {
            self.heads.pop();
            let next = self.heads.peek().map_or(LAST, |Reverse((order, _))| *order);
            let Some(lane) = self.lanes.get_mut(index) else { continue };
            // This lane's rows, as long as no other lane's comes before.
            while let Some(row) = lane.head() {
                if row.epoch >= epoch || order(&row) > next {
                    self.heads.push(Reverse((order(&row), index)));
                    break;
                }
                let length = row.length();
                ledger.row(row);
                lane.advance(length, &self.recorder.pool);
            }
        }
    }

    fn forget_ended(&mut self) {
        let pool = &self.recorder.pool;
        self.lanes.retain_mut(|lane| {
            if lane.is_over() {
                lane.close(pool);
            }
            !lane.is_over()
        });
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread;

    use prost::Message as _;

    use super::Drain;
    use crate::ledger::{Ledger, Sink};
    use crate::log::record::{self, Kind, Record};
    use crate::recorder::{Op, Recorder, Slot, Stream};
    use crate::rundir::Surroundings;

    /// What stands in the log: rows and console lines, as text.
    #[derive(Debug, Default, Clone)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    impl Lines {
        fn push(&self, record: Record) {
            let line = match record.kind {
                Some(Kind::History(row)) => row.item.first().map(|item| item.value_json.clone()),
                Some(Kind::OutputRaw(output)) => Some(output.line),
                _ => None,
            };
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(line);
        }
    }

    impl Sink for Lines {
        fn next_number(&self) -> i64 {
            1
        }
        fn append(&mut self, record: Record) -> io::Result<()> {
            self.push(record);
            Ok(())
        }
        fn append_encoded(&mut self, record: &[u8]) -> io::Result<()> {
            self.push(Record::decode(record).map_err(io::Error::other)?);
            Ok(())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn trim(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn written(&self) -> u64 {
            0
        }
    }

    /// Threads that record rows and lines in turns, while the writer looks as often as it can.
    #[test]
    fn what_happened_before_stands_before() {
        const THREADS: u64 = 8;
        const TURNS: u64 = 1000;
        let recorder = Recorder::new();
        let slots = vec![Some(Slot::Metric("number".into())), Some(Slot::Step)];
        let plan = recorder.add_plan(1, &recorder.root, slots, Vec::new()).unwrap();
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (recorder, plan) = (Arc::clone(&recorder), Arc::clone(&plan));
                thread::spawn(move || {
                    let mut lane = recorder.open_lane();
                    for turn in 0..TURNS {
                        let number = 2 * turn * THREADS + thread;
                        assert!(recorder.row(&mut lane, &plan, |row| row.u64(0, number)));
                        let text = (number + THREADS).to_string();
                        recorder.op(Op::Console { stream: Stream::Stdout, text });
                    }
                })
            })
            .collect();
        let lines = Lines::default();
        let mut ledger = Ledger::new(Box::new(lines.clone()), crate::os::clock::Timeline::of_past(0));
        let mut host = Surroundings::new(None, record::Run::default());
        let mut drain = Drain::new(Arc::clone(&recorder));
        while threads.iter().any(|thread| !thread.is_finished()) {
            drain.run(&mut ledger, &mut host);
        }
        drain.run(&mut ledger, &mut host);
        assert!(threads.into_iter().all(|thread| thread.join().is_ok()));
        let lines = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut numbers: Vec<u64> = lines.iter().filter_map(|line| line.parse().ok()).collect();
        // By thread; what each has recorded stays in the order of the log.
        numbers.sort_by_key(|number| number % THREADS);
        let want = (0..THREADS).flat_map(|thread| (0..2 * TURNS).map(move |turn| turn * THREADS + thread));
        assert!(numbers.into_iter().eq(want));
        assert!(drain.lanes.is_empty(), "threads that have ended are forgotten");
    }
}
