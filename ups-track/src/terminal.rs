//! What a terminal shows of console output: lines, numbered across both streams, as W&B's client sees them.
//!
//! That one knows the end of a line, the carriage return, one line up (`ESC [ A`) and one line down (`ESC [ B`); any other
//! character is text, and so is any other escape sequence. A stream has a screen of its own, and both write into one list of
//! lines: a line has its place and its time from its first character on, or from that of a later line of its stream.

use std::collections::VecDeque;

use crate::log::record::Timestamp;

/// Lines that a screen has, and lines behind which an earlier one is never touched again.
const HEIGHT: usize = 32;

/// Characters that a line keeps.
const LENGTH: usize = 4096;

/// A line that was shown.
#[derive(Debug)]
#[cfg_attr(not(feature = "online"), expect(dead_code, reason = "a server is told stream and time"))]
pub(crate) struct Line {
    pub(crate) stderr: bool,
    pub(crate) time: Timestamp,
    text: Vec<char>,
    /// Characters that count. Blanks at the end do not, unless something changes in front of them later: to W&B's client
    /// they change nothing.
    length: usize,
}

impl Line {
    pub(crate) fn text(&self) -> String {
        self.text.iter().take(self.length).collect()
    }
}

/// Turns pieces of console output into lines. It keeps those that may still change.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    lines: Lines,
    stdout: Screen,
    stderr: Screen,
}

/// The lines that were not given away.
#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<Line>,
    /// The number of the first of them.
    first: u64,
}

impl Lines {
    /// Adds a line, and gives away what is too far above it; tells its number.
    fn add(&mut self, line: Line, out: &mut Vec<Line>) -> u64 {
        let number = self.first + self.kept.len() as u64;
        self.kept.push_back(line);
        if self.kept.len() > HEIGHT {
            self.give(out);
        }
        number
    }

    fn give(&mut self, out: &mut Vec<Line>) {
        if let Some(line) = self.kept.pop_front() {
            self.first += 1;
            out.push(line);
        }
    }

    /// Writes into a line, unless that was given away.
    fn put(&mut self, number: u64, column: usize, c: char) {
        let at = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let Some(line) = at.and_then(|at| self.kept.get_mut(at)) else { return };
        if column >= LENGTH {
            return;
        }
        if line.text.len() <= column {
            line.text.resize(column + 1, ' ');
        }
        if let Some(place) = line.text.get_mut(column).filter(|place| **place != c) {
            *place = c;
            line.length = line.text.len();
        }
    }
}

/// How far into an escape sequence a stream is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// Behind ESC.
    Begun,
    /// Behind `ESC [`.
    Bracket,
}

/// What one stream sees.
#[derive(Debug, Default)]
struct Screen {
    /// The numbers of its lines, from the uppermost on.
    view: VecDeque<u64>,
    row: usize,
    column: usize,
    escape: Escape,
    /// Whether it ever went up.
    rises: bool,
}

impl Screen {
    fn feed(&mut self, stderr: bool, time: Timestamp, c: char, lines: &mut Lines, out: &mut Vec<Line>) {
        let mut put = |screen: &mut Self, c| {
            while screen.view.len() <= screen.row {
                let line = Line { stderr, time, text: Vec::new(), length: 0 };
                screen.view.push_back(lines.add(line, out));
            }
            if let Some(number) = screen.view.get(screen.row) {
                lines.put(*number, screen.column, c);
            }
            screen.column = screen.column.saturating_add(1);
        };
        let escape = std::mem::take(&mut self.escape);
        match (escape, c) {
            (Escape::None, '\r') => self.column = 0,
            (Escape::None, '\n') => {
                self.column = 0;
                self.down();
            }
            (Escape::None, '\u{1b}') => self.escape = Escape::Begun,
            (Escape::None, c) => put(self, c),
            (Escape::Begun, '[') => self.escape = Escape::Bracket,
            (Escape::Bracket, 'A') => {
                self.rises = true;
                self.row = self.row.saturating_sub(1);
            }
            (Escape::Bracket, 'B') => self.down(),
            // Any other sequence is text, whatever follows it.
            (begun, c) => {
                put(self, '\u{1b}');
                if begun == Escape::Bracket {
                    put(self, '[');
                }
                put(self, c);
            }
        }
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row >= HEIGHT {
            // The uppermost line leaves, also if those above the cursor are not there yet.
            self.view.pop_front();
            self.row -= 1;
        }
    }

