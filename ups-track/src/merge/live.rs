//! The merge while the run goes on: a part of its writer's round.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::failed::Failed;
use super::incoming::Incoming;
use crate::kinds::alert::Alert;
use crate::ledger::{Host, Ledger};
use crate::say;
use crate::shards;

/// How often new shards are looked for.
const LOOK: Duration = Duration::from_millis(200);

/// Time that a round may take, so that many shards do not hold up the run's own rows.
const AT_ONCE: Duration = Duration::from_millis(10);

/// The shards of one run.
#[derive(Debug)]
pub(crate) struct Merger {
    run_dir: PathBuf,
    run_id: String,
    /// Whether anybody was told of the run: before that there is nothing to look for.
    expected: Arc<AtomicBool>,
    /// How far each shard was merged before.
    merged: HashMap<String, u64>,
    pub(crate) shards: Vec<Incoming>,
    /// The shard that was merged last: each has its turn.
    next: usize,
    known: HashSet<String>,
    refused: HashSet<String>,
    looked: Option<Instant>,
    failed: Failed,
    /// Whether complaints are said here and now.
    tells: bool,
}

impl Merger {
    pub(crate) fn new(run_dir: &Path, run_id: &str, expected: Arc<AtomicBool>) -> Self {
        Self {
            run_dir: run_dir.to_owned(),
            run_id: run_id.to_owned(),
            expected,
            merged: HashMap::new(),
            shards: Vec::new(),
            next: 0,
            known: HashSet::new(),
            refused: HashSet::new(),
            looked: None,
            failed: Failed::default(),
            tells: true,
        }
    }

    /// As `new`, for a log that has merged records already: per shard the highest number. Complaints are left in the
    /// shards.
    pub(crate) fn continued(run_dir: &Path, run_id: &str, merged: HashMap<String, u64>) -> Self {
        let expected = Arc::new(AtomicBool::new(true));
        Self { merged, tells: false, ..Self::new(run_dir, run_id, expected) }
    }

    /// Merges what has come since the last call; true if there may be more at once.
    pub(crate) fn advance(&mut self, ledger: &mut Ledger, host: &mut dyn Host) -> bool {
        if !self.expected.load(Ordering::Relaxed) {
            return false;
        }
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            self.look();
        }
        let until = Instant::now() + AT_ONCE;
        let (mut more, count) = (true, self.shards.len());
        while std::mem::take(&mut more) {
            for _ in 0..count {
                self.next = (self.next + 1) % count;
                more |= self.advance_one(self.next, ledger, host);
                if Instant::now() >= until {
                    return true;
                }
            }
        }
        false
    }

    fn advance_one(&mut self, index: usize, ledger: &mut Ledger, host: &mut dyn Host) -> bool {
        let Some(shard) = self.shards.get_mut(index) else { return false };
        let more = shard.advance(&self.run_dir, &self.run_id, ledger, host);
        if let Some((rank, code)) = shard.untold_failure() {
            self.failed.note(rank, code, Instant::now());
        }
        if self.tells {
            for what in shard.complaints.drain(..) {
                say::warning(&format!("shard `{}` of run `{}` {what}", shard.name, self.run_id));
            }
        }
        more
    }

    /// Merges everything that is there now: who still writes is not waited for, nor chased.
    pub(crate) fn advance_to_end(&mut self, ledger: &mut Ledger, host: &mut dyn Host) {
        if !self.expected.load(Ordering::Relaxed) {
            return;
        }
        self.look();
        let ends: Vec<u64> = self.shards.iter().map(Incoming::length).collect();
        while self.advance(ledger, host)
            && self.shards.iter().zip(&ends).any(|(shard, end)| shard.has_more_before(*end))
        {}
    }

    fn look(&mut self) {
        self.looked = Some(Instant::now());
        let (names, refused) = shards::list(&self.run_dir);
        for name in names {
            if self.known.insert(name.clone()) {
                let merged = self.merged.get(&name).copied().unwrap_or(0);
                self.shards.push(Incoming::new(&self.run_dir, &name, merged));
            }
        }
        for reason in refused {
            if self.refused.insert(reason.clone()) && self.tells {
                say::warning(&format!("{reason}; it is left alone"));
            }
        }
    }

    /// The alert of ranks that have failed, once those that fail together have come.
    pub(crate) fn failed_together(&mut self) -> Option<Alert> {
        if self.failed.is_due(Instant::now()) { self.failed_so_far(None) } else { None }
    }

    /// The same without waiting for more; `own` is the rank that has the run, with its exit code.
    pub(crate) fn failed_so_far(&mut self, own: Option<(u32, i32)>) -> Option<Alert> {
        let mut ranks: HashSet<u32> = self.shards.iter().filter_map(|shard| shard.rank).collect();
        // It has the run, unless that is the run of an orchestrator.
        ranks.insert(0);
        self.failed.take(own, ranks.len())
    }

    /// Whoever comes later need not tell of these failures again.
    pub(crate) fn note_told(&mut self) {
        self.shards.iter_mut().for_each(Incoming::note_told);
    }

    /// Whether ranks still write.
    pub(crate) fn has_ranks(&self) -> bool {
        self.shards.iter().any(|shard| shard.rank.is_some() && shard.is_alive())
    }

    /// The shards whose processes still write.
    pub(crate) fn alive(&self) -> usize {
        self.shards.iter().filter(|shard| shard.is_alive()).count()
    }
}
