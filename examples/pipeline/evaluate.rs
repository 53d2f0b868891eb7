//! The evaluation: rollouts of the operator alone, and with test-time conditioning.

use std::error::Error;

use tracing::info;
use ups_track::{EvalSummary, TableRow, alert, config, eval_summary, metric, table, track_stage};
use ups_track_examples::burgers::score::Prediction;
use ups_track_examples::burgers::{Dataset, Pair, Score};
use ups_track_examples::conditioning::{Conditioned, Reward, Rollout, Search, Weights};
use ups_track_examples::diffusion::Denoiser;
use ups_track_examples::network::Network;

use crate::JUMPS;
use crate::arguments::Arguments;
use crate::checkpoints;
use crate::progress::Progress;

/// The test trajectories are of another draw than those to train on and to validate with.
const TEST_SEED: u64 = 1_000_000;

/// How good rollouts are, over all their fields.
#[derive(Clone, EvalSummary)]
struct Scores {
    #[track(goal = "min")]
    nrmse: f64,
    #[track(goal = "min")]
    mse: f64,
    max_error: f64,
    energy_error: f64,
    #[track(goal = "min")]
    conservation_gap: f64,
    #[track(goal = "min")]
    boundary_violation: f64,
    #[track(goal = "min")]
    negativity_penalty: f64,
    /// What the search looks at, which does not know the truth; at most 0.
    #[track(goal = "max")]
    reward: f64,
}

/// A row of the comparison.
#[derive(TableRow)]
struct Compared {
    metric: &'static str,
    baseline: f64,
    ttc: f64,
    better: bool,
}

#[ups_track::main(project = "burgers-pipeline", job_type = "evaluate")]
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read()?;
    let models = Models::load(&arguments)?;
    let evaluation = Evaluation::new(&models, &arguments);
    let run = if arguments.small { small } else { full };
    run(&evaluation);
    Ok(())
}

/// A quick look before the full evaluation; its values have keys of their own.
fn small(evaluation: &Evaluation<'_>) {
    let Arguments { ttc, samples, trajectories, .. } = *evaluation.arguments;
    config!(eval_small_samples = samples, eval_small_trajectories = trajectories);
    let baseline = evaluation.baseline();
    small_baseline(evaluation, &baseline);
    fail_if_asked(evaluation.arguments);
    if ttc {
        small_ttc(evaluation, &evaluation.search());
    }
}

fn full(evaluation: &Evaluation<'_>) {
    let Arguments { ttc, samples, trajectories, beams, tau, .. } = *evaluation.arguments;
    config!(
        eval_ttc_enabled = ttc,
        eval_samples = samples,
        eval_beams = beams,
        eval_tau = tau,
        eval_trajectories = trajectories,
        eval_jumps = JUMPS
    );
    let baseline = evaluation.baseline();
    let baseline_scores = full_baseline(evaluation, &baseline);
    fail_if_asked(evaluation.arguments);
    if ttc {
        let found = evaluation.search();
        let found_scores = full_ttc(evaluation, &found);
        errors_by_jump(evaluation, &baseline, &found);
        log_table(&compare(&baseline_scores, &found_scores));
        // The reward can only be as good or better; whether the truth agrees is what the evaluation is for.
        let (before, after) = (baseline_scores.nrmse, found_scores.nrmse);
        if after > before {
            alert!(level = warn, "TTC is worse than the baseline", "NRMSE {after:.4} instead of {before:.4}");
        }
    }
}

#[eval_summary(prefix = "eval/small/baseline")]
fn small_baseline(evaluation: &Evaluation<'_>, rollouts: &[Rollout]) -> Scores {
    evaluation.score("baseline", rollouts)
}

#[eval_summary(prefix = "eval/small/ttc")]
fn small_ttc(evaluation: &Evaluation<'_>, rollouts: &[Rollout]) -> Scores {
    evaluation.score("TTC", rollouts)
}

#[eval_summary(prefix = "eval/baseline")]
fn full_baseline(evaluation: &Evaluation<'_>, rollouts: &[Rollout]) -> Scores {
    evaluation.score("baseline", rollouts)
}

#[eval_summary(prefix = "eval/ttc")]
fn full_ttc(evaluation: &Evaluation<'_>, rollouts: &[Rollout]) -> Scores {
    evaluation.score("TTC", rollouts)
}

