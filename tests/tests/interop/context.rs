//! Pipelines of which one part is in Rust and one in Python: linked and attached children in both directions. Everything
//! is recorded offline and synced afterwards, in the order in which it began.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use ups_track::{Child, ChildOptions, Mode, Run, RunGuard, TrackCommand as _};
use ups_track_tests::json::Row;
use ups_track_tests::log::{Log, run_dirs};
use ups_track_tests::{server, wandb};

use crate::config_of;
use crate::several::{in_order, of_job, synced_all};

/// Far more than a child needs.
const PATIENCE: Duration = Duration::from_mins(2);

/// A run of ours that has children, below `root`.
fn parent(root: &Path) -> RunGuard {
    let builder = Run::builder().entity("test-entity").project("interop").mode(Mode::Offline).dir(root);
    let run = builder.job_type("pipeline").console(false).quiet(true).global(false).start().unwrap();
    for step in 0..3 {
        run.log(step, &[("parent/value", step)]);
    }
    run.update_config(&[("parent", "rust")]);
    run.summarize(&[("parent/score", 0.5)]);
    run
}

/// Runs a script as a child of the run.
#[track_caller]
fn child(root: &Path, run: &Run, script: &str, arguments: &[&str], options: ChildOptions) -> ExitStatus {
    let mut command = wandb::script(script).unwrap();
    command.args(arguments).env("HOME", root).current_dir(root);
    let printed = root.join("printed");
    let output = File::options().create(true).append(true).open(&printed).unwrap();
    command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
    let mut child = command.track(run, options).spawn().unwrap();
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{script} does not end:\n{}", std::fs::read_to_string(&printed).unwrap());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The values of a key in the history, with their places in it.
fn rows(run: &server::Run, key: &str) -> Vec<(u64, f64)> {
    let pair = |row: Row| Some((row["_step"].as_u64()?, row.get(key)?.as_f64()?));
    run.history().into_iter().filter_map(pair).collect()
}

/// Checks that `_step` counts the rows, whoever has written them.
#[track_caller]
fn assert_one_history(run: &server::Run, count: u64) {
    let steps: Vec<_> = run.history().iter().map(|row| row["_step"].as_u64().unwrap()).collect();
    assert_eq!(steps, (0..count).collect::<Vec<_>>());
}

/// Checks what `wandb sync` makes of the summaries of several logs of one run, whoever has written them: rows and config
/// are continued, but the summary is the last log's alone. An online client gets the old summary from the server and sends
/// it again; the replay of a log does not.
#[track_caller]
fn assert_summary_of_the_last_log(run: &server::Run, last: &str, value: &serde_json::Value, earlier: &str) {
    let summary = run.summary();
    assert_eq!(summary.get(last), Some(value));
    assert_eq!(summary.get(earlier), None);
}

#[test]
fn a_stock_child_is_linked_by_its_environment() {
    let root = tempfile::tempdir().unwrap();
    let run = parent(root.path());
    let options = Child::Linked.job_type("train").name("stock");
    let status = child(root.path(), &run, "stock.py", &["3"], options);
    assert_eq!(status.code(), Some(3), "{}", std::fs::read_to_string(root.path().join("printed")).unwrap());
    let id = run.id().to_owned();
    run.finish().unwrap();

    let dirs = in_order(root.path());
    let [of_parent, of_child] = dirs.as_slice() else { panic!("{dirs:?}") };
    let (of_parent, of_child) = (Log::of(of_parent), Log::of(of_child));
    assert_eq!(of_parent.summary().get("children/stock/exit_code"), Some(&3.into()));
    assert_eq!(of_parent.summary().get("children/stock/status"), Some(&"failed".into()));
    let recorded = of_child.run();
    assert_ne!(recorded.run_id, id);
    assert_eq!((recorded.project.as_str(), recorded.entity.as_str()), ("interop", "test-entity"));
    assert_eq!((recorded.run_group.as_str(), recorded.job_type.as_str()), (id.as_str(), "train"));
    assert_eq!(
        (recorded.tags.as_slice(), recorded.display_name.as_str()),
        (&[format!("parent:{id}")][..], "stock")
    );

    let runs = synced_all(root.path());
    assert_eq!(runs.len(), 2);
    let (pipeline, train) = (of_job(&runs, Some("pipeline")), of_job(&runs, Some("train")));
    assert_eq!((pipeline.key().run_id.as_str(), pipeline.exit_code), (id.as_str(), Some(0)));
    assert_eq!(pipeline.summary()["children/stock/exit_code"], json!(3));
    assert_eq!((train.key().project.as_str(), train.key().entity.as_str()), ("interop", "test-entity"));
    assert_eq!(
        (train.group.as_deref(), train.tags.as_slice()),
        (Some(id.as_str()), &[format!("parent:{id}")][..])
    );
    assert_eq!((train.exit_code, &train.summary()["stock/score"]), (Some(3), &json!(0.5)));
    assert_one_history(train, 5);
}

#[test]
fn children_that_read_the_context_as_ups_does() {
    let root = tempfile::tempdir().unwrap();
    let run = parent(root.path());
    for (mode, options) in
        [("train", Child::Linked.name("train")), ("evaluate", Child::Attached.name("evaluate"))]
    {
        let status = child(root.path(), &run, "context.py", &[mode], options);
        assert!(status.success(), "{}", std::fs::read_to_string(root.path().join("printed")).unwrap());
    }
    let id = run.id().to_owned();
    let finished = run.finish().unwrap();
    for name in ["train", "evaluate"] {
        let code =
            Log::of(finished.dir().unwrap()).summary().get(&format!("children/{name}/exit_code")).cloned();
        assert_eq!(code, Some(0.into()), "{name}");
    }
    assert_eq!(
        run_dirs(root.path()).len(),
        3,
        "of the parent, the training, and one more log of the parent's run"
    );

    let runs = synced_all(root.path());
    assert_eq!(runs.len(), 2);
    let (pipeline, train) = (of_job(&runs, Some("pipeline")), of_job(&runs, Some("train")));
    assert_eq!(
        (train.group.as_deref(), train.tags.as_slice()),
        (Some(id.as_str()), &[format!("parent:{id}")][..])
    );
    assert_one_history(train, 6);
    assert_eq!(pipeline.key().run_id, id);
    assert_one_history(pipeline, 7);
    assert_eq!(rows(pipeline, "parent/value"), [(0, 0.0), (1, 1.0), (2, 2.0)]);
    let steps: Vec<_> = rows(pipeline, "eval/step").into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, [3, 4, 5, 6]);
    assert_summary_of_the_last_log(pipeline, "eval/nrmse", &json!(0.25), "parent/score");
    let config = config_of(pipeline);
    assert_eq!((&config["parent"], &config["eval_samples"]), (&json!("rust"), &json!(64)));
}

