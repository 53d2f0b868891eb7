//! Trains a small neural operator for the 1D viscous Burgers' equation, and tracks it.
//!
//! ```text
//! cargo run --release --example burgers
//! cargo run --release --example burgers -- --epochs 100 --seed 1
//! ```
//!
//! A solver makes pairs of fields a fifth of a time unit apart; the operator learns to jump from one to the other. The
//! run is recorded offline, in `wandb/` below the current directory.

use std::error::Error;
use std::path::{Path, PathBuf};

use tracing::info;
use ups_track::{EvalSummary, RunConfig, config, eval_summary, file, metric, summary, track_stage};
use ups_track_examples::burgers::{DataConfig, Dataset, Score, Trainer, TrainerConfig};
use ups_track_examples::checkpoint;
use ups_track_examples::network::{Network, Shape};

/// What the run was given: it becomes the run's config.
#[derive(RunConfig)]
struct Hyper {
    epochs: usize,
    learning_rate: f64,
    batch_size: usize,
    channels: usize,
    radius: usize,
    steps: usize,
    viscosity: f64,
    points: usize,
    train_pairs: usize,
    test_pairs: usize,
    seed: u64,
}

/// What the evaluation found: it becomes summary values, never a chart.
#[derive(EvalSummary)]
struct Scores {
    #[track(goal = "min")]
    nrmse: f64,
    #[track(goal = "min")]
    mse: f64,
    max_error: f64,
    conservation_gap: f64,
    energy_error: f64,
    /// How much better than predicting that nothing happens.
    times_better_than_identity: f64,
}

#[track_stage("data")]
fn make_data(hyper: &Hyper) -> Dataset {
    let data = Dataset::generate(&DataConfig {
        points: hyper.points,
        nu: hyper.viscosity,
        train: hyper.train_pairs,
        test: hyper.test_pairs,
        seed: hyper.seed,
        ..DataConfig::default()
    });
    info!("solved {} training and {} test pairs", data.train().len(), data.test().len());
    data
}

/// Every metric below is `operator/...`, charted against `operator/step`.
#[track_stage("operator", best(val_nrmse = "min"))]
fn train(hyper: &Hyper, data: &Dataset) -> Network {
    let shape =
        Shape { channels: hyper.channels, radius: hyper.radius, steps: hyper.steps, ..Shape::default() };
    let mut trainer = Trainer::new(
        data,
        TrainerConfig {
            shape,
            batch_size: hyper.batch_size,
            learning_rate: hyper.learning_rate,
            epochs: hyper.epochs,
            seed: hyper.seed,
        },
    );
    for epoch in 0..hyper.epochs {
        let now = trainer.epoch();
        metric!(
            step = epoch,
            loss = now.loss,
            val_nrmse = now.val_nrmse,
            grad_norm = now.grad_norm,
            lr = now.lr
        );
        if (epoch + 1) % (hyper.epochs / 6).max(1) == 0 {
            info!("epoch {}: loss {:.2e}, validation NRMSE {:.4}", epoch + 1, now.loss, now.val_nrmse);
        }
    }
    trainer.model().clone()
}

/// The returned scores are `eval/nrmse`, `eval/mse`, ...
#[eval_summary]
fn evaluate(operator: &Network, data: &Dataset) -> Result<Scores, Box<dyn Error>> {
    let identity = Score::of_identity(data.test());
    let score = Score::of_operator(operator, data.test());
    let times_better_than_identity = identity.nrmse / score.nrmse;
    info!("test NRMSE {:.4}, {times_better_than_identity:.0} times better than the identity", score.nrmse);
    if times_better_than_identity < 4.0 {
        return Err(format!("the operator has not learnt: test NRMSE {}", score.nrmse).into());
    }
    Ok(Scores {
        nrmse: score.nrmse,
        mse: score.mse,
        max_error: score.max_error,
        conservation_gap: score.conservation_gap,
        energy_error: score.energy_error,
        times_better_than_identity,
    })
}

fn save(operator: &Network, dir: &Path) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(dir)?;
    let path = dir.join("operator.json");
    checkpoint::save(operator, &path)?;
    Ok(path)
}

#[ups_track::main(project = "burgers", job_type = "train", tags = ["example"])]
fn main() -> Result<(), Box<dyn Error>> {
    let hyper = Hyper {
        epochs: argument("--epochs", 300)?,
        learning_rate: 2e-2,
        batch_size: 16,
        channels: 12,
        radius: 3,
        steps: 8,
        viscosity: 0.01,
        points: 64,
        train_pairs: 256,
        test_pairs: 64,
        seed: argument("--seed", 0)?,
    };
    config!(..hyper);

    let data = make_data(&hyper);
    let operator = train(&hyper, &data);
    evaluate(&operator, &data)?;
    summary!(weights = operator.weights().len());

    let checkpoint = save(&operator, Path::new("target/burgers"))?;
    file!(&checkpoint, policy = now);
    Ok(())
}

/// The value behind a command line option.
fn argument<T: std::str::FromStr>(name: &str, default: T) -> Result<T, String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    match arguments.next() {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| format!("{name} needs a number, not `{text}`")),
    }
}
