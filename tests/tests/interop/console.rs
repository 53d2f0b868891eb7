//! The terminal.

use crate::python;

#[test]
fn the_console_is_what_a_terminal_shows() {
    let run = python("console");
    let lines = run.console();
    let lines: Vec<_> = lines.iter().map(|line| (line.stderr, line.text.as_str())).collect();
    let expected = [
        (false, "first line"),
        // What follows a carriage return overwrites.
        (false, "progress 100%"),
        (false, "\u{1b}[31mred\u{1b}[0m and \u{1b}[1;32mgreen\u{1b}[0m"),
        (true, "to stderr"),
        (false, "two"),
        (false, "lines"),
        (false, ""),
        (false, "shortr text"),
        (false, "tab\there, 漢字 🚀"),
        // Other control sequences are text.
        (false, "\u{1b}[2Kcleared\u{1b}[1A\u{1b}[2K\u{1b}[Gup"),
        (false, "windows"),
        (false, "no newline at the end"),
    ];
    assert_eq!(lines, expected);
    let file: String = expected.iter().flat_map(|(_, text)| [text, "\n"]).collect();
    assert_eq!(String::from_utf8_lossy(&run.files["output.log"]), file);
}
