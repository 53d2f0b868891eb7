//! The training process: four stages, each a loop of its own with its own metrics.

use std::error::Error;
use std::path::Path;

use tracing::info;
use ups_track::{RunConfig, config, metric, summary, track_stage};
use ups_track_examples::burgers::{Dataset, Trainer, TrainerConfig};
use ups_track_examples::diffusion::{DenoiseTrainer, Denoiser, Distiller, Samples, TrainConfig};
use ups_track_examples::network::{Network, Shape};

use crate::arguments::Arguments;
use crate::checkpoints::{self, Best};
use crate::progress::Progress;

/// Steps of the sampler that is distilled into one.
const SAMPLER_STEPS: usize = 8;

/// What the training is given.
#[derive(RunConfig)]
struct Hyper {
    seed: u64,
    train_trajectories: usize,
    validation_trajectories: usize,
    operator: Operator,
    diffusion_residual: Diffusion,
    consistency_distill: Diffusion,
    steady_prior: Diffusion,
}

#[derive(RunConfig)]
struct Operator {
    epochs: usize,
    learning_rate: f64,
    channels: usize,
    steps: usize,
}

#[derive(RunConfig)]
struct Diffusion {
    rounds: usize,
    updates_per_round: usize,
    batch_size: usize,
    learning_rate: f64,
    channels: usize,
    steps: usize,
}

impl Hyper {
    fn new(seed: u64) -> Self {
        let diffusion = Diffusion {
            rounds: 60,
            updates_per_round: 50,
            batch_size: 8,
            learning_rate: 1e-2,
            channels: 16,
            steps: 3,
        };
        Self {
            seed,
            train_trajectories: 192,
            validation_trajectories: 16,
            operator: Operator { epochs: 40, learning_rate: 2e-2, channels: 12, steps: 6 },
            consistency_distill: Diffusion { rounds: 40, learning_rate: 3e-3, ..diffusion },
            steady_prior: Diffusion { rounds: 40, channels: 12, steps: 4, ..diffusion },
            diffusion_residual: diffusion,
        }
    }
}

impl Diffusion {
    fn config(&self, seed: u64) -> TrainConfig {
        TrainConfig {
            shape: Shape { channels: self.channels, steps: self.steps, ..Shape::default() },
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            updates: self.rounds * self.updates_per_round,
            seed,
        }
    }
}

#[ups_track::main(project = "burgers-pipeline", job_type = "train")]
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read()?;
    let out = arguments.out.as_path();
    std::fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let hyper = Hyper::new(arguments.seed);
    config!(..hyper);

    let data = make_data(&hyper);
    let operator = operator(&hyper, &data, out)?;
    let residuals = Samples::residuals(&operator, &data);
    let teacher = diffusion_residual(&hyper, &residuals, out, arguments.fail)?;
    let student = consistency_distill(&hyper, &residuals, &teacher, out)?;
    let prior = steady_prior(&hyper, &data, out)?;

    let models = [teacher.network(), student.network(), prior.network()];
    let weights = operator.weights().len() + models.iter().map(|model| model.weights().len()).sum::<usize>();
    summary!(weights);
    Ok(())
}

#[track_stage("data")]
fn make_data(hyper: &Hyper) -> Dataset {
    let (train, validation) = (hyper.train_trajectories, hyper.validation_trajectories);
    let data = Dataset::generate(&crate::waves(train, validation, hyper.seed));
    info!(target: "pipeline", "solved {train} trajectories to train on and {validation} to validate with");
    data
}

