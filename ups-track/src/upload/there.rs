//! What of a log is on the server already.
//!
//! A server says how many lines a run has, and not whose they are: another log of the run may have brought them, another
//! program, or this log in a request of which nobody knows whether it arrived. So lines are this log's only if they say the
//! same as the log.

use std::path::Path;

use super::journal::Sending;
use super::replay::Replay;
use super::run::{Console, LineForm, Rows, event};
use super::server::Target;
use super::server::history::{Row, is_same, step_of};
use super::server::operations::Past;
use super::source::Source;
use super::stream::LINE_BYTES;
use super::{Client, Failure};
use crate::log::record::{Kind, Timestamp};

/// A log, and what the server has of its run.
pub(super) struct Question<'a> {
    pub(super) client: &'a Client,
    pub(super) target: &'a Target,
    pub(super) log: &'a Path,
    pub(super) past: &'a Past,
    /// Numbers the log's rows.
    pub(super) rows: Rows,
    /// When the run began, which system metrics are counted from.
    pub(super) started: Option<Timestamp>,
}

/// How much of a log stands before one of its records, or in all of it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    /// History, system metrics, console.
    lines: [u64; 3],
    alerts: u64,
}

impl Question<'_> {
    /// Corrects what is remembered by what is there.
    ///
    /// # Errors
    ///
    /// If the server does not answer, or the log cannot be read.
    pub(super) async fn settle(&self, remembered: Option<Sending>, new: Sending) -> Result<Sending, Failure> {
        let is_known = remembered.is_some();
        let mut sending = remembered.unwrap_or(new);
        let there = self.past.counts();
        let more = sending.lanes.iter().zip(there).any(|(place, there)| there > place.offset);
        let doubt = !is_known || sending.lanes.iter().any(|place| place.in_flight > 0);
        if more && doubt {
            let arrived = self.arrived(&sending, there, is_known).await?;
            for (place, arrived) in sending.lanes.iter_mut().zip(arrived.lines) {
                place.lines += arrived;
                if is_known {
                    place.offset += arrived;
                }
            }
            sending.alerts = sending.alerts.max(arrived.alerts);
        }
        let [history, ..] = sending.lanes;
        let others = there.first().is_some_and(|there| *there > history.offset);
        for (place, there) in sending.lanes.iter_mut().zip(there) {
            place.in_flight = 0;
            // What others have brought stays.
            place.offset = place.offset.max(there);
        }
        if let (true, Some(last)) = (others, self.past.last_step()) {
            sending.floors.push((history.lines, last.saturating_add(1)));
        }
        Ok(sending)
    }

    /// How many lines behind those that are remembered are there.
    async fn arrived(&self, sending: &Sending, there: [u64; 3], is_known: bool) -> Result<Counts, Failure> {
        let [rows, events, console] = sending.lanes;
        // Of a log of which nothing is known all may be there.
        let most = |in_flight| if is_known { in_flight } else { u64::MAX };
        let known = [rows.lines, events.lines, console.lines];
        let found = self.find(known, [most(rows.in_flight), most(events.in_flight)])?;
        let mut arrived = Counts::default();
        let [of_rows, of_events, of_console] = &mut arrived.lines;
        *of_rows = match &found.row {
            Some(counts) => counts.lines[0] - known[0],
            None if most(rows.in_flight) == 0 => 0,
            // Not the last row: others may have come behind.
            None => {
                let replay = Replay::open(self.log, self.rows.clone())?;
                replay.count_there(self.client, self.target, known[0], most(rows.in_flight)).await?
            }
        };
        if !is_known {
            let before = match *of_rows {
                0 => Counts::default(),
                rows => self.before(rows)?,
            };
            return Ok(found.unknown(before, there));
        }
        if let Some(counts) = &found.event {
            *of_events = counts.lines[1] - known[1];
        }
        // One request brings all of its lines.
        let together = *of_rows > 0 || *of_events > 0;
        let [rows_there, events_there, console_there] = there;
        let others = rows_there > rows.offset + *of_rows
            || rows.in_flight > 0 && *of_rows == 0
            || events.in_flight == 0 && events_there > events.offset;
        for (of, place, there) in [(of_events, events, events_there), (of_console, console, console_there)] {
            if *of == 0 && place.in_flight > 0 {
                *of = match (together, others) {
                    (true, _) => place.in_flight,
                    // Nobody knows: what is there twice is better than what is not there.
                    (false, true) => 0,
                    (false, false) => there.saturating_sub(place.offset).min(place.in_flight),
                };
            }
        }
        Ok(arrived)
    }

    /// Looks for the server's last row and last system metrics in the log, behind lines that are known and not further than
    /// `most` lines behind these. Rows that were recorded at once may be equal but for their steps; where nobody knows how
    /// another program has counted these, the first of them counts: what is there twice is better than what is not there.
    fn find(&self, known: [u64; 3], most: [u64; 2]) -> Result<Found, Failure> {
        let (row, metrics) = (self.past.last_row(), self.past.last_event());
        let is = |there: &Option<Row>, line: &str| there.as_ref().is_some_and(|there| is_same(there, line));
        let (mut found, mut alike) = (Found::default(), None);
        self.read(&mut |line, counts| {
            let [rows, events, _] = counts.lines;
            match line {
                Line::Row(line, step) if rows > known[0] && rows - known[0] <= most[0] && is(&row, line) => {
                    if row.as_ref().and_then(step_of) == Some(*step) {
                        found.row = Some(*counts);
                    } else if most[0] == u64::MAX {
                        alike.get_or_insert(*counts);
                    }
                }
                Line::Event(line)
                    if events > known[1] && events - known[1] <= most[1] && is(&metrics, line) =>
                {
                    found.event.get_or_insert(*counts);
                }
                _ => {}
            }
            found.all = *counts;
            true
        })?;
        found.row = found.row.or(alike);
        Ok(found)
    }

    /// What stands up to the row of this number.
    fn before(&self, row: u64) -> Result<Counts, Failure> {
        let mut before = Counts::default();
        self.read(&mut |_, counts| {
            before = *counts;
            counts.lines[0] < row
        })?;
        Ok(before)
    }

    /// Reads the log's lines, until nobody wants more; each comes with what stands in the log up to it.
    fn read(&self, each: &mut dyn FnMut(&Line, &Counts) -> bool) -> Result<(), Failure> {
        let mut source = Source::open(self.log, false)?;
        let mut rows = self.rows.clone();
        let mut console = Console::new(LineForm::default());
        let mut counts = Counts::default();
        let mut lines = Vec::new();
        while source.advance() {
            let line = match rows.raw_line(source.raw()) {
                Some(line) => Line::Row(line, rows.last_step()),
                None => match source.decode() {
                    Some(Kind::History(row)) => {
                        let line = rows.line(&row);
                        Line::Row(line, rows.last_step())
                    }
                    Some(Kind::Stats(stats)) => Line::Event(event(&stats, self.started)),
                    Some(Kind::OutputRaw(output)) => {
                        let time = output.timestamp.unwrap_or_default();
                        console.feed(output.output_type == 0, time, &output.line, &mut lines);
                        Line::Other
                    }
                    Some(Kind::OutputLogger(output)) => {
                        console.lines(Timestamp::default(), &output.line, &mut lines);
                        Line::Other
                    }
                    Some(Kind::Alert(_)) => {
                        counts.alerts += 1;
                        Line::Other
                    }
                    Some(Kind::Exit(_)) | None => break,
                    Some(_) => continue,
                },
            };
            let [of_rows, of_events, of_console] = &mut counts.lines;
            match &line {
                Line::Row(line, _) => *of_rows += u64::from(line.len() <= LINE_BYTES),
                Line::Event(line) => *of_events += u64::from(line.len() <= LINE_BYTES),
                Line::Other => *of_console += lines.drain(..).count() as u64,
            }
            if !each(&line, &counts) {
                return Ok(());
            }
        }
        console.finish(&mut lines);
        counts.lines[2] += lines.len() as u64;
        each(&Line::Other, &counts);
        Ok(())
    }
}

