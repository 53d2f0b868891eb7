//! The command as a user runs it: what it prints and how it exits.
#![expect(clippy::unwrap_used, reason = "tests end by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use ups_track::log::Reader;
use ups_track::{Mode, Run, Stream};

/// The bytes before a record's own, in the log.
const CHUNK_HEADER: usize = 7;

/// Exit code, standard output, standard error.
fn ups_track(arguments: &[&str], dir: &Path) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ups-track"));
    let output = command.args(arguments).current_dir(dir).env_remove("WANDB_DIR").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Records a run and gives its log.
fn record(dir: &Path, id: &str, exit_code: i32) -> PathBuf {
    let builder = Run::builder().mode(Mode::Offline).dir(dir).id(id).project("p").quiet(true).global(false);
    let run = builder.config(&[("lr", 0.5)]).start().unwrap();
    for step in 0..100_u32 {
        run.log(step, &[("loss", 1.0 / (f64::from(step) + 1.0)), ("odd, \"key\"", f64::INFINITY)]);
    }
    run.summarize(&[("nrmse", 0.09)]);
    run.write_console(Stream::Stdout, "x");
    let finished = run.finish_with(exit_code).unwrap();
    finished.dir().unwrap().join(format!("run-{id}.wandb"))
}

/// The byte at which a record in the middle of a log begins.
fn middle_record(log: &Path) -> usize {
    let entries: Vec<_> = Reader::open(log).unwrap().map(Result::unwrap).collect();
    usize::try_from(entries[entries.len() / 2].offset).unwrap()
}

/// The time in a line of exported console output.
fn time(line: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    assert!(value["timestamp"].as_f64().unwrap() > 1.7e9);
    line.trim_start_matches("{\"timestamp\":").split(',').next().unwrap().to_owned()
}

#[test]
fn show_tells_the_run() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path(), "abc", 0);
    for arguments in [&["show"][..], &["show", "wandb"], &["show", "abc"], &["show", "wandb/latest-run"]] {
        let (code, out, err) = ups_track(arguments, dir.path());
        assert_eq!((code, err.as_str()), (0, ""));
        for part in ["abc  finished", "project p", "lr", "nrmse", "0.09", "loss", "100 rows"] {
            assert!(out.contains(part), "{part} is not in\n{out}");
        }
        assert!(!out.contains('\x1b'), "no colours in a file");
    }
    record(dir.path(), "def", 3);
    let (code, out, _) = ups_track(&["show"], dir.path());
    assert_eq!(code, 0);
    assert!(out.contains("2 runs") && out.contains("abc") && out.contains("failed, code 3"), "{out}");
    let (code, out, _) = ups_track(&["verify", "wandb"], dir.path());
    assert_eq!(code, 0);
    assert!(out.contains("2 logs: 2 whole, 0 unfinished, 0 damaged"), "{out}");

    let broken = record(dir.path(), "ghi", 0);
    let mut bytes = std::fs::read(&broken).unwrap();
    bytes[middle_record(&broken) + CHUNK_HEADER] ^= 1;
    std::fs::write(&broken, bytes).unwrap();
    let (code, out, _) = ups_track(&["show"], dir.path());
    assert_eq!(code, 2);
    assert!(out.contains("3 runs") && out.contains("damaged at byte"), "{out}");
}

#[test]
fn verify_tells_whole_unfinished_and_damaged_apart() {
    let dir = tempfile::tempdir().unwrap();
    let log = record(dir.path(), "abc", 0);
    assert_eq!(ups_track(&["verify"], dir.path()).0, 0);
    assert_eq!(ups_track(&["verify", "--quiet"], dir.path()), (0, String::new(), String::new()));
    let whole = std::fs::read(&log).unwrap();
    let middle = middle_record(&log);

    for cut in [whole.len() - 1, middle + CHUNK_HEADER + 1, 8] {
        std::fs::write(&log, &whole[..cut]).unwrap();
        let (code, out, _) = ups_track(&["verify", "--quiet"], dir.path());
        assert_eq!(code, 1, "{out}");
        assert!(out.contains(if cut == 8 { "never began" } else { "torn at byte" }), "{out}");
        // What is there is shown, if there is a run at all.
        assert_eq!(ups_track(&["show"], dir.path()).0, if cut == 8 { 2 } else { 0 });
        let (code, _, err) = ups_track(&["export", "wandb"], dir.path());
        assert_eq!(code, 1);
        assert!(err.contains("torn at byte"), "{err}");
    }

    // A cut between two records is not damage, but the run has not ended.
    std::fs::write(&log, &whole[..middle]).unwrap();
    let (code, out, _) = ups_track(&["verify", "--quiet"], dir.path());
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("no exit record") && !out.contains("torn"), "{out}");

    let mut flipped = whole.clone();
    flipped[middle + CHUNK_HEADER] ^= 1;
    std::fs::write(&log, &flipped).unwrap();
    let (code, out, _) = ups_track(&["verify"], dir.path());
    assert_eq!(code, 2);
    assert!(out.contains("damaged at byte"), "{out}");

    // A process that was killed at its start has left no damage.
    for (bad, verified) in [(&b""[..], 1), (b"just text, not a log", 2)] {
        std::fs::write(&log, bad).unwrap();
        assert_eq!(ups_track(&["verify"], dir.path()).0, verified);
        assert_eq!(ups_track(&["export", "wandb"], dir.path()).0, 2);
        let (code, out, err) = ups_track(&["show", "wandb"], dir.path());
        assert_eq!((code, out.as_str(), err.lines().count()), (2, "", 1), "{err}");
    }
    let (code, _, err) = ups_track(&["verify", "nothing-here"], dir.path());
    assert_eq!(code, 2);
    assert!(err.contains("nothing-here") && err.contains("give a `.wandb` file"), "{err}");
}

