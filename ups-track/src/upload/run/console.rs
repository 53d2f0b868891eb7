//! Console output as the server wants it: the lines that a terminal shows, numbered across both streams.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::log::record::Timestamp;
use crate::os;
use crate::terminal::{Line, Terminal};

/// How long a line was left before it is sent, if nothing says that it will change. What moves among lines, such as bars
/// below each other, shows it at once.
const CALM: Duration = Duration::from_secs(1);

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

/// Turns pieces of output into lines for the server.
#[derive(Debug, Default)]
pub(crate) struct Console {
    form: LineForm,
    terminal: Terminal,
    shown: Vec<Line>,
    /// The number behind the lines that were calm a while ago, and when that was.
    calm: Option<(u64, Instant)>,
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
        self.terminal.feed(stderr, time, text, &mut self.shown);
        self.give(out);
    }

    /// Takes lines that went past any terminal.
    pub(crate) fn lines(&mut self, time: Timestamp, text: &str, out: &mut Vec<Finished>) {
        self.terminal.lines(time, text, &mut self.shown);
        self.give(out);
    }

    /// Gives what was left a while ago, so that people see it while the run goes on. A stream that has ever gone up may
    /// come back, and its lines wait.
    pub(crate) fn look(&mut self, now: Instant, out: &mut Vec<Finished>) {
        let calm = match self.calm {
            Some((number, since)) if now.saturating_duration_since(since) >= CALM => number,
            Some(_) => return,
            None => 0,
        };
        self.terminal.give_before(calm, &mut self.shown);
        self.calm = Some((self.terminal.calm(), now));
        self.give(out);
    }

    /// Takes what is unfinished as well.
    pub(crate) fn finish(&mut self, out: &mut Vec<Finished>) {
        self.terminal.finish(&mut self.shown);
        self.give(out);
    }

    fn give(&mut self, out: &mut Vec<Finished>) {
        for line in self.shown.drain(..) {
            let text = line.text();
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

    #[test]
    fn lines_are_sent_when_they_were_left_for_a_while() {
        let (mut console, mut out) = (Console::default(), Vec::new());
        let begin = Instant::now();
        let texts = |out: &[Finished]| out.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
        console.feed(false, TIME, "one\ntwo", &mut out);
        console.look(begin, &mut out);
        console.look(begin + CALM / 2, &mut out);
        assert_eq!(texts(&out), [""; 0]);
        console.look(begin + CALM, &mut out);
        assert_eq!(texts(&out), ["one"]);
        console.feed(true, TIME, "bar\nbelow\u{1b}[A\r", &mut out);
        console.feed(false, TIME, " more\n", &mut out);
        for seconds in 2..100 {
            console.look(begin + CALM * seconds, &mut out);
        }
        // The bars wait for what becomes of them.
        assert_eq!(texts(&out), ["one", "two more"]);
        console.feed(true, TIME, "end", &mut out);
        console.finish(&mut out);
        assert_eq!(texts(&out), ["one", "two more", "end", "below"]);
    }

    #[test]
    fn lines_have_time_and_stream() {
        let (mut console, mut out) = (Console::default(), Vec::new());
        console.feed(true, TIME, "oops\n", &mut out);
        console.lines(TIME, "a\nb\n", &mut out);
        console.finish(&mut out);
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
            console.finish(&mut out);
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
}