/// Learns one jump in time. The operator is a general one: nothing but the data tells it that the mean is kept.
#[track_stage("operator", best(val_nrmse = "min"))]
fn operator(hyper: &Hyper, data: &Dataset, out: &Path) -> Result<Network, Box<dyn Error>> {
    let Operator { epochs, learning_rate, channels, steps } = hyper.operator;
    let shape = Shape { channels, steps, conservative: false, ..Shape::default() };
    let config = TrainerConfig { shape, learning_rate, epochs, seed: hyper.seed, ..TrainerConfig::default() };
    let mut trainer = Trainer::new(data, config);
    let mut best = Best::new(out, checkpoints::OPERATOR);
    let mut progress = Progress::new("operator", epochs);
    for epoch in 0..epochs {
        let now = trainer.epoch();
        metric!(
            step = epoch,
            loss = now.loss,
            val_nrmse = now.val_nrmse,
            grad_norm = now.grad_norm,
            lr = now.lr
        );
        best.offer(now.val_nrmse, trainer.model())?;
        progress.advance(|| format!("loss {:.2e}, validation NRMSE {:.4}", now.loss, now.val_nrmse));
    }
    best.take()
}

/// Learns what the operator gets wrong: not one guess, but all that it may be.
#[track_stage("diffusion_residual", best(val_error = "min"), err)]
fn diffusion_residual(
    hyper: &Hyper,
    residuals: &Samples,
    out: &Path,
    fail: bool,
) -> Result<Denoiser, Box<dyn Error>> {
    let settings = &hyper.diffusion_residual;
    let trainer = DenoiseTrainer::new(residuals, &settings.config(hyper.seed));
    let fail_at = fail.then_some(settings.rounds / 3);
    denoise("diffusion_residual", trainer, settings, Best::new(out, checkpoints::RESIDUAL), fail_at)
}

/// Learns to do in one step what the diffusion model does in many.
#[track_stage("consistency_distill", best(gap_to_teacher = "min"))]
fn consistency_distill(
    hyper: &Hyper,
    residuals: &Samples,
    teacher: &Denoiser,
    out: &Path,
) -> Result<Denoiser, Box<dyn Error>> {
    let settings = &hyper.consistency_distill;
    let mut distiller = Distiller::new(residuals, teacher, SAMPLER_STEPS, &settings.config(hyper.seed));
    let mut best = Best::new(out, checkpoints::CONSISTENCY);
    let mut progress = Progress::new("consistency_distill", settings.rounds);
    for round in 0..settings.rounds {
        let now = distiller.round(settings.updates_per_round);
        let gap_to_teacher = distiller.gap();
        metric!(
            step = round,
            loss = now.loss,
            sigma = now.sigma,
            grad_norm = now.grad_norm,
            lr = now.lr,
            gap_to_teacher
        );
        best.offer(gap_to_teacher, distiller.model())?;
        progress.advance(|| format!("loss {:.2e}, gap to the teacher {gap_to_teacher:.3}", now.loss));
    }
    best.take()
}

/// Learns how late states look, when Burgers' equation has forgotten where it came from.
#[track_stage("steady_prior", best(val_error = "min"))]
fn steady_prior(hyper: &Hyper, data: &Dataset, out: &Path) -> Result<Denoiser, Box<dyn Error>> {
    let settings = &hyper.steady_prior;
    let states = Samples::late_states(data, crate::LATE);
    let trainer = DenoiseTrainer::new(&states, &settings.config(hyper.seed));
    denoise("steady_prior", trainer, settings, Best::new(out, checkpoints::PRIOR), None)
}

/// The loop of both diffusion models; the metrics belong to the stage that calls it.
fn denoise(
    name: &'static str,
    mut trainer: DenoiseTrainer<'_>,
    settings: &Diffusion,
    mut best: Best<Denoiser>,
    fail_at: Option<usize>,
) -> Result<Denoiser, Box<dyn Error>> {
    let mut progress = Progress::new(name, settings.rounds);
    for round in 0..settings.rounds {
        if fail_at == Some(round) {
            return Err(format!("asked to fail in round {round}").into());
        }
        let now = trainer.round(settings.updates_per_round);
        let val_error = trainer.validate();
        metric!(
            step = round,
            loss = now.loss,
            sigma = now.sigma,
            grad_norm = now.grad_norm,
            lr = now.lr,
            val_error
        );
        best.offer(val_error, trainer.model())?;
        progress.advance(|| format!("loss {:.3}, validation error {val_error:.4}", now.loss));
    }
    best.take()
}