#[test]
fn export_writes_what_was_logged() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path(), "abc", 0);
    let (code, out, _) = ups_track(&["export", "wandb"], dir.path());
    assert_eq!(code, 0);
    let rows: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 100);
    assert_eq!(rows[1]["loss"], 0.5);
    assert_eq!(rows[1]["_step"], 1);
    assert_eq!(rows[1]["odd, \"key\""], "Infinity");

    let (code, out, _) =
        ups_track(&["export", "wandb", "--format", "csv", "--output", "rows.csv"], dir.path());
    assert_eq!((code, out.as_str()), (0, ""));
    let csv = std::fs::read_to_string(dir.path().join("rows.csv")).unwrap();
    assert!(csv.starts_with("step,loss,\"odd, \"\"key\"\"\",_runtime,_timestamp,_step\n"), "{csv}");
    assert_eq!(csv.lines().count(), 101);

    let (_, out, _) = ups_track(&["export", "wandb", "--what", "console"], dir.path());
    assert_eq!(
        out,
        "{\"timestamp\":0.000000,\"stream\":\"stdout\",\"text\":\"x\"}\n".replace("0.000000", &time(&out))
    );
    let (_, out, _) = ups_track(&["export", "wandb", "--what", "config"], dir.path());
    assert_eq!(out, "{\"lr\":0.5}\n");
    let (_, out, _) = ups_track(&["export", "wandb", "--what", "summary"], dir.path());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["nrmse"], 0.09);
}

#[test]
fn help_and_mistakes() {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, _) = ups_track(&["--help"], dir.path());
    assert_eq!(code, 0);
    assert!(out.contains("show") && out.contains("verify") && out.contains("export"));
    let (code, _, err) = ups_track(&["export", "x", "--format", "parquet"], dir.path());
    assert_eq!(code, 2);
    assert!(err.contains("jsonl"), "{err}");
    let (code, _, err) = ups_track(&["show"], dir.path());
    assert_eq!(code, 2);
    assert!(err.contains("wandb"), "{err}");
    let (code, _, err) = ups_track(&["show", "."], dir.path());
    assert_eq!(code, 2);
    assert!(err.contains("no run in `.`"), "{err}");
}

/// What is no key for a terminal, but one for W&B.
const KEYS: [&str; 8] = ["損失", "精度", "%acc", "_acc", "a b", "a.b", "a*", "x\u{1b}[2J\u{9b}\u{202e}\ny"];

#[test]
fn keys_and_values_of_any_kind_are_shown_and_exported_and_do_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let builder =
        Run::builder().mode(Mode::Offline).dir(dir.path()).id("keys").name("n\u{1b}[2J").quiet(true);
    let text = "v\u{1b}[2J\u{9b}\u{202e}";
    let run = builder.global(false).config(&KEYS.map(|key| (key, text))).start().unwrap();
    run.log(1, &KEYS.map(|key| (key, 0.5)));
    run.summarize(&KEYS.map(|key| (format!("s/{key}"), text)));
    let finished = run.finish().unwrap();
    let commands: [&[&str]; 7] = [
        &["show", "--all", "."],
        &["verify", "."],
        &["export", "."],
        &["export", ".", "--format", "csv"],
        &["export", ".", "--what", "summary"],
        &["export", ".", "--what", "summary", "--format", "csv"],
        &["export", ".", "--what", "config"],
    ];
    for arguments in commands {
        let (code, out, err) = ups_track(arguments, finished.dir().unwrap());
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
        for said in [out, finished.to_string()] {
            let acts = |c: char| c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{202e}');
            assert!(!said.contains(acts), "{arguments:?}: {said:?}");
            assert!(
                arguments[0] == "verify" || said.contains("損失") && said.contains("精度"),
                "{arguments:?}: {said}"
            );
        }
    }
    let (_, row, _) = ups_track(&["export", "."], finished.dir().unwrap());
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    assert!(KEYS.iter().all(|key| row[key] == 0.5), "{row}");
    let (_, config, _) = ups_track(&["export", ".", "--what", "config"], finished.dir().unwrap());
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert!(KEYS.iter().all(|key| config[key] == text), "{config}");
}
