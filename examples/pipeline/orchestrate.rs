//! The run of the pipeline, and the processes that do its work.

use std::error::Error;
use std::process::{Command, Stdio};

use tracing::info;
use ups_track::{config, track_stage};

use crate::arguments::{Arguments, Job};

/// The small evaluation is a look, before the full one spends its time.
const SMALL: [&str; 4] = ["--samples", "8", "--trajectories", "8"];
const FULL: [&str; 4] = ["--samples", "32", "--trajectories", "32"];

#[ups_track::main(project = "burgers-pipeline", job_type = "pipeline", tags = ["example"])]
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read()?;
    std::fs::create_dir_all(&arguments.out)
        .map_err(|error| format!("{}: {error}", arguments.out.display()))?;
    config!(seed = arguments.seed, jumps = crate::JUMPS);
    training(&arguments)?;
    small_evaluation(&arguments)?;
    full_evaluation(&arguments)
}

/// A stage without metrics of its own: how long it took and how it ended is part of the run's summary.
#[track_stage("training", err)]
fn training(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let fail = arguments.fail_child == Some(Job::Train);
    child("train", &["train"], arguments, fail)
}

#[track_stage("small_evaluation", err)]
fn small_evaluation(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let fail = arguments.fail_child == Some(Job::Evaluate);
    child("small-evaluation", &[&["evaluate", "--ttc", "--small"], &SMALL[..]].concat(), arguments, fail)
}

#[track_stage("full_evaluation", err)]
fn full_evaluation(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    child("full-evaluation", &[&["evaluate", "--ttc"], &FULL[..]].concat(), arguments, false)
}

/// Starts this program again as a child of the pipeline, and waits for it.
fn child(job: &str, words: &[&str], arguments: &Arguments, fail: bool) -> Result<(), Box<dyn Error>> {
    info!(target: "pipeline", "{job} begins");
    let mut command = Command::new(std::env::current_exe()?);
    command.args(words).arg("--seed").arg(arguments.seed.to_string()).arg("--out").arg(&arguments.out);
    if fail {
        command.arg("--fail");
    }
    let status =
        command.stdin(Stdio::null()).status().map_err(|error| format!("{job} did not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{job} failed: {status}").into()) }
}
