//! `output.log`: what a terminal shows of the console, while the run goes on.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::log::record::Timestamp;
use crate::os::files::write_at_end;
use crate::terminal::{Line, Terminal};

/// The console of a run, and the file that shows it. The last lines may still change, and are written anew when they do.
#[derive(Debug, Default)]
pub(super) struct OutputLog {
    terminal: Terminal,
    /// Lines that will not change, and are not in the file yet.
    settled: Vec<Line>,
    has_changed: bool,
    file: Option<File>,
    /// What stands in the file behind the lines that will not change.
    tail: String,
}

impl OutputLog {
    pub(super) fn feed(&mut self, stderr: bool, text: &str) {
        self.terminal.feed(stderr, Timestamp::default(), text, &mut self.settled);
        self.has_changed = true;
    }

    pub(super) fn lines(&mut self, text: &str) {
        self.terminal.lines(Timestamp::default(), text, &mut self.settled);
        self.has_changed = true;
    }

    /// Ends what is unfinished.
    pub(super) fn finish(&mut self) {
        self.terminal.finish(&mut self.settled);
        self.has_changed = true;
    }

    /// Forgets what there is to write, where there is no file.
    pub(super) fn forget(&mut self) {
        self.settled.clear();
    }

    /// Brings the file up to date. It is begun with the first line; one that is there goes on.
    pub(super) fn write(&mut self, path: &Path) -> io::Result<()> {
        if !std::mem::take(&mut self.has_changed) {
            return Ok(());
        }
        let mut text = String::new();
        for line in self.settled.drain(..) {
            text.push_str(&line.text());
            text.push('\n');
        }
        let settled = text.len();
        for line in self.terminal.complete() {
            text.push_str(&line.text());
            text.push('\n');
        }
        // Where lines only follow each other nothing is written twice.
        let same = if text.starts_with(&self.tail) { self.tail.len() } else { 0 };
        let new = text.get(same..).unwrap_or_default();
        let old = std::mem::replace(&mut self.tail, text.get(settled..).unwrap_or_default().to_owned());
        if new.is_empty() && old.len() == same {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(write_at_end(path)?),
        };
        let back = i64::try_from(old.len() - same).unwrap_or(0);
        if back > 0 {
            file.seek(SeekFrom::Current(-back))?;
        }
        file.write_all(new.as_bytes())?;
        if new.len() + same < old.len() {
            let end = file.stream_position()?;
            file.set_len(end)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_what_the_terminal_shows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("output.log");
        std::fs::write(&path, "before\n").unwrap();
        let mut log = OutputLog::default();
        let seen = |log: &mut OutputLog| {
            log.write(&path).unwrap();
            std::fs::read_to_string(&path).unwrap()
        };
        log.feed(false, "one\ntwo");
        assert_eq!(seen(&mut log), "before\none\n");
        log.feed(false, "\n\u{1b}[A");
        log.feed(true, "to stderr, a longer text\n");
        assert_eq!(seen(&mut log), "before\none\ntwo\nto stderr, a longer text\n");
        log.feed(false, "TWO");
        assert_eq!(seen(&mut log), "before\none\nTWO\nto stderr, a longer text\n");
        log.feed(true, "\u{1b}[Ashort\u{1b}[B");
        let same = "before\none\nTWO\nshortderr, a longer text\n";
        assert_eq!(seen(&mut log), same);
        for n in 0..50 {
            log.feed(false, "\n");
            log.feed(false, &n.to_string());
            let lines: Vec<_> = (0..n).map(|n| format!("{n}\n")).collect();
            let lines = lines.concat();
            assert_eq!(seen(&mut log), format!("{same}{lines}"));
        }
        log.finish();
        assert!(seen(&mut log).ends_with("48\n49\n"));
        log.lines("a\nb");
        assert!(seen(&mut log).ends_with("49\na\nb\n"));
    }

    #[test]
    fn a_file_that_gets_shorter_has_nothing_behind_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("output.log");
        let mut log = OutputLog::default();
        log.feed(false, "a\nlong line\n");
        log.write(&path).unwrap();
        // The last line is written anew, and is not complete meanwhile.
        log.feed(false, "\u{1b}[Ab");
        log.write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n");
        log.finish();
        log.write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nbong line\n");
    }
}
