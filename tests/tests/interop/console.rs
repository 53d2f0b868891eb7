//! The terminal.

use ups_track::Stream::{Stderr, Stdout};
use ups_track_tests::normalized::assert_same;
use ups_track_tests::server::Run;

use crate::{python, text, twin};

#[track_caller]
fn check_console(run: &Run) {
    let long = "x".repeat(4096);
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
        // A colour is text as well, which is overwritten like any other.
        (false, "shortlong and green\u{1b}[0m"),
        (false, "\u{1b}[2K\u{1b}[33mother\u{1b}[0m"),
        (false, &long),
        (false, "windows"),
        (false, "no newline at the end"),
    ];
    assert_eq!(lines, expected);
    let file: String = expected.iter().flat_map(|(_, text)| [text, "\n"]).collect();
    assert_eq!(text(run, "output.log"), file);
}

#[test]
fn the_console_is_what_a_terminal_shows() {
    check_console(python("console"));
}

#[test]
fn ups_track_consoles_are_the_same() {
    let recorded = twin::record(
        "console",
        |builder| builder,
        |run| {
            run.write_console(Stdout, "first line\n");
            for percent in ["  0", " 50", "100"] {
                run.write_console(Stdout, format!("\rprogress {percent}%"));
            }
            run.write_console(Stdout, "\n");
            run.write_console(Stdout, "\u{1b}[31mred\u{1b}[0m and \u{1b}[1;32mgreen\u{1b}[0m\n");
            run.write_console(Stderr, "to stderr\n");
            run.write_console(Stdout, "two\nlines\n\n");
            run.write_console(Stdout, "longer text\rshort\ntab\there, 漢字 🚀\n");
            run.write_console(Stdout, "\u{1b}[2Kcleared\u{1b}[1A\u{1b}[2K\u{1b}[Gup\n");
            run.write_console(Stdout, "\u{1b}[32mlong and green\u{1b}[0m\rshort\n");
            run.write_console(Stdout, "\u{1b}[31mred\u{1b}[0m\r\u{1b}[2K\u{1b}[33mother\u{1b}[0m\n");
            run.write_console(Stdout, format!("{}\nwindows\r\n", "x".repeat(5000)));
            run.write_console(Stdout, "no newline at the end");
        },
    );
    let own = std::fs::read_to_string(recorded.path.join("files/output.log")).unwrap();
    let run = recorded.synced();
    assert_same(python("console"), &run);
    check_console(&run);
    // What the client cuts at 4096 characters is whole in ours.
    assert_eq!(own.replace(&"x".repeat(5000), &"x".repeat(4096)), text(&run, "output.log"));
}
