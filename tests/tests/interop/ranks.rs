//! A run into which the ranks of a group have recorded, as the real client uploads it.

use std::process::Command;

use ups_track_tests::log::run_dirs;

use super::{history, synced};

/// Starts one rank of three after the other; gives the rows on the server and the summary.
fn group(more: (&str, &str)) -> (serde_json::Value, serde_json::Value) {
    let dir = tempfile::tempdir().unwrap();
    for rank in ["0", "1", "2"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipeline"));
        command.args(["rows", "loss", "4"]).env_clear().current_dir(dir.path()).env("HOME", dir.path());
        command.envs([
            ("WANDB_ENTITY", "test-entity"),
            ("WANDB_PROJECT", "interop"),
            ("WANDB_RUN_ID", "ranks"),
        ]);
        command.envs([("SLURM_JOB_ID", "7"), ("SLURM_STEP_ID", "0"), ("SLURM_NTASKS", "3")]);
        command.envs([("SLURM_PROCID", rank), ("UPS_TRACK_RANKS", "shards"), more]);
        assert!(command.output().unwrap().status.success());
    }
    let [run] = run_dirs(dir.path()).try_into().unwrap();
    let uploaded = synced(&run, "ranks");
    (history(&uploaded), uploaded.summary().into())
}

#[test]
fn each_row_tells_its_rank() {
    let (rows, summary) = group(("UPS_TRACK_RANKS_LABEL", "false"));
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 12);
    for rank in 0..3_u64 {
        let own = rows.iter().filter(|row| row["rank"].as_u64() == Some(rank));
        let values: Vec<_> = own.map(|row| row["loss/value"].as_f64().unwrap()).collect();
        assert_eq!(values, [0.0, 1.0, 2.0, 3.0]);
    }
    assert!(summary.get("rank").is_none() && summary["loss/score1"] == 0.5, "{summary}");
}

#[test]
fn keys_with_labels() {
    let (rows, summary) = group(("UPS_TRACK_RANKS_LABEL", "true"));
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 12);
    for rank in 0..3 {
        let steps = rows.iter().filter_map(|row| row.get(format!("rank{rank}/step"))?.as_u64());
        assert_eq!(steps.collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(summary[format!("rank{rank}/loss/score1")], 0.5);
    }
}
