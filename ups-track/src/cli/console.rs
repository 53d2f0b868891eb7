//! The last lines of a console, as people read them.

use std::collections::VecDeque;

use super::text::harmless;
use crate::log::record::Timestamp;
use crate::terminal::{Line, Terminal};

/// Keeps the last lines of console output.
#[derive(Debug, Default)]
pub(super) struct Tail {
    keep: usize,
    terminal: Terminal,
    shown: Vec<Line>,
    lines: VecDeque<Line>,
    /// All lines so far.
    seen: u64,
}

impl Tail {
    pub(super) fn new(keep: usize) -> Self {
        Self { keep, ..Self::default() }
    }

    /// Takes a piece of one of the streams.
    pub(super) fn feed(&mut self, stderr: bool, text: &str) {
        self.terminal.feed(stderr, Timestamp::default(), text, &mut self.shown);
        self.take();
    }

    /// Takes lines that went past any terminal.
    pub(super) fn add(&mut self, text: &str) {
        self.terminal.lines(Timestamp::default(), text, &mut self.shown);
        self.take();
    }

    /// Takes what is unfinished as well.
    pub(super) fn finish(&mut self) {
        self.terminal.finish(&mut self.shown);
        self.take();
    }

    fn take(&mut self) {
        self.seen += self.shown.len() as u64;
        for line in self.shown.drain(..).filter(|_| self.keep > 0) {
            if self.lines.len() == self.keep {
                self.lines.pop_front();
            }
            self.lines.push_back(line);
        }
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.lines.iter().map(|line| plain(&line.text()))
    }

    /// All lines that there were.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }
}

/// What an escape sequence is made of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// After ESC.
    Begun,
    /// `ESC [`: up to a letter or the like.
    Control,
    /// `ESC ]` and others: up to BEL, or ESC and a backslash.
    Text,
}

/// What a person reads of a line: escape sequences (colours, mostly) are left out.
fn plain(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut escape = Escape::None;
    let mut column = 0;
    for c in line.chars() {
        escape = match (escape, c) {
            (_, '\u{1b}') | (Escape::Begun, ' '..='/') => Escape::Begun,
            (Escape::Begun, '[') => Escape::Control,
            (Escape::Begun, ']' | 'P' | 'X' | '^' | '_') => Escape::Text,
            (Escape::Control, '@'..='~') | (Escape::Text, '\u{7}') | (Escape::Begun, _) => Escape::None,
            (Escape::None, c) => {
                match c {
                    '\t' => {
                        let blanks = 8 - column % 8;
                        shown.extend(std::iter::repeat_n(' ', blanks));
                        column += blanks;
                    }
                    '\u{8}' => column -= usize::from(shown.pop().is_some()),
                    c => {
                        shown.push(harmless(c));
                        column += 1;
                    }
                }
                Escape::None
            }
            (inside, _) => inside,
        };
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::Tail;

    fn tail(keep: usize, pieces: &[&str]) -> Vec<String> {
        let mut tail = Tail::new(keep);
        for piece in pieces {
            tail.feed(false, piece);
        }
        tail.finish();
        tail.lines().collect()
    }

    #[test]
    fn as_a_terminal_shows_it() {
        assert_eq!(tail(9, &["\x1b[1;32mok\x1b", "[0m done\n"]), ["ok done"]);
        assert_eq!(tail(9, &["\r 0%", "\r100%\nnext"]), ["100%", "next"]);
        assert_eq!(tail(9, &["\x1b]0;title\x07text\u{9b}\n"]), ["text\u{fffd}"]);
        assert_eq!(tail(2, &["a\nb\nc\n"]), ["b", "c"]);
        assert_eq!(tail(0, &["a\n"]), [""; 0]);
        assert_eq!(tail(9, &["a\tb\u{8}c"]), ["a       c"]);
    }

    #[test]
    fn bars_below_each_other_are_a_line_each() {
        let steps: Vec<_> = (0..100).map(|n| format!("\router {n}\n\rinner {n}\u{1b}[A")).collect();
        let steps = steps.concat();
        assert_eq!(tail(9, &[&steps]), ["outer 99", "inner 99"]);
    }
}
