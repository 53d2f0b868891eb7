//! Console output as the server wants it: the lines that a terminal shows, numbered across both streams.

use std::collections::VecDeque;

use serde::Serialize;

use crate::log::record::Timestamp;
use crate::os;

/// Lines that may still change; W&B's client keeps as many.
const OPEN_LINES: usize = 32;

/// Characters that a line keeps; W&B's client keeps as many.
const LINE_LENGTH: usize = 4096;

/// The form in which the server wants to have lines.
#[derive(Debug, Clone, Default)]
pub(crate) struct LineForm {
    /// JSON instead of text.
    pub(crate) structured: bool,
    /// Which of several writers this is.
    pub(crate) label: Option<String>,
}

/// A line as JSON.
#[derive(Serialize)]
struct Structured<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'a str>,
    ts: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    content: &'a str,
}

impl LineForm {
    fn line(&self, stderr: bool, time: &str, text: &str) -> String {
        let label = self.label.as_deref();
        if self.structured {
            let level = stderr.then_some("error");
            // Texts can always be written as JSON.
            return serde_json::to_string(&Structured { level, ts: time, label, content: text })
                .unwrap_or_default();
        }
        let mark = if stderr { "ERROR " } else { "" };
        let label = label.map(|label| format!("[{label}] ")).unwrap_or_default();
        format!("{mark}{time} {label}{text}")
    }
}

/// Turns pieces of output into lines. A line has its place from its first character on.
#[derive(Debug, Default)]
pub(crate) struct Console {
    form: LineForm,
    lines: VecDeque<Line>,
    /// The number of the first line in `lines`.
    first: usize,
    stdout: Cursor,
    stderr: Cursor,
}

/// Where a stream writes.
#[derive(Debug, Default)]
struct Cursor {
    /// The number of its unfinished line.
    line: Option<usize>,
    column: usize,
}

#[derive(Debug)]
struct Line {
    stderr: bool,
    time: Timestamp,
    text: Vec<char>,
    done: bool,
}

/// A line that will not change any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    /// For the server: `[ERROR ]<time> [<label>] <text>`, or the same as JSON.
    pub(crate) line: String,
    /// For `output.log`.
    pub(crate) text: String,
}

impl Console {
    pub(crate) fn new(form: LineForm) -> Self {
        Self { form, ..Self::default() }
    }

    /// Takes a piece of one of the streams.
    pub(crate) fn feed(&mut self, stderr: bool, time: Timestamp, text: &str, out: &mut Vec<Finished>) {
        for c in text.chars() {
            match c {
                '\n' => {
                    let at = self.line(stderr, time);
                    if let Some(line) = self.at(at) {
                        line.done = true;
                    }
                    *self.cursor(stderr) = Cursor::default();
                    self.take_done(out);
                }
                '\r' => self.cursor(stderr).column = 0,
                c => self.write(stderr, time, c),
            }
        }
    }

    /// Takes lines that went past any terminal.
    pub(crate) fn lines(&mut self, time: Timestamp, text: &str, out: &mut Vec<Finished>) {
        for text in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.lines.push_back(Line { stderr: false, time, text: text.chars().collect(), done: true });
        }
        self.take_done(out);
    }

    /// Takes what is unfinished as well.
    pub(crate) fn finish(&mut self, out: &mut Vec<Finished>) {
        for line in &mut self.lines {
            line.done = true;
        }
        self.take_done(out);
    }

    fn cursor(&mut self, stderr: bool) -> &mut Cursor {
        if stderr { &mut self.stderr } else { &mut self.stdout }
    }

    /// The number of the stream's line, which begins here if it has none.
    fn line(&mut self, stderr: bool, time: Timestamp) -> usize {
        let next = self.first + self.lines.len();
        let first = self.first;
        let cursor = self.cursor(stderr);
        if let Some(line) = cursor.line.filter(|line| *line >= first) {
            return line;
        }
        cursor.line = Some(next);
        self.lines.push_back(Line { stderr, time, text: Vec::new(), done: false });
        next
    }

    fn at(&mut self, number: usize) -> Option<&mut Line> {
        self.lines.get_mut(number.checked_sub(self.first)?)
    }

    fn write(&mut self, stderr: bool, time: Timestamp, c: char) {
        let number = self.line(stderr, time);
        let cursor = self.cursor(stderr);
        let column = cursor.column;
        cursor.column += 1;
        if let Some(line) = self.at(number) {
            match line.text.get_mut(column) {
                Some(place) => *place = c,
                None if column < LINE_LENGTH => line.text.push(c),
                None => {}
            }
        }
    }

    /// Gives the lines at the beginning that will not change.
    fn take_done(&mut self, out: &mut Vec<Finished>) {
        while self.lines.front().is_some_and(|line| line.done || self.lines.len() > OPEN_LINES) {
            let Some(line) = self.lines.pop_front() else { break };
            self.first += 1;
            let text: String = line.text.into_iter().collect();
            let Timestamp { seconds, nanos } = line.time;
            let time = utc_micros(seconds, nanos.clamp(0, 999_999_999) / 1000);
            out.push(Finished { line: self.form.line(line.stderr, &time, &text), text });
        }
    }
}

