//! The history of a run: exact, or a sample of it.

use std::ops::{Bound, RangeBounds};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::{Error, Result};
use super::run::Named;
use super::{Values, lenient, queries};
use crate::upload::HISTORY_PAGE;

/// Rows that one request brings if nothing is set.
const PAGE: u32 = 1000;

/// The most rows that one request may ask for.
const MOST_PER_PAGE: u32 = 100_000;

/// What numbers rows.
const STEP: &str = "_step";

/// Which part of a history, and how it is read.
///
/// ```no_run
/// use ups_track::api::Api;
///
/// # fn main() -> Result<(), ups_track::api::Error> {
/// let run = Api::from_env()?.run("my-team/universal-simulator/1a2b3c4d")?;
/// let mut worst = f64::MIN;
/// for row in run.history().keys(["operator/loss"]).steps(100..).rows()? {
///     worst = worst.max(row?.value("operator/loss")?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is read until `rows` is called"]
pub struct History {
    run: Named,
    keys: Vec<String>,
    from: u64,
    /// The step after the last one.
    end: Option<u64>,
    page: u32,
}

impl History {
    pub(super) fn new(run: Named) -> Self {
        Self { run, keys: Vec::new(), from: 0, end: None, page: PAGE }
    }

    /// Reads only these keys, and `_step`. The server gives only rows that have all of them; read keys of different rows
    /// one after the other.
    pub fn keys<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.keys = with_step(keys);
        self
    }

    /// Reads only rows whose `_step`, the number of the row, is in this range; a stage's own step is an ordinary key.
    pub fn steps(mut self, steps: impl RangeBounds<u64>) -> Self {
        self.from = match steps.start_bound() {
            Bound::Included(from) => *from,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        self.end = match steps.end_bound() {
            Bound::Included(last) => Some(last.saturating_add(1)),
            Bound::Excluded(end) => Some(*end),
            Bound::Unbounded => None,
        };
        self
    }

    /// How many steps one request covers, 1 to 100,000; 1000 if nothing is set.
    pub fn per_page(mut self, steps: u32) -> Self {
        self.page = steps;
        self
    }

    /// Asks how far the history goes now, and gives its rows in order; pages are asked for when they are needed.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if the page is bad, otherwise as [`Api::run`](super::Api::run).
    pub fn rows(self) -> Result<Rows> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            history_keys: Option<Value>,
        }
        if !(1..=MOST_PER_PAGE).contains(&self.page) {
            let rule = format!("must be 1 to {MOST_PER_PAGE}");
            return Err(Error::argument("per_page", &self.page.to_string(), rule));
        }
        let query = ("RunHistoryKeys", queries::HISTORY_KEYS);
        let answer: Answer = self.run.ask("how far a history goes", query, Map::new())?;
        let what = self.run.what();
        let keys = lenient::object(answer.history_keys).map_err(|reason| Error::answer(&what, &reason))?;
        let last = keys.get("lastStep").map(lenient::typed::<i64>).transpose();
        let last = last.map_err(|e| Error::answer(&what, &format!("lastStep: {e}")))?;
        // A history without rows has the last step -1, or none.
        let there =
            last.and_then(|last| u64::try_from(last.checked_add(1).unwrap_or(last)).ok()).unwrap_or(0);
        let page = u64::from(self.page);
        let end = self.end.unwrap_or(there).min(there);
        Ok(Rows {
            run: self.run,
            keys: self.keys,
            next: self.from,
            end,
            page,
            width: page,
            closing_in: false,
            loaded: Vec::new().into_iter(),
        })
    }
}

/// The rows of a history. After an error there is nothing more.
#[derive(Debug)]
pub struct Rows {
    run: Named,
    keys: Vec<String>,
    /// The first step that was not asked for yet.
    next: u64,
    end: u64,
    /// Steps of which no row can be left out, however many of them have one.
    page: u64,
    /// Steps that the next request covers: more than a page where there were no rows.
    width: u64,
    /// Whether rows are known to be near.
    closing_in: bool,
    loaded: std::vec::IntoIter<Values>,
}

