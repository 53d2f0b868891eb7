//! The screen: how wide it is, whether it has colours, and the layout that all commands share.

use std::io::{self, IsTerminal, Write};

use super::text;

/// Columns of the labels at the left edge, with the blanks around them.
pub(super) const MARGIN: usize = 11;

/// Where the output goes.
#[derive(Debug)]
pub(super) struct Screen<W> {
    out: W,
    width: usize,
    colours: bool,
}

/// A colour with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Good,
    Doubtful,
    Bad,
    Faint,
    Strong,
    Chart,
}

impl<W: Write> Screen<W> {
    /// Standard output, which may be a terminal.
    pub(super) fn stdout(out: W) -> Self {
        let terminal = io::stdout().is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { out, width: columns(terminal), colours: terminal && !set("NO_COLOR") && !dumb }
    }

    /// A screen of a known width, without colours.
    #[cfg(test)]
    pub(super) fn plain(out: W, width: usize) -> Self {
        Self { out, width, colours: false }
    }

    /// The columns right of the labels.
    pub(super) fn room(&self) -> usize {
        self.width.saturating_sub(MARGIN).max(20)
    }

    /// Text in a colour, if the screen has any.
    pub(super) fn paint(&self, colour: Colour, text: &str) -> String {
        let code = match colour {
            _ if !self.colours || text.is_empty() => return text.to_owned(),
            Colour::Good => "32",
            Colour::Doubtful => "33",
            Colour::Bad => "31",
            Colour::Faint => "2",
            Colour::Strong => "1",
            Colour::Chart => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Lines with a label before the first one; nothing if there are no lines.
    pub(super) fn section<S: AsRef<str>>(
        &mut self,
        label: &str,
        lines: impl IntoIterator<Item = S>,
    ) -> io::Result<()> {
        let mut label = self.paint(Colour::Faint, &text::left(label, MARGIN - 3));
        for line in lines {
            writeln!(self, "{}", format!("  {label} {}", line.as_ref()).trim_end())?;
            label = " ".repeat(MARGIN - 3);
        }
        Ok(())
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The columns of the terminal, or of what `COLUMNS` says, or a width that suits a file.
fn columns(terminal: bool) -> usize {
    const LEAST: usize = 40;
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = terminal.then(window).flatten();
    asked.or(told).unwrap_or(100).max(LEAST)
}

/// The width that the terminal itself tells.
#[cfg(unix)]
fn window() -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    #[expect(unsafe_code, reason = "std does not tell the size of a terminal")]
    // SAFETY: `size` is a valid, writable `winsize`, which is what this request fills.
    let failed = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) } != 0;
    (!failed && size.ws_col > 0).then(|| usize::from(size.ws_col))
}

#[cfg(not(unix))]
fn window() -> Option<usize> {
    None
}
