//! The terminal.

use std::fs;
use std::path::PathBuf;

use ups_track::Stream::{Stderr, Stdout};
use ups_track_tests::normalized::assert_same;
use ups_track_tests::server::{Run, RunKey, Server};
use ups_track_tests::wandb;

use crate::twin::Recorded;
use crate::upload::{copy, ups_track_command};
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
    let own = fs::read_to_string(recorded.path.join("files/output.log")).unwrap();
    let run = recorded.synced();
    assert_same(python("console"), &run);
    check_console(&run);
    assert_eq!(own, text(&run, "output.log"));
}

/// Pieces of text with control sequences, of one stream.
fn piece(random: &mut fastrand::Rng) -> String {
    let up = "\u{1b}[A".repeat(random.usize(1..4));
    let down = "\u{1b}[B".repeat(random.usize(1..4));
    let count = random.u32(0..40);
    match random.u32(0..24) {
        0..4 => format!("line {count}\n"),
        4..6 => "\n".repeat(random.usize(1..4)),
        6 => "\n".repeat(random.usize(1..50)),
        7..9 => format!("\r{count}%"),
        9..12 => up,
        12 => down,
        // Bars below each other, as `tqdm` draws them.
        13..15 => format!("{}\rbar {count}{}", "\n".repeat(2), "\u{1b}[A".repeat(2)),
        15 => format!("\u{1b}[{count}{}", random.choice(['A', 'B', 'C', 'D', 'K', 'J', 'm', 'H']).unwrap()),
        16 => format!("\u{1b}[31mred {count}\u{1b}[0m"),
        17 => "漢字 🚀 é e\u{301}".to_owned(),
        18 => "tab\tbell\u{7}back\u{8}\u{8}nul\0 blank  ".to_owned(),
        19 => "x".repeat(random.usize(1..300)),
        20 => "long".repeat(random.usize(1000..1100)),
        // Sequences that are cut, doubled or unknown, and what could be one.
        21 => (*random
            .choice(&["\u{1b}", "\u{1b}[", "\u{1b}\u{1b}", "[A", "A", "B", "\u{1b}]0;t\u{7}"])
            .unwrap())
        .to_owned(),
        22 => " ".repeat(random.usize(1..9)),
        _ => format!("{count} \r\n"),
    }
}

/// A run with this many random pieces on both streams.
fn random_run(seed: u64, pieces: usize) -> Recorded {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut ends = [String::new(), String::new()];
    // Some runs are of one stream for the most part.
    let share = *random.choice(&[0.0, 0.03, 0.5, 0.9]).unwrap();
    twin::record(
        &format!("random_{seed}"),
        |builder| builder,
        |run| {
            for _ in 0..pieces {
                let stderr = random.f64() < share;
                let end = &mut ends[usize::from(stderr)];
                let mut text = piece(&mut random);
                // The real client takes an end of line behind a cut sequence into the line, and then counts the lines of
                // its file wrongly.
                if (end.ends_with('\u{1b}') || end.ends_with("\u{1b}[")) && text.starts_with('\n') {
                    text.insert(0, '!');
                }
                end.clone_from(&text);
                run.write_console(if stderr { Stderr } else { Stdout }, text);
            }
        },
    )
}

#[test]
fn random_consoles_are_the_same() {
    // Short ones, whose ends are looked at, and long ones.
    let runs: Vec<_> = (0..16).map(|seed| random_run(seed, if seed < 10 { 12 } else { 1500 })).collect();
    let root = tempfile::tempdir().unwrap();
    let copies: Vec<PathBuf> = runs.iter().map(|run| copy(&run.path, root.path())).collect();

    let written: Vec<String> = copies
        .iter()
        .map(|copy| fs::read_to_string(copy.join("files/output.log")).unwrap_or_default())
        .collect();

    let theirs = Server::start();
    wandb::sync_all(&runs.iter().map(|run| &run.path).collect::<Vec<_>>(), &theirs).unwrap();
    let own = Server::start();
    let output = ups_track_command(&own).arg("sync").args(&copies).output().unwrap();
    assert!(output.status.success(), "{output:?}");

    let (mut lines, mut longest) = (0, 0);
    for (run, written) in runs.iter().zip(&written) {
        let key = RunKey::new("test-entity", "interop", &run.id);
        let (theirs, own) = (theirs.run(&key).unwrap(), own.run(&key).unwrap());
        let shown = |run: &Run| -> Vec<(bool, String)> {
            run.console().into_iter().map(|line| (line.stderr, line.text)).collect()
        };
        let (expected, found) = (shown(&theirs), shown(&own));
        let differs = expected.iter().zip(&found).position(|(a, b)| a != b);
        if let Some(at) = differs {
            panic!("{}, line {at}: theirs {:?}, ours {:?}", run.id, expected[at], found[at]);
        }
        assert_eq!(expected.len(), found.len(), "{}", run.id);
        let file =
            |run: &Run| run.files.get("output.log").map(|file| String::from_utf8_lossy(file).into_owned());
        assert_eq!(file(&theirs), file(&own), "{}", run.id);
        // What was written while the run was recorded.
        assert_eq!(file(&theirs).unwrap_or_default(), *written, "{}", run.id);
        lines += found.len();
        longest = longest.max(found.len());
    }
    assert!(lines > 2000 && longest > 300, "{lines} {longest}");
}
