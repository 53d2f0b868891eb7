//! What tells the ranks of a group apart, where several record into one run: the label of their keys, or else the number
//! of the rank in each row; and the label of their console lines.

use std::borrow::Cow;

use super::Ledger;
use crate::kinds::metric::Number;
use crate::log::encode;
use crate::recorder::{Definition, Op, SummaryWords};

/// The key of the number of a rank in its rows.
const KEY: &str = "rank";

/// Which rank it is, and how one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RankMark {
    rank: u32,
    /// The label of keys, such as `rank3`; empty if they have none.
    label: String,
    /// The number of the key `rank`, once the ledger has it.
    key: Option<u32>,
    /// Whether lines of the console begin with the rank.
    marks_lines: bool,
    /// Whether the next character of the console begins a line.
    begins_line: bool,
}

impl RankMark {
    pub(crate) fn new(rank: u32, labelled: bool) -> Self {
        let label = if labelled { format!("rank{rank}") } else { String::new() };
        Self { rank, label, key: None, marks_lines: true, begins_line: true }
    }

    /// The same where the server puts the rank in front of the lines of the console.
    pub(crate) fn without_lines(self) -> Self {
        Self { marks_lines: false, ..self }
    }

    pub(crate) fn rank(&self) -> u32 {
        self.rank
    }

    /// The label of keys; empty if they have none.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Console text with the rank at the beginning of each line.
    fn lines(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 16);
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            if std::mem::take(&mut self.begins_line) && c != '\n' {
                out.push_str("[rank");
                out.push_str(itoa::Buffer::new().format(self.rank));
                out.push_str("] ");
            }
            out.push(c);
            // What follows a carriage return overwrites the line, and with it the rank.
            self.begins_line = c == '\n' || c == '\r' && rest.peek() != Some(&'\n');
        }
        out
    }
}

impl Ledger {
    /// Several ranks record into this run, and this is the log of one of them.
    pub(crate) fn of_rank(&mut self, mut mark: RankMark) {
        if mark.label.is_empty() {
            // No chart of its own, and no value in the summary: it is there to tell rows apart.
            let summary = SummaryWords { none: true, ..SummaryWords::default() };
            self.define(&Definition { name: KEY.into(), hidden: true, summary, ..Definition::default() });
            mark.key = Some(self.key(KEY));
        }
        self.rank = Some(mark);
    }

    /// A key with the label in front.
    pub(super) fn labelled<'k>(&self, key: &'k str) -> Cow<'k, str> {
        match &self.rank {
            Some(mark) if !mark.label.is_empty() => format!("{}/{key}", mark.label).into(),
            _ => key.into(),
        }
    }

    /// Labels what does not have its label from its stage.
    pub(super) fn mark(&mut self, op: &mut Op) {
        if let (Some(mark), Op::Console { text, .. }) = (&mut self.rank, &mut *op)
            && mark.marks_lines
        {
            *text = mark.lines(text);
        }
        if self.rank.as_ref().is_none_or(|mark| mark.label.is_empty()) {
            return;
        }
        let label = |key: &mut String| *key = self.labelled(key).into_owned();
        match op {
            Op::Summary { values, goals } => {
                for key in values.iter_mut().map(|(key, _)| key).chain(goals.iter_mut().map(|(key, _)| key)) {
                    label(key);
                }
            }
            Op::Found(values) => values.iter_mut().for_each(|(key, _)| label(key)),
            Op::Table { key, .. } => label(key),
            Op::Define(definition) => {
                label(&mut definition.name);
                definition.step.iter_mut().for_each(label);
            }
            _ => {}
        }
    }

    /// Adds the number of the rank to the row that is being written, unless the program has such a metric itself.
    pub(super) fn mark_row(&mut self, row: &[(u32, Number)]) {
        let Some((rank, own)) = self.rank.as_ref().and_then(|mark| Some((mark.rank, mark.key?))) else {
            return;
        };
        let Some(key) = self.keys.get(own as usize) else { return };
        if row.iter().all(|(key, _)| *key != own) {
            let number = Number::U64(rank.into());
            encode::history_item(&mut self.items, &key.encoded, |out| encode::number(out, number));
        }
    }

    /// Whether a key is the number of the rank.
    pub(super) fn is_rank(&self, key: u32) -> bool {
        self.rank.as_ref().is_some_and(|mark| mark.key == Some(key))
    }
}

#[cfg(test)]
mod tests {
    use super::RankMark;

    #[test]
    fn console_lines() {
        let mut mark = RankMark::new(3, false);
        let mut shown = |text: &str| mark.lines(text);
        assert_eq!(shown("one\ntwo"), "[rank3] one\n[rank3] two");
        assert_eq!(shown(" more\n\nlast\r\n"), " more\n\n[rank3] last\r\n");
        assert_eq!(shown("10%\r20%\r"), "[rank3] 10%\r[rank3] 20%\r");
        assert_eq!(shown(""), "");
    }
}
