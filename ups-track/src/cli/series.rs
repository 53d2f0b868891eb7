//! What is kept of each metric while rows stream by.

use std::borrow::Cow;
use std::collections::HashMap;

use super::row;
use crate::json;
use crate::log::record::{History, Item};
use crate::thumbnail::Thumbnail;

/// All metrics, in the order in which they appeared.
#[derive(Debug, Default)]
pub(super) struct AllSeries {
    index: HashMap<String, usize>,
    list: Vec<Series>,
}

/// One metric.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) name: String,
    /// Rows that have it.
    pub(super) rows: u64,
    /// The last value in standard JSON.
    pub(super) last: String,
    /// The lowest and the highest finite number.
    pub(super) range: Option<(f64, f64)>,
    thumbnail: Thumbnail,
}

impl AllSeries {
    /// Takes a row.
    pub(super) fn row(&mut self, row: &History) {
        if row.item.iter().any(is_part) {
            for (key, value) in row::collapse(row::cells(row)) {
                self.value(&key, &value);
            }
        } else {
            for item in &row.item {
                let value = json::number(&item.value_json).map(|_| Cow::Borrowed(item.value_json.as_str()));
                if let Some(value) = value.or_else(|| json::standard(&item.value_json)) {
                    self.value(&row::key(item), &value);
                }
            }
        }
    }

    fn value(&mut self, key: &str, value: &str) {
        let at = if let Some(at) = self.index.get(key) {
            *at
        } else {
            let at = self.list.len();
            self.index.insert(key.to_owned(), at);
            self.list.push(Series::new(key));
            at
        };
        if let Some(series) = self.list.get_mut(at) {
            series.push(value);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Series> {
        self.list.iter()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Series> {
        self.list.get(*self.index.get(name)?)
    }
}

/// Whether an item may be a part of something bigger.
fn is_part(item: &Item) -> bool {
    item.value_json.starts_with('{') || item.nested_key.last().is_some_and(|last| last == "_type")
}

impl Series {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            rows: 0,
            last: String::new(),
            range: None,
            thumbnail: Thumbnail::default(),
        }
    }

    fn push(&mut self, value: &str) {
        self.rows += 1;
        self.last.clear();
        self.last.push_str(value);
        let Some(number) = json::number(value) else { return };
        if number.is_finite() {
            let (low, high) = self.range.unwrap_or((number, number));
            self.range = Some((low.min(number), high.max(number)));
        }
        self.thumbnail.push(number);
    }

    /// Every n-th number, few enough for a sparkline.
    pub(super) fn thumbnail(&self) -> &[f64] {
        self.thumbnail.values()
    }

    /// Whether a value in standard JSON is the last one.
    pub(super) fn ends_with(&self, value: &str) -> bool {
        match (json::number(&self.last), json::number(value)) {
            (Some(a), Some(b)) => a.total_cmp(&b).is_eq() || a.is_nan() && b.is_nan(),
            _ => self.last == value,
        }
    }
}
