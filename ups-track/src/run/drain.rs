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
        while let Some(Reverse(((_, _), index))) =
            self.heads.peek().copied().filter(|Reverse((order, _))| order.0 < epoch)
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
