//! The last lines of a console, as a terminal would have shown them.

use std::collections::VecDeque;

use super::text::harmless;

/// Characters of a line that are kept.
const LONGEST: usize = 4096;

/// Keeps the last lines of console output.
#[derive(Debug, Default)]
pub(super) struct Tail {
    keep: usize,
    lines: VecDeque<String>,
    /// All lines so far.
    seen: u64,
    streams: [Line; 2],
}

impl Tail {
    pub(super) fn new(keep: usize) -> Self {
        Self { keep, ..Self::default() }
    }

    /// Takes a piece of output. Each stream has its own unfinished line.
    pub(super) fn feed(&mut self, is_stdout: bool, text: &str) {
        for c in text.chars() {
            let Some(line) = self.streams.get_mut(usize::from(is_stdout)) else { return };
            if line.feed(c) {
                let line = line.take();
                self.push(line);
            }
        }
    }

    fn push(&mut self, line: String) {
        self.seen += 1;
        if self.keep == 0 {
            return;
        }
        if self.lines.len() == self.keep {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Ends the unfinished lines.
    pub(super) fn finish(&mut self) {
        for index in 0..self.streams.len() {
            let line = self.streams.get_mut(index).map(Line::take).filter(|line| !line.is_empty());
            if let Some(line) = line {
                self.push(line);
            }
        }
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &String> {
        self.lines.iter()
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

/// An unfinished line. Carriage returns overwrite; escape sequences (colours, mostly) are left out.
#[derive(Debug, Default)]
struct Line {
    shown: Vec<char>,
    column: usize,
    escape: Escape,
}

impl Line {
    /// Takes a character; true if it ends the line.
    fn feed(&mut self, c: char) -> bool {
        self.escape = match (self.escape, c) {
            (_, '\n') => {
                self.escape = Escape::None;
                return true;
            }
            (_, '\u{1b}') | (Escape::Begun, ' '..='/') => Escape::Begun,
            (Escape::Begun, '[') => Escape::Control,
            (Escape::Begun, ']' | 'P' | 'X' | '^' | '_') => Escape::Text,
            (Escape::Control, '@'..='~') | (Escape::Text, '\u{7}') | (Escape::Begun, _) => Escape::None,
            (Escape::None, c) => {
                self.put(c);
                Escape::None
            }
            (inside, _) => inside,
        };
        false
    }

    fn put(&mut self, c: char) {
        match c {
            '\r' => self.column = 0,
            '\u{8}' => self.column = self.column.saturating_sub(1),
            '\t' => {
                for _ in 0..8 - self.column % 8 {
                    self.put(' ');
                }
            }
            c => {
                if let Some(place) = self.shown.get_mut(self.column) {
                    *place = harmless(c);
                } else if self.shown.len() < LONGEST {
                    self.shown.push(harmless(c));
                } else {
                    return;
                }
                self.column += 1;
            }
        }
    }

    fn take(&mut self) -> String {
        self.column = 0;
        self.shown.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Tail;

    fn tail(keep: usize, pieces: &[&str]) -> Vec<String> {
        let mut tail = Tail::new(keep);
        for piece in pieces {
            tail.feed(true, piece);
        }
        tail.finish();
        tail.lines().cloned().collect()
    }

    #[test]
    fn as_a_terminal_shows_it() {
        assert_eq!(tail(9, &["\x1b[1;32mok\x1b", "[0m done\n"]), ["ok done"]);
        assert_eq!(tail(9, &["\r 0%", "\r100%\nnext"]), ["100%", "next"]);
        assert_eq!(tail(9, &["\x1b]0;title\x07text\u{9b}\n"]), ["text\u{fffd}"]);
        assert_eq!(tail(2, &["a\nb\nc\n"]), ["b", "c"]);
        assert_eq!(tail(0, &["a\n"]), [""; 0]);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let line = tail(1, &[&"x".repeat(100_000)]).concat();
        assert_eq!(line.len(), super::LONGEST);
    }
}