/// A line of a log.
enum Line {
    /// With its step.
    Row(String, i64),
    Event(String),
    /// Of the console, or none.
    Other,
}

/// Where in a log the last lines of the server stand.
#[derive(Debug, Default)]
struct Found {
    row: Option<Counts>,
    event: Option<Counts>,
    /// All that the log has.
    all: Counts,
}

impl Found {
    /// What of a log is there of which nothing is remembered: what stands up to the furthest line that was found. `before`
    /// is what stands up to the last row that is there, and `there` what the run has in all.
    fn unknown(&self, before: Counts, there: [u64; 3]) -> Counts {
        let mut counts = before;
        for found in self.row.iter().chain(&self.event) {
            for (count, found) in counts.lines.iter_mut().zip(found.lines) {
                *count = (*count).max(found);
            }
            counts.alerts = counts.alerts.max(found.alerts);
        }
        let has_all_rows = counts.lines[0] > 0 && counts.lines[0] == self.all.lines[0];
        let is_alone = counts.lines[0] > 0 && counts.lines[0] == there[0];
        for lane in [1, 2] {
            let (count, there, all) = (&mut counts.lines[lane], there[lane], self.all.lines[lane]);
            // Without others the run has what this log brought; with them, a log whose rows are all there came to its end.
            if is_alone {
                *count = there.min(all);
            } else if has_all_rows && there >= all {
                *count = all;
            }
            *count = (*count).min(there);
        }
        if has_all_rows {
            counts.alerts = self.all.alerts;
        }
        counts
    }
}