/// A Python orchestrator, whose evaluation and training are in Rust.
#[test]
fn rust_children_of_a_python_orchestrator() {
    let root: TempDir = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_pipeline");
    let (evaluation, training) = (format!("{program} rows eval 40"), format!("{program} rows train 60"));
    let arguments: [&OsStr; 3] = ["orchestrate".as_ref(), evaluation.as_ref(), training.as_ref()];
    let root_dir = root.path().to_str().unwrap();
    wandb::run_script("context.py", &arguments, &[("WANDB_MODE", "offline"), ("WANDB_DIR", root_dir)])
        .unwrap();

    let dirs = in_order(root.path());
    let [python, training, evaluation] = dirs.as_slice() else { panic!("{dirs:?}") };
    let id = Log::of(python).run().run_id.clone();
    let (training, evaluation) = (Log::of(training), Log::of(evaluation));
    assert_eq!((evaluation.run().run_id.as_str(), evaluation.run().resume), (id.as_str(), true));
    assert_eq!((training.run().run_id == id, training.run().resume), (false, false));

    let runs = synced_all(root.path());
    assert_eq!(runs.len(), 2);
    let (pipeline, train) = (of_job(&runs, Some("pipeline")), of_job(&runs, Some("train")));
    assert_eq!(train.key().run_id, training.run().run_id);
    assert_eq!(
        (train.group.as_deref(), train.tags.as_slice()),
        (Some(id.as_str()), &[format!("parent:{id}")][..])
    );
    assert_one_history(train, 60);
    assert_eq!(train.summary()["train/score4"], json!(2));

    assert_eq!((pipeline.key().run_id.as_str(), pipeline.exit_code), (id.as_str(), Some(0)));
    assert_one_history(pipeline, 43);
    assert_eq!(rows(pipeline, "orchestrator/value"), [(0, 0.0), (1, 1.0), (2, 2.0)]);
    let expected: Vec<_> = (0..40).map(|n| (n + 3, n as f64)).collect();
    assert_eq!(rows(pipeline, "eval/value"), expected);
    assert_summary_of_the_last_log(pipeline, "eval/score4", &json!(2), "orchestrator/score");
    assert_eq!(config_of(pipeline)["orchestrator"], json!("python"));
}

