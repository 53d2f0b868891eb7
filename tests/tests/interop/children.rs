//! Children with the real client, attached to a run of ours that is online: they write it at the same time, and take nothing
//! from it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use ups_track_tests::server::{API_KEY, DEFAULT_ENTITY, Run, RunKey, Server};
use ups_track_tests::wandb;

/// The program of `bin/live`, which has a run and does what it is told.
struct Parent {
    child: Child,
    answers: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Parent {
    fn start(server: &Server, dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_live"));
        command.env_clear().current_dir(dir).env("HOME", dir).env("PATH", std::env::var_os("PATH").unwrap());
        command.env("WANDB_BASE_URL", server.url()).env("WANDB_API_KEY", API_KEY);
        command.env("WANDB_PROJECT", "p").env("WANDB_RUN_ID", "parent").env("WANDB_TAGS", "a,b");
        command.env("WANDB_NAME", "pipeline").env("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "0.1");
        command.env("WANDB_ERROR_REPORTING", "false").env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, answers }
    }

    fn tell(&mut self, order: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{order}").unwrap();
        self.answers.next().unwrap().unwrap()
    }
}

fn run_of(server: &Server) -> Run {
    server.run(&RunKey::new(DEFAULT_ENTITY, "p", "parent")).unwrap()
}

/// A run with definitions, config and tags, and a script as its attached child.
fn with_child(script: &str, argument: &str) -> Run {
    let server = Server::start();
    server.enable(&["STRUCTURED_CONSOLE_LOGS"]);
    let dir = tempfile::tempdir().unwrap();
    let mut parent = Parent::start(&server, dir.path());
    for order in ["define loss min", "config lr 1", "rows 5"] {
        parent.tell(order);
    }
    let key = RunKey::new(DEFAULT_ENTITY, "p", "parent");
    server.run_when(&key, |run| run.history().len() == 5 && run.config().contains_key("lr"));
    let python = wandb::script(script).unwrap();
    let program = python.get_program().to_str().unwrap().to_owned();
    let path = python.get_args().next().unwrap().to_str().unwrap().to_owned();
    let answer = parent.tell(&format!("attach {program} {path} {argument}"));
    let printed = std::fs::read_to_string(dir.path().join("printed")).unwrap();
    assert!(answer.contains("exit status: 0"), "{answer}: {printed}");
    assert!(!run_of(&server).complete, "the end of a child is not that of the run: {printed}");
    for order in ["rows 3", "summary score 1"] {
        parent.tell(order);
    }
    assert_eq!(parent.tell("finish 0"), "8 true", "{printed}");
    drop(parent.child.stdin.take());
    parent.child.wait().unwrap();
    assert_eq!(server.violations(), [], "{printed}");
    run_of(&server)
}

#[track_caller]
fn assert_parents_own(run: &Run) {
    assert_eq!((run.complete, run.exit_code), (true, Some(0)));
    let steps: Vec<_> = run.history().iter().map(|row| row["_step"].as_u64().unwrap()).collect();
    assert_eq!(steps, (0..8).collect::<Vec<_>>(), "rows of the parent alone, none overwritten");
    assert_eq!(run.summary()["score"], json!(1.0));
    assert_eq!(
        (run.display_name.as_deref(), &run.tags[..]),
        (Some("pipeline"), &["a".to_owned(), "b".to_owned()][..])
    );
    let config = run.config();
    assert_eq!(config["lr"], json!("1"));
    let defined: Vec<_> = run.metrics().into_iter().map(|metric| metric.name).collect();
    assert!(defined.contains(&"loss".to_owned()), "{defined:?}");
}

#[test]
fn a_stock_client_writes_the_run_beside_its_parent() {
    let run = with_child("stock.py", "0");
    assert_parents_own(&run);
    let [child] = run.writers().collect::<Vec<_>>()[..] else { panic!("{:?}", run.writers().count()) };
    assert_eq!((child.history().len(), &child.summary()["stock/score"]), (5, &json!(0.5)));
    assert_eq!(run.config()["stock"], json!(true));
}

#[test]
fn an_evaluation_of_ups_writes_the_run_beside_its_parent() {
    let run = with_child("context.py", "evaluate");
    assert_parents_own(&run);
    let [child] = run.writers().collect::<Vec<_>>()[..] else { panic!("{:?}", run.writers().count()) };
    assert_eq!((child.history().len(), &child.summary()["eval/nrmse"]), (4, &json!(0.25)));
    assert_eq!(run.config()["eval_samples"], json!(64));
}
