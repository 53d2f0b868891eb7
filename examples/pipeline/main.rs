//! A whole pipeline in one run: training, distillation, and evaluation with test-time conditioning (TTC).
//!
//! ```text
//! cargo run --release --example pipeline
//! cargo run --release --example pipeline -- --seed 1
//! cargo run --release --example pipeline -- --fail train     # what a failing child looks like
//! ```
//!
//! The orchestrator starts the run of the pipeline and then other processes, which find it in their environment: a
//! training process, linked, with a run of its own; a small and a full evaluation, attached, whose values belong to the
//! pipeline's run. Here all of them are this program, started again with another first argument; any program would do.
//!
//! * [`orchestrate`]: the pipeline's run and its children;
//! * [`train`]: the operator of Burgers' equation, a diffusion model of its residual, the distillation of that into one
//!   step, a prior of late states;
//! * [`evaluate`]: rollouts of the operator alone, and with corrections that a reward chose.

mod arguments;
mod checkpoints;
mod evaluate;
mod orchestrate;
mod progress;
mod train;

use std::process::ExitCode;

use arguments::{Arguments, Job};
use ups_track_examples::burgers::DataConfig;

/// A rollout applies the operator this many times.
const JUMPS: usize = 6;

/// After so many jumps a state is a late one: the initial waves have become ramps between shocks.
const LATE: usize = 3;

/// Each process has a run: the attribute `#[ups_track::main]` is on the `main` of its module.
fn main() -> ExitCode {
    let done = match Arguments::read() {
        Ok(arguments) => match arguments.job {
            Job::Help => {
                println!("{}", arguments::USAGE);
                Ok(())
            }
            Job::Pipeline => orchestrate::main(),
            Job::Train => train::main(),
            Job::Evaluate => evaluate::main(),
        },
        Err(problem) => {
            eprintln!("error: {problem}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The waves of both processes: from a smooth start to shocks and on, positive all along.
fn waves(train: usize, test: usize, seed: u64) -> DataConfig {
    DataConfig {
        nu: 0.02,
        floor: Some(0.0),
        time: 0.1,
        jumps: JUMPS,
        train,
        test,
        seed,
        ..DataConfig::default()
    }
}
