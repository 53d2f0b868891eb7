//! The rows of a log as an upload numbers them, and how many of them the server has.

use std::collections::HashMap;
use std::path::Path;

use super::run::Rows;
use super::server::Target;
use super::server::history::{Row, is_same, step_of};
use super::source::Source;
use super::stream::LINE_BYTES;
use super::{Client, Failure};
use crate::log::record::Kind;

/// Rows that are asked for at a time.
const WINDOW: usize = 2000;

/// The lines of a log's rows, in order.
pub(super) struct Replay {
    source: Source,
    rows: Rows,
    /// The step of the last line.
    step: i64,
}

impl Replay {
    pub(super) fn open(log: &Path, rows: Rows) -> Result<Self, Failure> {
        Ok(Self { source: Source::open(log, false)?, rows, step: 0 })
    }

    /// The next line that a server takes; none at the end.
    fn next(&mut self) -> Option<String> {
        while self.source.advance() {
            let line = match self.rows.raw_line(self.source.raw()) {
                Some(line) => line,
                None => match self.source.decode()? {
                    Kind::History(row) => self.rows.line(&row),
                    // Nothing is sent of what follows.
                    Kind::Exit(_) => return None,
                    _ => continue,
                },
            };
            if line.len() <= LINE_BYTES {
                self.step = self.rows.last_step();
                return Some(line);
            }
        }
        None
    }

    /// Counts how many of the rows behind the first `from`, one after another and no more than `most`, the server has.
    pub(super) async fn count_there(
        mut self,
        client: &Client,
        target: &Target,
        from: u64,
        most: u64,
    ) -> Result<u64, Failure> {
        for _ in 0..from {
            if self.next().is_none() {
                return Ok(0);
            }
        }
        let mut count = 0;
        while count < most {
            let mut window = Vec::new();
            while window.len() < WINDOW
                && count + (window.len() as u64) < most
                && let Some(line) = self.next()
            {
                window.push((self.step, line));
            }
            let (Some((first, _)), Some((last, _))) = (window.first(), window.last()) else { break };
            // More than there should be: others may have steps between.
            let found = client.rows(target, *first, last.saturating_add(1), 2 * WINDOW).await?;
            let there: HashMap<i64, Row> =
                found.into_iter().filter_map(|row| Some((step_of(&row)?, row))).collect();
            for (step, line) in &window {
                if !there.get(step).is_some_and(|row| is_same(row, line)) {
                    return Ok(count);
                }
                count += 1;
            }
        }
        Ok(count)
    }
}
