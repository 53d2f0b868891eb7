//! Ranks that have failed. A signal to the group, or one rank that leaves the others waiting, ends many at once: one alert
//! tells of all of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::kinds::alert::{Alert, AlertLevel};

/// How long others may follow the first that has failed.
const TOGETHER: Duration = Duration::from_secs(2);

/// Ranks that have failed and that nobody was told of.
#[derive(Debug, Default)]
pub(crate) struct Failed {
    /// By rank the exit code.
    codes: BTreeMap<u32, i32>,
    first: Option<Instant>,
}

impl Failed {
    pub(super) fn note(&mut self, rank: u32, code: i32, now: Instant) {
        self.codes.insert(rank, code);
        self.first.get_or_insert(now);
    }

    /// Whether those that fail together have come.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.first.is_some_and(|first| now.saturating_duration_since(first) >= TOGETHER)
    }

    /// The alert of all so far, out of `ranks` in all; none if none has failed. `own` is the rank that has the run, with
    /// its exit code.
    pub(super) fn take(&mut self, own: Option<(u32, i32)>, ranks: usize) -> Option<Alert> {
        let mut codes = std::mem::take(self).codes;
        if codes.is_empty() {
            return None;
        }
        codes.extend(own.filter(|(_, code)| *code != 0));
        let title = match (codes.len(), codes.keys().next()) {
            (1, Some(rank)) => format!("rank {rank} failed"),
            (n, _) if n >= ranks => format!("all {n} ranks failed"),
            (n, _) => format!("{n} of {ranks} ranks failed"),
        };
        let mut by_code: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
        for (rank, code) in codes {
            by_code.entry(code).or_default().push(rank);
        }
        let parts =
            by_code.iter().map(|(code, ranks)| format!("{} ended with exit code {code}", named(ranks)));
        Some(Alert::new(title).text(parts.collect::<Vec<_>>().join("; ")).level(AlertLevel::Error))
    }
}

/// `rank 3`, `ranks 0 to 6, 8`.
fn named(ranks: &[u32]) -> String {
    let runs = ranks.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [first, .., last] if last - first > 1 => format!("{first} to {last}"),
        run => run.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
    });
    let all: Vec<_> = runs.collect();
    format!("{} {}", if ranks.len() == 1 { "rank" } else { "ranks" }, all.join(", "))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn failed(codes: &[(u32, i32)]) -> Failed {
        let mut failed = Failed::default();
        let now = Instant::now();
        for (rank, code) in codes {
            failed.note(*rank, *code, now);
        }
        failed
    }

    #[test]
    fn one_alert_names_all() {
        let told = |codes: &[(u32, i32)], own, ranks| {
            let alert = failed(codes).take(own, ranks).unwrap();
            format!("{}: {}", alert.title, alert.text)
        };
        assert_eq!(told(&[(6, 101)], Some((0, 0)), 8), "rank 6 failed: rank 6 ended with exit code 101");
        let group: Vec<_> = (1..16).map(|rank| (rank, 143)).collect();
        let all = "all 16 ranks failed: ranks 0 to 15 ended with exit code 143";
        assert_eq!(told(&group, Some((0, 143)), 16), all);
        assert_eq!(told(&group, None, 16), "15 of 16 ranks failed: ranks 1 to 15 ended with exit code 143");
        assert_eq!(
            told(&[(1, 143), (2, 1), (3, 143), (4, 143), (7, 143)], None, 8),
            "5 of 8 ranks failed: rank 2 ended with exit code 1; ranks 1, 3, 4, 7 ended with exit code 143"
        );
        assert!(failed(&[]).take(Some((0, 1)), 8).is_none(), "the run itself tells how rank 0 has ended");
    }

    #[test]
    fn others_may_follow() {
        let mut failed = Failed::default();
        let now = Instant::now();
        assert!(!failed.is_due(now + TOGETHER));
        failed.note(1, 143, now);
        failed.note(2, 143, now + TOGETHER / 2);
        assert!(!failed.is_due(now + TOGETHER / 2) && failed.is_due(now + TOGETHER));
        assert!(failed.take(None, 4).is_some());
        assert!(!failed.is_due(now + TOGETHER) && failed.take(None, 4).is_none(), "once");
    }
}