    /// Whether it can still write into a line.
    fn reaches(&self, number: u64) -> bool {
        self.view.contains(&number)
    }

    /// Whether it will, unless it goes up for the first time.
    fn stays_at(&self, number: u64) -> bool {
        match self.view.iter().position(|line| *line == number) {
            None => false,
            Some(row) => self.rises || row >= self.row,
        }
    }
}

impl Terminal {
    /// Takes a piece of one of the streams; appends the lines that will not change any more to `out`.
    pub(crate) fn feed(&mut self, stderr: bool, time: Timestamp, text: &str, out: &mut Vec<Line>) {
        let screen = if stderr { &mut self.stderr } else { &mut self.stdout };
        for c in text.chars() {
            screen.feed(stderr, time, c, &mut self.lines, out);
        }
        self.give_unreached(out);
    }

    /// Takes lines that went past any terminal.
    pub(crate) fn lines(&mut self, time: Timestamp, text: &str, out: &mut Vec<Line>) {
        for text in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            let text: Vec<char> = text.chars().collect();
            self.lines.add(Line { stderr: false, time, length: text.len(), text }, out);
        }
        self.give_unreached(out);
    }

    fn give_unreached(&mut self, out: &mut Vec<Line>) {
        while !self.lines.kept.is_empty()
            && !self.stdout.reaches(self.lines.first)
            && !self.stderr.reaches(self.lines.first)
        {
            self.lines.give(out);
        }
    }

    /// Gives the rest. What follows begins on empty screens.
    pub(crate) fn finish(&mut self, out: &mut Vec<Line>) {
        (self.stdout, self.stderr) = <(Screen, Screen)>::default();
        self.give_unreached(out);
    }

    /// The lines that may still change, without those at the end that are still being written.
    pub(crate) fn complete(&self) -> impl Iterator<Item = &Line> {
        let is_open = |number: u64| {
            [&self.stdout, &self.stderr].iter().any(|screen| screen.view.get(screen.row) == Some(&number))
        };
        let lines = &self.lines;
        let open = (0..lines.kept.len()).rev().take_while(|at| is_open(lines.first + *at as u64)).count();
        lines.kept.iter().take(lines.kept.len() - open)
    }

    /// The number behind the lines which only a stream that goes up for the first time would change.
    #[cfg_attr(not(feature = "online"), expect(dead_code, reason = "only uploads do not wait for the end"))]
    pub(crate) fn calm(&self) -> u64 {
        let end = self.lines.first + self.lines.kept.len() as u64;
        let moves = |number: &u64| self.stdout.stays_at(*number) || self.stderr.stays_at(*number);
        (self.lines.first..end).find(moves).unwrap_or(end)
    }

    /// Gives the lines in front of a number, whether or not they might change.
    #[cfg_attr(not(feature = "online"), expect(dead_code, reason = "only uploads do not wait for the end"))]
    pub(crate) fn give_before(&mut self, number: u64, out: &mut Vec<Line>) {
        while self.lines.first < number && !self.lines.kept.is_empty() {
            self.lines.give(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Timestamp = Timestamp { seconds: 0, nanos: 0 };

    fn shown(pieces: &[(bool, &str)]) -> Vec<String> {
        let (mut terminal, mut out) = (Terminal::default(), Vec::new());
        for (stderr, piece) in pieces {
            terminal.feed(*stderr, TIME, piece, &mut out);
            assert!(terminal.lines.kept.len() <= HEIGHT);
        }
        terminal.finish(&mut out);
        out.iter().map(Line::text).collect()
    }

    fn stdout(text: &str) -> Vec<String> {
        shown(&[(false, text)])
    }

    #[test]
    fn what_follows_overwrites() {
        assert_eq!(stdout("\r  0%\r 50%\r100%\n"), ["100%"]);
        let lines = ["shortr text", "windows", "", " tail"];
        assert_eq!(stdout("longer text\rshort\nwindows \r\n\n tail  "), lines);
        assert_eq!(stdout("blank \rB\n \nc"), ["Blank ", "", "c"]);
        assert_eq!(stdout(&"x".repeat(5000)), ["x".repeat(LENGTH)]);
    }

    #[test]
    fn a_line_begins_with_its_first_character() {
        assert_eq!(stdout("\n\n"), [""; 0]);
        assert_eq!(stdout("a\n\n\nb\n\n"), ["a", "", "", "b"]);
        // The empty line is there when the one below it is.
        assert_eq!(shown(&[(false, "\n"), (true, "err\n"), (false, "out")]), ["err", "", "out"]);
        assert_eq!(shown(&[(false, "out"), (true, "err\n"), (false, "put\n")]), ["output", "err"]);
    }

    #[test]
    fn bars_below_each_other_keep_their_lines() {
        let steps: Vec<_> = (1..100).map(|at| format!("inner {at}\u{1b}[A\router {at}\n")).collect();
        let text = format!("outer 0\n{}", steps.concat());
        assert_eq!(stdout(&text), ["outer 99", "inner 99"]);
        assert_eq!(stdout("one\ntwo\u{1b}[Arous\u{1b}[Btasks"), ["onerous", "two    tasks"]);
    }

    #[test]
    fn other_sequences_are_text() {
        for text in ["\u{1b}[1A", "\u{1b}[2K", "\u{1b}[31mred\u{1b}[0m", "\u{1b}\u{1b}[A", "a\u{8}b\tc"] {
            assert_eq!(stdout(text), [text]);
        }
        // One that never ends is not there.
        assert_eq!(stdout("a\u{1b}["), ["a"]);
    }

    #[test]
    fn what_left_the_screen_stays() {
        let numbers =
            |range: std::ops::Range<u32>| range.map(|n| format!("{n}\n")).collect::<Vec<_>>().concat();
        let up = "\u{1b}[A".repeat(100) + "top";
        let lines = stdout(&(numbers(0..40) + &up));
        assert_eq!(lines.iter().position(|line| line == "top"), Some(9));
        // Lines of the other stream push those of the first beyond its reach.
        let lines = shown(&[(false, "mine\n"), (true, &numbers(0..40)), (false, "\u{1b}[Alost")]);
        assert_eq!((lines.len(), lines.first().map(String::as_str)), (41, Some("mine")));
        // Many empty lines are as many as the screen has.
        assert_eq!(stdout(&("a".to_owned() + &"\n".repeat(50) + "b")).len(), 33);
    }

    #[test]
    fn lines_are_given_when_nothing_can_change_them() {
        let (mut terminal, mut out) = (Terminal::default(), Vec::new());
        terminal.lines(TIME, "past any terminal\n", &mut out);
        assert_eq!(out.len(), 1);
        terminal.feed(false, TIME, "a\nb\nc", &mut out);
        assert_eq!(out.len(), 1);
        assert_eq!(terminal.complete().map(Line::text).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(terminal.calm(), 3);
        terminal.give_before(3, &mut out);
        assert_eq!(out.len(), 3);
        // What was given does not come again.
        terminal.feed(false, TIME, "\u{1b}[Alate\n", &mut out);
        assert_eq!(terminal.calm(), 3);
        terminal.finish(&mut out);
        assert_eq!(out.iter().map(Line::text).collect::<Vec<_>>(), ["past any terminal", "a", "b", "c"]);
    }

    proptest::proptest! {
        #[test]
        fn pieces_do_not_matter(
            text in "([ab\n\r]|\u{1b}\\[[AB1]|\u{1b}|\\PC){0,60}",
            cuts in proptest::collection::vec(0_usize..60, 0..4),
        ) {
            let whole = stdout(&text);
            let mut places: Vec<_> = cuts.into_iter().filter(|at| text.is_char_boundary(*at)).collect();
            places.extend([0, text.len()]);
            places.retain(|at| *at <= text.len());
            places.sort_unstable();
            let pieces: Vec<_> = places.windows(2).map(|cut| (false, &text[cut[0]..cut[1]])).collect();
            proptest::prop_assert_eq!(whole, shown(&pieces));
        }
    }
}
