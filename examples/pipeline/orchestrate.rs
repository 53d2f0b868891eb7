//! The run of the pipeline, and the processes that do its work.

use std::error::Error;
use std::process::{Command, Stdio};

use tracing::info;
use ups_track::{Child, ChildOptions, Run, TrackCommand as _, config};

use crate::arguments::{Arguments, Job};

/// The small evaluation is a look, before the full one spends its time.
const SMALL: [&str; 7] = ["evaluate", "--ttc", "--small", "--samples", "8", "--trajectories", "8"];
const FULL: [&str; 6] = ["evaluate", "--ttc", "--samples", "32", "--trajectories", "32"];

#[ups_track::main(project = "burgers-pipeline", job_type = "pipeline", tags = ["example"])]
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let run = Run::global().ok_or("there is no run")?;
    let arguments = Arguments::read()?;
    let out = &arguments.out;
    std::fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    config!(seed = arguments.seed, jumps = crate::JUMPS);

    // Tracked commands know the run without this; it is for programs that are started by hand meanwhile.
    let context = run.save_context(out.join("context.json"))?;
    info!(target: "pipeline", "run {} begins; its context is {}", run.id(), context.display());

    let training = Child::Linked.job_type("train").name("train");
    child(&run, &["train"], training, &arguments, Some(Job::Train))?;
    child(&run, &SMALL, Child::Attached.name("small-evaluation"), &arguments, Some(Job::Evaluate))?;
    child(&run, &FULL, Child::Attached.name("full-evaluation"), &arguments, None)
}

/// Starts this program again as a child of the run, and waits for it.
fn child(
    run: &Run,
    words: &[&str],
    options: ChildOptions,
    arguments: &Arguments,
    job: Option<Job>,
) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(words).arg("--seed").arg(arguments.seed.to_string()).arg("--out").arg(&arguments.out);
    if job.is_some() && job == arguments.fail_child {
        command.arg("--fail");
    }
    let status = command.stdin(Stdio::null()).track(run, options).status()?;
    if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", words.join(" ")).into()) }
}
