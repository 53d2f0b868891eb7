//! `output.log` is what a terminal would show: a carriage return goes back to the beginning of the line, and what
//! follows overwrites.

/// Turns console text, in pieces as it comes, into finished lines.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    line: Vec<char>,
    column: usize,
}

impl Terminal {
    /// Takes a piece of text; appends every line that it finishes to `out`.
    pub(crate) fn feed(&mut self, text: &str, out: &mut String) {
        for c in text.chars() {
            match c {
                '\n' => self.finish_line(out),
                '\r' => self.column = 0,
                c => {
                    match self.line.get_mut(self.column) {
                        Some(place) => *place = c,
                        None => self.line.push(c),
                    }
                    self.column += 1;
                }
            }
        }
    }

    /// Ends an unfinished line, if there is one.
    pub(crate) fn finish(&mut self, out: &mut String) {
        if !self.line.is_empty() {
            self.finish_line(out);
        }
    }

    fn finish_line(&mut self, out: &mut String) {
        out.extend(self.line.drain(..));
        out.push('\n');
        self.column = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Terminal;

    fn shown(pieces: &[&str]) -> String {
        let (mut terminal, mut out) = (Terminal::default(), String::new());
        for piece in pieces {
            terminal.feed(piece, &mut out);
        }
        terminal.finish(&mut out);
        out
    }

    #[test]
    fn carriage_returns_overwrite() {
        assert_eq!(shown(&["\rprogress 0%\rprogress 50%", "\rprogress 100%\n"]), "progress 100%\n");
        assert_eq!(shown(&["longer text\rshort\n"]), "shortr text\n");
        assert_eq!(shown(&["windows\r\n", "\n", "tail"]), "windows\n\ntail\n");
    }
}