/// How errors grow along the rollouts: `rollout/...` against `rollout/step`, the number of the jump.
#[track_stage("rollout")]
fn errors_by_jump(evaluation: &Evaluation<'_>, baseline: &[Rollout], found: &[Rollout]) {
    let pick = |jump| move |(k, _): &(usize, Prediction<'_>)| k % JUMPS == jump;
    for jump in 0..JUMPS {
        let nrmse = |rollouts| {
            let all = evaluation.predictions(rollouts).into_iter().enumerate().filter(pick(jump));
            Score::of(all.map(|(_, prediction)| prediction).collect::<Vec<_>>().into_iter()).nrmse
        };
        metric!(step = jump + 1, baseline_nrmse = nrmse(baseline), ttc_nrmse = nrmse(found));
    }
}

/// What the training left.
struct Models {
    operator: Network,
    corrector: Denoiser,
    reward: Reward,
}

impl Models {
    fn load(arguments: &Arguments) -> Result<Self, Box<dyn Error>> {
        let out = &arguments.out;
        let prior = checkpoints::load(out, checkpoints::PRIOR)?;
        Ok(Self {
            operator: checkpoints::load(out, checkpoints::OPERATOR)?,
            corrector: checkpoints::load(out, checkpoints::CONSISTENCY)?,
            reward: Reward::new(Weights::default(), prior, crate::LATE),
        })
    }
}

/// The models, and the trajectories to try them on.
struct Evaluation<'a> {
    arguments: &'a Arguments,
    conditioned: Conditioned<'a>,
    data: Dataset,
}

impl<'a> Evaluation<'a> {
    fn new(models: &'a Models, arguments: &'a Arguments) -> Self {
        let Models { operator, corrector, reward } = models;
        let seed = arguments.seed.wrapping_add(TEST_SEED);
        let data = Dataset::generate(&crate::waves(0, arguments.trajectories, seed));
        Self { arguments, conditioned: Conditioned { operator, corrector, reward }, data }
    }

    /// Rollouts of the operator alone.
    fn baseline(&self) -> Vec<Rollout> {
        self.data.test_trajectories().map(|pairs| self.conditioned.baseline(start(pairs), JUMPS)).collect()
    }

    /// Rollouts with test-time conditioning.
    fn search(&self) -> Vec<Rollout> {
        let Arguments { samples, beams, tau, seed, trajectories, .. } = *self.arguments;
        let mut progress = Progress::new("TTC", trajectories);
        let mut search = |(each, pairs)| {
            let search = Search { samples, beams, tau, seed: seed.wrapping_add(each) };
            let rollout = self.conditioned.search(start(pairs), JUMPS, &search);
            progress.advance(|| format!("reward {:.4}", rollout.reward));
            rollout
        };
        (0..).zip(self.data.test_trajectories()).map(&mut search).collect()
    }

    /// Every field of the rollouts beside the truth, trajectory after trajectory.
    fn predictions<'r>(&'r self, rollouts: &'r [Rollout]) -> Vec<Prediction<'r>> {
        let trajectories = self.data.test_trajectories().zip(rollouts);
        let predictions = trajectories.flat_map(|(pairs, rollout)| {
            pairs.iter().zip(&rollout.fields).map(|(pair, predicted)| Prediction {
                initial: start(pairs),
                predicted,
                truth: &pair.end,
            })
        });
        predictions.collect()
    }

    fn score(&self, name: &str, rollouts: &[Rollout]) -> Scores {
        let score = Score::of(self.predictions(rollouts).into_iter());
        let reward = rollouts.iter().map(|rollout| rollout.reward).sum::<f64>() / rollouts.len() as f64;
        info!(target: "pipeline", "{name}: NRMSE {:.4}, reward {reward:.4} over {} rollouts", score.nrmse, rollouts.len());
        Scores {
            nrmse: score.nrmse,
            mse: score.mse,
            max_error: score.max_error,
            energy_error: score.energy_error,
            conservation_gap: score.conservation_gap,
            boundary_violation: score.boundary_violation,
            negativity_penalty: score.negativity_penalty,
            reward,
        }
    }
}

fn start(pairs: &[Pair]) -> &[f64] {
    pairs.first().map_or(&[], |pair| &pair.initial)
}

fn compare(baseline: &Scores, ttc: &Scores) -> Vec<Compared> {
    let lower = |metric, of: fn(&Scores) -> f64| {
        let (baseline, ttc) = (of(baseline), of(ttc));
        Compared { metric, baseline, ttc, better: ttc < baseline }
    };
    vec![
        lower("nrmse", |scores| scores.nrmse),
        lower("mse", |scores| scores.mse),
        lower("max_error", |scores| scores.max_error),
        lower("energy_error", |scores| scores.energy_error),
        lower("conservation_gap", |scores| scores.conservation_gap),
        lower("boundary_violation", |scores| scores.boundary_violation),
        lower("negativity_penalty", |scores| scores.negativity_penalty),
        Compared {
            metric: "reward",
            baseline: baseline.reward,
            ttc: ttc.reward,
            better: ttc.reward > baseline.reward,
        },
    ]
}

/// The comparison, for the run and for the person in front of it.
fn log_table(rows: &[Compared]) {
    println!("\n{:>20} {:>12} {:>12}  TTC is better", "", "baseline", "TTC");
    for Compared { metric, baseline, ttc, better } in rows {
        let verdict = match better {
            true => "yes",
            false if baseline.total_cmp(ttc).is_eq() => "same",
            false => "no",
        };
        println!("{metric:>20} {baseline:>12.4e} {ttc:>12.4e}  {verdict}");
    }
    println!();
    table!("eval/compare" = rows);
}

/// A panic, where the training returns an error: both ends are told.
fn fail_if_asked(arguments: &Arguments) {
    assert!(!arguments.fail, "the evaluation was asked to fail");
}