impl Rows {
    /// Loads the next rows, if there are any.
    fn load(&mut self) -> Result<()> {
        while self.next < self.end && self.loaded.len() == 0 {
            let stop = self.next.saturating_add(self.width).min(self.end);
            let rows = self.page(stop)?;
            if rows.is_empty() {
                // Steps may have wide gaps. Where a request finds none, the next one looks further.
                self.next = stop;
                self.width = if self.closing_in { self.width } else { self.width.saturating_mul(2) };
            } else if stop - self.next > self.page {
                // There may be more rows than the server gives at a time: it would choose some of them.
                self.closing_in = true;
                self.width = (self.width / 2).max(self.page);
            } else {
                self.next = stop;
                (self.width, self.closing_in) = (self.page, false);
                self.loaded = rows.into_iter();
            }
        }
        Ok(())
    }

    /// The rows from the next step up to `stop`.
    fn page(&self, stop: u64) -> Result<Vec<Values>> {
        let (from, samples) = (self.next, self.page);
        let rows = if self.keys.is_empty() {
            let variables = json!({"minStep": from, "maxStep": stop, "pageSize": samples});
            whole_rows(&self.run, ("HistoryPage", HISTORY_PAGE), variables)?
        } else {
            let spec = json!({"keys": self.keys, "minStep": from, "maxStep": stop - 1, "samples": samples});
            let query = ("SampledHistoryPage", queries::SAMPLED_HISTORY_PAGE);
            specified_rows(&self.run, query, json!({"spec": spec.to_string()}))?
        };
        // A server that does not keep to the range would make a history without end.
        let outside = |row: &Values| row.value::<u64>(STEP).is_ok_and(|step| !(from..stop).contains(&step));
        match rows.iter().find(|row| outside(row)) {
            None => Ok(rows),
            Some(row) => {
                let step = &row[STEP];
                let said = format!("a row of step {step} among those from {from} to {}", stop - 1);
                Err(Error::answer(&self.run.what(), &said))
            }
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Values>;

    fn next(&mut self) -> Option<Result<Values>> {
        if let Err(error) = self.load() {
            self.next = self.end;
            return Some(Err(error));
        }
        self.loaded.next().map(Ok)
    }
}

impl std::iter::FusedIterator for Rows {}

/// A sample of the history.
pub(super) fn sampled(run: &Named, keys: &[String], samples: u32) -> Result<Vec<Values>> {
    if samples == 0 {
        return Ok(Vec::new());
    }
    if keys.is_empty() {
        return whole_rows(run, ("RunFullHistory", queries::FULL_HISTORY), json!({"samples": samples}));
    }
    let spec = json!({"keys": keys, "samples": samples}).to_string();
    specified_rows(run, ("RunSampledHistory", queries::SAMPLED_HISTORY), json!({"specs": [spec]}))
}

/// The keys with the one that numbers rows; none for none, which stands for all.
pub(super) fn with_step<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Vec<String> {
    let mut keys: Vec<String> = keys.into_iter().map(|key| key.as_ref().to_owned()).collect();
    if !keys.is_empty() && !keys.iter().any(|key| key == STEP) {
        keys.insert(0, STEP.to_owned());
    }
    keys
}

/// Rows that come as JSON texts.
fn whole_rows(run: &Named, query: (&'static str, &'static str), variables: Value) -> Result<Vec<Values>> {
    #[derive(Deserialize)]
    struct Answer {
        history: Vec<Value>,
    }
    let answer: Answer = run.ask("a history", query, object(variables))?;
    rows(run, answer.history)
}

/// Rows that come as a list for each specification, of which we have sent one.
fn specified_rows(run: &Named, query: (&'static str, &'static str), variables: Value) -> Result<Vec<Values>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        sampled_history: Vec<Vec<Value>>,
    }
    let answer: Answer = run.ask("a history", query, object(variables))?;
    rows(run, answer.sampled_history.into_iter().next().unwrap_or_default())
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(object) = value { object } else { Map::new() }
}

fn rows(run: &Named, found: Vec<Value>) -> Result<Vec<Values>> {
    let what = format!("a row of the history of {}", run.what());
    let row = |found| match lenient::object(Some(found)) {
        Ok(row) => Ok(Values::new(&what, row)),
        Err(reason) => Err(Error::answer(&what, &reason)),
    };
    found.into_iter().map(row).collect()
}
