//! Mode shared: two processes of the real client and two of ours leave the same behind.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use ups_track_tests::server::{API_KEY, DEFAULT_ENTITY, Run, RunKey, Server, Violation};
use ups_track_tests::wandb;

/// Label, whether it speaks for the run, rows.
const WRITERS: [(&str, &str, u32); 2] = [("rank_0", "true", 30), ("rank_1", "false", 20)];

fn environment(server: &Server, label: &'static str, primary: &'static str) -> Vec<(&'static str, String)> {
    vec![
        ("WANDB_MODE", "shared".to_owned()),
        ("WANDB_PROJECT", "p".to_owned()),
        ("WANDB_RUN_ID", "shared".to_owned()),
        ("WANDB_X_LABEL", label.to_owned()),
        ("WANDB_X_PRIMARY", primary.to_owned()),
        ("WANDB_X_UPDATE_FINISH_STATE", primary.to_owned()),
        ("WANDB_BASE_URL", server.url().to_owned()),
        ("WANDB_API_KEY", API_KEY.to_owned()),
        ("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "0.1".to_owned()),
    ]
}

fn run(server: &Server) -> Run {
    server.run(&RunKey::new(DEFAULT_ENTITY, "p", "shared")).unwrap()
}

/// The other writer is through before the one whose end is the end of the run.
fn theirs() -> (Run, Vec<Violation>) {
    let server = Server::start();
    server.enable(&["STRUCTURED_CONSOLE_LOGS"]);
    for (label, primary, rows) in WRITERS.into_iter().rev() {
        let environment = environment(&server, label, primary);
        let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        wandb::run_script("shared.py", &[OsStr::new(&rows.to_string())], &environment).unwrap();
    }
    (run(&server), server.violations())
}

fn ours() -> (Run, Vec<Violation>) {
    let server = Server::start();
    server.enable(&["STRUCTURED_CONSOLE_LOGS"]);
    for (label, primary, rows) in WRITERS.into_iter().rev() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_live"));
        command.env_clear().envs(environment(&server, label, primary)).current_dir(dir.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let orders = format!("config lr 0.5\nrows {rows}\nsummary score 0.25\nconsole a-line\n");
        child.stdin.take().unwrap().write_all(orders.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }
    (run(&server), server.violations())
}

/// What a writer sent, by its label: numbers and losses of its rows, its score, its console.
type Sent = BTreeMap<String, (Vec<(Option<f64>, Option<f64>)>, Value, usize)>;

fn sent(run: &Run) -> Sent {
    let one = |writer: &Run| {
        let rows = writer.history().iter().map(|row| (row["_step"].as_f64(), row["loss"].as_f64())).collect();
        let line = writer.console().first().unwrap().clone();
        (line.label.unwrap(), (rows, writer.summary()["score"].clone(), writer.console().len()))
    };
    run.writers().map(one).collect()
}

#[test]
fn two_writers_leave_the_same() {
    let ((theirs, of_theirs), (ours, of_ours)) = (theirs(), ours());
    assert_eq!((of_theirs, of_ours), (vec![], vec![]));
    assert_eq!(sent(&theirs), sent(&ours));
    assert_eq!((theirs.exit_code, theirs.complete), (ours.exit_code, ours.complete));
    let files = |run: &Run| {
        let mut files: Vec<_> =
            run.files.keys().filter(|name| *name != "requirements.txt").cloned().collect();
        files.sort();
        files
    };
    assert_eq!(files(&theirs), files(&ours));
}
