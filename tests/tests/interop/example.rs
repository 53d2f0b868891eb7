//! The example `pipeline`, whole: one run of the pipeline and one linked training, on disk and on the server.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use ups_track_tests::log::Log;

use crate::several::{in_order, of_job, synced_all};
use crate::{config_of, text};

/// Builds the example, with optimizations: it really computes something.
fn example() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--quiet", "--package", "ups-track-examples", "--example", "pipeline"]);
    cargo.args(["--message-format", "json"]).current_dir(root);
    let built = cargo.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).unwrap();
    let path = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        message["executable"].as_str().map(PathBuf::from)
    });
    path.unwrap()
}

#[test]
fn one_pipeline_is_one_run_and_a_training() {
    let root = tempfile::tempdir().unwrap();
    let mut command = Command::new(example());
    command.args(["--out", "out"]).current_dir(root.path());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WANDB_") {
            command.env_remove(name);
        }
    }
    command.env("WANDB_MODE", "offline").env("WANDB_DIR", root.path()).env("HOME", root.path());
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));

    let dirs = in_order(root.path());
    let [pipeline, train] = dirs.as_slice() else { panic!("{dirs:?}") };
    let (pipeline, train) = (Log::of(pipeline), Log::of(train));
    for log in [&pipeline, &train] {
        log.assert_ends_with(0);
    }
    let id = pipeline.run().run_id.as_str();

    let runs = synced_all(root.path());
    assert_eq!(runs.len(), 2);
    let training = of_job(&runs, Some("train"));
    assert_eq!(training.key().run_id, train.run().run_id);
    assert_eq!(
        (training.group.as_deref(), training.tags.as_slice()),
        (Some(id), &[format!("parent:{id}")][..])
    );
    assert_eq!(training.history().len(), train.rows().len());
    for stage in ["operator", "diffusion_residual", "consistency_distill", "steady_prior"] {
        assert_eq!(training.summary()[&format!("{stage}/status")], json!("ok"), "{stage}");
    }

    let run = of_job(&runs, Some("pipeline"));
    assert_eq!((run.key().run_id.as_str(), run.key().project.as_str()), (id, "burgers-pipeline"));
    assert_eq!((run.exit_code, run.tags.as_slice()), (Some(0), &["example".to_owned()][..]));
    let (summary, config) = (run.summary(), config_of(run));
    for way in ["baseline", "ttc", "small/baseline", "small/ttc"] {
        for score in ["nrmse", "mse", "conservation_gap", "boundary_violation", "negativity_penalty"] {
            assert!(summary[&format!("eval/{way}/{score}")].is_number(), "{way} {score}");
        }
    }
    for child in ["train", "small-evaluation", "full-evaluation"] {
        assert_eq!(summary[&format!("children/{child}/exit_code")], json!(0), "{child}");
    }
    assert_eq!((&config["eval_samples"], &config["eval_tau"]), (&json!(32), &json!(0.5)));
    assert_eq!((&config["eval_ttc_enabled"], &config["seed"]), (&json!(true), &json!(0)));
    // The rows are those of the evaluation, and the table is a file that the summary names.
    let rows = run.history();
    assert_eq!(rows.len(), pipeline.rows().len());
    assert!(rows.iter().any(|row| row.keys().any(|key| key.starts_with("eval/"))), "{rows:?}");
    let table = summary.values().find(|value| value["_type"] == "table-file").unwrap();
    let content: serde_json::Value =
        serde_json::from_str(&text(run, table["path"].as_str().unwrap())).unwrap();
    assert_eq!(content["columns"], json!(["metric", "baseline", "ttc", "better"]));
}