/// `ups-track run` around a stock client: linked, its run is its own; attached, it is one more log of the same run.
#[test]
fn stock_children_of_a_shell() {
    let root = tempfile::tempdir().unwrap();
    let script = wandb::script("stock.py").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_command"));
    command.args(["run", "--project", "interop", "--name", "pipeline", "--", env!("CARGO_BIN_EXE_command")]);
    command.args(["run", "--linked", "--job-type", "train", "--"]);
    command.arg(script.get_program()).args(script.get_args()).arg("0");
    for (name, value) in script.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("WANDB_MODE", "offline").env("WANDB_DIR", root.path()).env("HOME", root.path());
    let printed = root.path().join("printed");
    let output = File::create(&printed).unwrap();
    let command = command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
    let status = command.status().unwrap();
    assert_eq!(status.code(), Some(0), "{}", std::fs::read_to_string(&printed).unwrap());

    let runs = synced_all(root.path());
    assert_eq!(runs.len(), 2);
    let pipeline = runs.iter().find(|run| run.display_name.as_deref() == Some("pipeline")).unwrap();
    let train = of_job(&runs, Some("train"));
    let id = &pipeline.key().run_id;
    assert_eq!(
        (train.group.as_deref(), train.tags.as_slice()),
        (Some(id.as_str()), &[format!("parent:{id}")][..])
    );
    assert_one_history(train, 5);
}

/// The orchestrator names the context file, the training writes it, and the evaluation finds its run by it.
#[test]
fn a_training_writes_the_context_for_its_evaluations() {
    let program = env!("CARGO_BIN_EXE_pipeline");
    let training = format!("{program} rows train 60");
    let script = wandb::script("context.py").unwrap();
    let path = script.get_args().next().unwrap().to_str().unwrap();
    let python = format!("{} {path} evaluate", script.get_program().to_str().unwrap());
    for (evaluation, key, count) in
        [(python.as_str(), "eval/error", 4), (&format!("{program} rows eval 40"), "eval/value", 40)]
    {
        let root: TempDir = tempfile::tempdir().unwrap();
        let root_dir = root.path().to_str().unwrap();
        let environment = [
            ("WANDB_MODE", "offline"),
            ("WANDB_DIR", root_dir),
            ("WANDB_PROJECT", "interop"),
            ("WANDB_ENTITY", "test-entity"),
            ("UPS_TRACK_CONTEXT", "write"),
        ];
        wandb::run_script(
            "context.py",
            &["idle".as_ref(), evaluation.as_ref(), training.as_ref()],
            &environment,
        )
        .unwrap();
        let runs = synced_all(root.path());
        let [run] = &runs[..] else { panic!("{runs:?}") };
        assert_one_history(run, 60 + count);
        assert_eq!(rows(run, key).len() as u64, count);
        assert_eq!(rows(run, "train/value").len(), 60);
    }
}