/// A moment in UTC with six decimals, without a zone.
pub(super) fn utc_micros(seconds: i64, micros: i32) -> String {
    // The latest time that has four digits for the year.
    let t = os::utc(u64::try_from(seconds).unwrap_or(0).min(253_402_300_799));
    let (date, time) = ((t.year, t.month, t.day), (t.hour, t.minute, t.second));
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{micros:06}", date.0, date.1, date.2, time.0, time.1, time.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Timestamp = Timestamp { seconds: 1_767_225_600, nanos: 1_500 };

    fn shown(pieces: &[(bool, &str)]) -> Vec<String> {
        let (mut console, mut out) = (Console::default(), Vec::new());
        for (stderr, piece) in pieces {
            console.feed(*stderr, TIME, piece, &mut out);
        }
        console.finish(&mut out);
        out.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_terminal_overwrites() {
        assert_eq!(shown(&[(false, "\r  0%\r 50%"), (false, "\r100%\n")]), ["100%"]);
        assert_eq!(
            shown(&[(false, "longer text\rshort\nwindows\r\n\ntail")]),
            ["shortr text", "windows", "", "tail"]
        );
        let [long] = &shown(&[(false, &"x".repeat(5000))])[..] else { unreachable!() };
        assert_eq!(long.len(), LINE_LENGTH);
    }

    #[test]
    fn streams_have_their_own_lines() {
        assert_eq!(shown(&[(false, "out"), (true, "err\n"), (false, "put\n")]), ["output", "err"]);
    }

    #[test]
    fn an_open_line_does_not_keep_the_others_for_ever() {
        let (mut console, mut out) = (Console::default(), Vec::new());
        console.feed(true, TIME, "waiting", &mut out);
        for _ in 0..100 {
            console.feed(false, TIME, "x\n", &mut out);
        }
        assert!(console.lines.len() <= OPEN_LINES);
        assert_eq!(out.first().map(|line| line.text.as_str()), Some("waiting"));
        console.feed(true, TIME, "more\n", &mut out);
        console.finish(&mut out);
        assert_eq!((out.len(), out.last().map(|line| line.text.as_str())), (102, Some("more")));
    }

    #[test]
    fn lines_have_time_and_stream() {
        let (mut console, mut out) = (Console::default(), Vec::new());
        console.feed(true, TIME, "oops\n", &mut out);
        console.lines(TIME, "a\nb\n", &mut out);
        let lines: Vec<_> = out.iter().map(|line| line.line.as_str()).collect();
        let time = "2026-01-01T00:00:00.000001";
        assert_eq!(lines, [format!("ERROR {time} oops"), format!("{time} a"), format!("{time} b")]);
    }

    #[test]
    fn a_server_may_want_labels_and_json() {
        let time = "2026-01-01T00:00:00.000001";
        let lines = |structured, label: Option<&str>| -> Vec<String> {
            let form = LineForm { structured, label: label.map(str::to_owned) };
            let (mut console, mut out) = (Console::new(form), Vec::new());
            console.feed(true, TIME, "o\"ops\n", &mut out);
            console.feed(false, TIME, "fine\n", &mut out);
            out.into_iter().map(|line| line.line).collect()
        };
        assert_eq!(
            lines(false, Some("rank_1")),
            [format!("ERROR {time} [rank_1] o\"ops"), format!("{time} [rank_1] fine")]
        );
        let json = |level: &str, label: &str, text: &str| {
            format!(r#"{{{level}"ts":"{time}",{label}"content":"{text}"}}"#)
        };
        assert_eq!(lines(true, None), [json(r#""level":"error","#, "", r#"o\"ops"#), json("", "", "fine")]);
        let label = r#""label":"rank_1","#;
        assert_eq!(
            lines(true, Some("rank_1")),
            [json(r#""level":"error","#, label, r#"o\"ops"#), json("", label, "fine")]
        );
    }

    proptest::proptest! {
        #[test]
        fn pieces_do_not_matter(text in "([ab\n\r]|\\PC){0,60}", cuts in proptest::collection::vec(0_usize..60, 0..4)) {
            let whole = shown(&[(false, &text)]);
            let mut places: Vec<_> = cuts.into_iter().filter(|at| text.is_char_boundary(*at)).collect();
            places.extend([0, text.len()]);
            places.sort_unstable();
            let pieces: Vec<_> = places.windows(2).map(|cut| (false, &text[cut[0]..cut[1]])).collect();
            proptest::prop_assert_eq!(whole, shown(&pieces));
        }
    }
}
