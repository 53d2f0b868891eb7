//! One key of the run: its last value, what the summary keeps of it, and a thumbnail of its history.

use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;
use crate::log::encode;
use crate::recorder::SummaryWords;
use crate::thumbnail::Thumbnail;

/// A key and what is known of it.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: Box<str>,
    /// The key as it stands in a history item.
    pub(crate) encoded: Box<[u8]>,
    /// The last value of the history.
    pub(crate) last: Option<Number>,
    /// A summary value that was set as such: it stays, whatever the history does.
    pub(crate) explicit: Option<Scalar>,
    /// Who has set it.
    pub(crate) setter: Setter,
    /// Whether the summary has changed since it was last written.
    pub(crate) changed: bool,
    pub(crate) words: SummaryWords,
    aggregate: Option<Box<Aggregate>>,
    finite: Finite,
    pub(crate) thumbnail: Thumbnail,
    /// Whether the run has defined the key against its step metric.
    pub(crate) defined: bool,
    /// The key of the step metric that a definition demands.
    pub(crate) step: Option<u32>,
}

/// Which values of a key were finite.
#[derive(Debug, Default)]
struct Finite {
    /// How many were not.
    failures: u64,
    /// Whether any was.
    seen: bool,
    /// Whether a person was told of one that was not.
    told: bool,
}

impl Finite {
    /// True if a person must hear of this value: it is the first that is not finite, and not the infinity from which a
    /// program begins to look for the best.
    #[inline]
    fn judge(&mut self, number: Number) -> bool {
        if number.is_finite() {
            self.seen = true;
            return false;
        }
        self.failures += 1;
        let is_start = !self.seen && !number.as_f64().is_nan();
        !is_start && !std::mem::replace(&mut self.told, true)
    }
}

/// Who has set a summary value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setter {
    /// The program.
    Program,
    /// An attached child, which does not tell what of it is its program's.
    Child,
    /// We: how long a stage took, its best row, how a child has ended.
    Found,
}

/// Running figures of a metric whose summary is asked for by words.
#[derive(Debug, Clone, Copy)]
struct Aggregate {
    first: Number,
    min: Number,
    max: Number,
    sum: f64,
    count: f64,
}

impl Key {
    pub(crate) fn new(name: &str) -> Self {
        let mut encoded = Vec::with_capacity(name.len() + 3);
        encode::item_key(&mut encoded, name);
        Self {
            name: name.into(),
            encoded: encoded.into(),
            last: None,
            explicit: None,
            setter: Setter::Program,
            changed: false,
            words: SummaryWords::default(),
            aggregate: None,
            finite: Finite::default(),
            thumbnail: Thumbnail::default(),
            defined: false,
            step: None,
        }
    }

    /// Takes a value of the history; true if a person must hear that it is not finite.
    #[inline]
    pub(crate) fn observe(&mut self, number: Number) -> bool {
        self.last = Some(number);
        self.changed |= self.explicit.is_none();
        self.thumbnail.push(number.as_f64());
        if self.words.any() {
            self.aggregate(number);
        }
        self.judge(number)
    }

    /// Counts a value that is not finite; true if a person must hear of it.
    #[inline]
    pub(crate) fn judge(&mut self, number: Number) -> bool {
        self.finite.judge(number)
    }

    /// Values that were NaN or infinite.
    pub(crate) fn not_finite(&self) -> u64 {
        self.finite.failures
    }

    /// Whether the program itself has a value under this key.
    pub(crate) fn is_the_programs(&self) -> bool {
        self.last.is_some() || self.explicit.is_some() && self.setter == Setter::Program
    }

    fn aggregate(&mut self, number: Number) {
        let v = number.as_f64();
        let a = self.aggregate.get_or_insert_with(|| {
            Box::new(Aggregate { first: number, min: number, max: number, sum: 0.0, count: 0.0 })
        });
        if v < a.min.as_f64() || a.min.as_f64().is_nan() {
            a.min = number;
        }
        if v > a.max.as_f64() || a.max.as_f64().is_nan() {
            a.max = number;
        }
        a.sum += v;
        a.count += 1.0;
    }

    /// Appends the summary value as JSON; false if the summary has none.
    pub(crate) fn write_summary(&self, out: &mut Vec<u8>) -> bool {
        if let Some(explicit) = &self.explicit {
            encode::scalar(out, explicit);
            return true;
        }
        let Some(last) = self.last else { return false };
        if self.words.none {
            return false;
        }
        match &self.aggregate {
            Some(a) if self.words.any() => a.write(self.words, last, out),
            _ => encode::number(out, last),
        }
        true
    }
}

impl Aggregate {
    fn write(&self, words: SummaryWords, last: Number, out: &mut Vec<u8>) {
        let figures = [
            (words.min, "min", self.min),
            (words.max, "max", self.max),
            (words.mean, "mean", Number::F64(self.sum / self.count)),
            (words.first, "first", self.first),
            (words.last, "last", last),
        ];
        out.push(b'{');
        let mut separator = "";
        for (_, word, number) in figures.into_iter().filter(|(wanted, ..)| *wanted) {
            out.extend_from_slice(separator.as_bytes());
            out.push(b'"');
            out.extend_from_slice(word.as_bytes());
            out.extend_from_slice(b"\":");
            encode::number(out, number);
            separator = ",";
        }
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explicit_wins_for_good() {
        let mut key = Key::new("loss");
        key.observe(Number::F64(1.0));
        key.explicit = Some(Scalar::from(0.5));
        key.changed = false;
        key.observe(Number::F64(2.0));
        let mut out = Vec::new();
        assert!(key.write_summary(&mut out));
        assert_eq!(out, b"0.5");
        assert!(!key.changed);
    }

    #[test]
    fn words_make_an_object() {
        let mut key = Key::new("loss");
        key.words = SummaryWords { min: true, max: true, mean: true, ..SummaryWords::default() };
        for v in [2.0, 1.0, 3.0] {
            key.observe(Number::F64(v));
        }
        let mut out = Vec::new();
        key.write_summary(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), r#"{"min":1.0,"max":3.0,"mean":2.0}"#);
    }
}
