//! What it costs to upload very many short runs, and to delete them.

use std::fs;
use std::path::{Path, PathBuf};

use ups_track::{Mode, Run};
use ups_track_tests::server::API_KEY;
use ups_track_tests::wandb;

use super::measure::measured;
use super::{Elsewhere, Result, own};

/// Rows of each run.
const ROWS: usize = 100;

/// Runs that the real client uploads, for comparison.
const SAMPLE: usize = 100;

/// Records so many runs in the directory in which this is called.
pub(crate) fn record(runs: &str) -> Result {
    for number in 0..runs.parse::<usize>()? {
        let builder = Run::builder().mode(Mode::Offline).id(format!("many-{number}")).global(false);
        let run = builder.config(&[("lr", 0.1), ("seed", number as f64)]).init()?;
        for step in 0..ROWS as u64 {
            let x = 1.0 / (step as f64 + 1.0);
            run.log(step, &[("loss", x), ("lr", 1e-3 * x), ("grad_norm", 0.5 + x)]);
        }
        run.finish()?;
    }
    Ok(())
}

/// The directories of runs, in order.
fn run_dirs(wandb: &Path) -> Result<Vec<PathBuf>> {
    let mut dirs = Vec::new();
    for entry in fs::read_dir(wandb)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            dirs.push(entry.path());
        }
    }
    dirs.sort();
    Ok(dirs)
}

/// Forgets what uploads have left beside the logs of a directory.
fn forget(dir: &Path) -> Result {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().contains(".wandb.")) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Uploads some of the runs and all of them, and deletes them; and the real client uploads a sample.
pub(crate) fn many(runs: &str) -> Result {
    let count: usize = runs.parse()?;
    let home = tempfile::tempdir()?;
    let mut recording = own(home.path(), "http://127.0.0.1:1", "offline")?;
    let written = measured(recording.env_remove("WANDB_RUN_ID").args(["record", runs]))?;
    println!("{runs} runs of {ROWS} rows, written with {written}");
    let wandb = home.path().join("wandb");
    let dirs = run_dirs(&wandb)?;

    // A tenth of them first: what grows with their number shows.
    let part = tempfile::tempdir()?;
    let some = part.path().join("wandb");
    fs::create_dir(&some)?;
    for dir in dirs.iter().take(count / 10) {
        fs::rename(dir, some.join(dir.file_name().ok_or("no name")?))?;
    }
    for (from, number) in [(&some, count / 10), (&wandb, count - count / 10)] {
        let mut server = Elsewhere::start()?;
        let mut command = own(home.path(), &server.url, "offline")?;
        let ours = measured(command.args(["sync", "--quiet"]).arg(from))?;
        let (most, all) = server.connections(&(number * ROWS).to_string())?;
        println!(
            "ups-track sync   {number:6} runs {ours}, at most {:.0} descriptors, {most} connections ({all} in all)",
            ours.descriptors
        );
        let mut command = own(home.path(), &server.url, "offline")?;
        let again = measured(command.args(["sync", "--quiet"]).arg(from))?;
        println!("  once more, with nothing to do: {again}");
        let (_, before) = server.connections(&(number * ROWS).to_string())?;
        if from == &wandb {
            let mut command = own(home.path(), &server.url, "offline")?;
            let pruned = measured(command.args(["sync", "--prune", "--yes"]).arg(from))?;
            let (most, all) = server.connections(&(number * ROWS).to_string())?;
            println!(
                "ups-track sync --prune {number} runs {pruned}, at most {:.0} descriptors, {most} connections ({} more in all)",
                pruned.descriptors,
                all - before
            );
            let left = run_dirs(&wandb)?.len();
            if left > 0 {
                return Err(format!("{left} runs are still there").into());
            }
        }
    }

    let sample: Vec<PathBuf> = run_dirs(&some)?.into_iter().take(SAMPLE).collect();
    for dir in &sample {
        forget(dir)?;
    }
    let mut server = Elsewhere::start()?;
    let mut command = wandb::client()?;
    // As a user calls it.
    command.env_remove("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL");
    command.arg("sync").args(&sample).env("HOME", home.path()).env("TMPDIR", home.path());
    command.env("WANDB_BASE_URL", &server.url).env("WANDB_API_KEY", API_KEY);
    let theirs = measured(&mut command)?;
    let (most, all) = server.connections(&(sample.len() * ROWS).to_string())?;
    println!("wandb sync       {:6} runs {theirs}, {most} connections ({all} in all)", sample.len());
    Ok(())
}
