//! Lines of the console, in both forms.

use serde::{Deserialize, Serialize};

/// A line of the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsoleLine {
    /// Whether it was written to stderr.
    pub stderr: bool,
    /// When it was written, in UTC without a zone.
    pub time: String,
    /// The text; in a line that is no JSON with the label in front, if there is one.
    pub text: String,
    /// Which of several writers wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A line as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Structured {
    level: Option<String>,
    ts: String,
    label: Option<String>,
    content: String,
}

impl ConsoleLine {
    /// Takes a line apart, whichever form it has.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        if line.starts_with('{') { Self::structured(line) } else { Self::text(line).map_err(str::to_owned) }
    }

    /// Takes `[ERROR ]<time> <text>` apart.
    pub(super) fn text(line: &str) -> Result<Self, &'static str> {
        let (stderr, rest) = line.strip_prefix("ERROR ").map_or((false, line), |rest| (true, rest));
        let (time, text) = rest.split_once(' ').ok_or("there is no text after the time")?;
        Self::check_time(time)?;
        Ok(Self { stderr, time: time.to_owned(), text: text.to_owned(), label: None })
    }

    fn structured(line: &str) -> Result<Self, String> {
        let Structured { level, ts, label, content } =
            serde_json::from_str(line).map_err(|error| error.to_string())?;
        Self::check_time(&ts)?;
        let stderr = match level.as_deref() {
            None => false,
            Some("error") => true,
            Some(other) => return Err(format!("the level {other} is unknown")),
        };
        Ok(Self { stderr, time: ts, text: content, label })
    }

    fn check_time(time: &str) -> Result<(), &'static str> {
        const TIME: &str = "0000-00-00T00:00:00.000000";
        let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        if shape == TIME { Ok(()) } else { Err("the time has another form") }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;

    #[test]
    fn a_console_line_is_a_time_and_a_text() {
        let line = ConsoleLine::parse("ERROR 2026-11-23T03:10:30.384726 oops ").unwrap();
        assert_eq!((line.stderr, line.text.as_str()), (true, "oops "));
        assert!(ConsoleLine::parse("2026-11-23T03:10:30.384726").is_err());
        assert!(ConsoleLine::parse("hello world").is_err());
        let line = r#"{"level":"error","ts":"2026-11-23T03:10:30.384726","label":"a","content":"o\"ops"}"#;
        let line = ConsoleLine::parse(line).unwrap();
        assert_eq!((line.stderr, line.text.as_str(), line.label.as_deref()), (true, "o\"ops", Some("a")));
        for bad in [r#"{"ts":"now","content":"x"}"#, "{}", r#"{"level":"info","ts":"","content":""}"#] {
            assert!(ConsoleLine::parse(bad).is_err(), "{bad}");
        }
    }
}
