//! Distillation of a denoiser into a consistency model: Song et al., "Consistency models", ICML 2023.
//!
//! Along one path of the teacher's sampler every noisy field has the same end. The student learns to say the same at a
//! level as at the level below, one teacher's step further down the path; at the lowest level it says what the teacher
//! does. So its answer at the highest level is the end of the whole path, at once.

use super::learn::{Learner, Task};
use super::{Denoiser, Round, Samples, TrainConfig, noise};
use crate::burgers::score;

/// How far, after an update, the weights of the target follow those of the student.
const FOLLOW: f64 = 0.05;

/// Distils a [`Denoiser`]; equal seeds give equal runs.
pub struct Distiller<'a> {
    samples: &'a Samples,
    teacher: &'a Denoiser,
    /// The student's average over the updates: what it is compared with at the level below.
    target: Denoiser,
    student: Learner,
    ladder: Vec<f64>,
}

impl<'a> Distiller<'a> {
    /// Starts from a copy of the teacher, whose sampler takes `steps` steps (at least 1).
    pub fn new(samples: &'a Samples, teacher: &'a Denoiser, steps: usize, config: &TrainConfig) -> Self {
        Self {
            samples,
            teacher,
            target: teacher.clone(),
            student: Learner::new(teacher.clone(), &samples.train, config),
            ladder: noise::ladder(steps.max(1)),
        }
    }

    /// The one-step model as distilled so far.
    pub fn model(&self) -> &Denoiser {
        &self.student.denoiser
    }

    /// Updates the weights `updates` times. The loss is the mean squared difference to the target, in units of the data's
    /// variance.
    pub fn round(&mut self, updates: usize) -> Round {
        let Self { samples, teacher, target, student, ladder } = self;
        let mut update = || {
            let round = student.update(&samples.train, |sample, rng| {
                let i = rng.usize(..ladder.len() - 1);
                let (above, below) = (ladder[i], ladder[i + 1]);
                let mut task = Task::denoise(&sample.field, above, rng);
                let further = teacher.descend(&task.noisy, above, below, &sample.conditions);
                task.clean = target.denoise(&further, below, &sample.conditions);
                task.weight = 1.0;
                task
            });
            target.network.approach(&student.denoiser.network, FOLLOW);
            round
        };
        Round::mean(&(0..updates).map(|_| update()).collect::<Vec<_>>())
    }

    /// How far the student's one step is from the teacher's whole path, from the same noise: the root mean square of the
    /// difference over that of the teacher's draws.
    pub fn gap(&self) -> f64 {
        gap(self.model(), self.teacher, self.ladder.len() - 1, self.samples)
    }
}

/// See [`Distiller::gap`].
fn gap(student: &Denoiser, teacher: &Denoiser, steps: usize, samples: &Samples) -> f64 {
    let (mut difference, mut size) = (0.0, 0.0);
    for (seed, sample) in (0..).zip(&samples.test) {
        let (n, given) = (sample.field.len(), &sample.conditions);
        let rng = || fastrand::Rng::with_seed(seed);
        let whole = teacher.sample(steps, 1.0, given, n, &mut rng());
        difference += score::mse(&student.sample_at_once(1.0, given, n, &mut rng()), &whole);
        size += 2.0 * score::energy(&whole);
    }
    if difference > 0.0 { (difference / size).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::DenoiseTrainer;
    use crate::diffusion::tests::{config, samples};

    #[test]
    fn one_step_of_the_student_comes_close_to_the_teachers_path() {
        let samples = samples();
        let mut trainer = DenoiseTrainer::new(&samples, &config(400));
        trainer.round(400);
        let teacher = trainer.model();
        let mut distiller =
            Distiller::new(&samples, teacher, 5, &TrainConfig { learning_rate: 3e-3, ..config(1000) });
        let before = distiller.gap();
        let first = distiller.round(50);
        distiller.round(900);
        let last = distiller.round(50);
        let after = distiller.gap();
        assert!(after < 0.5 * before && after < 0.3, "{before} to {after}");
        assert!(last.loss < 0.8 * first.loss, "{first:?} to {last:?}");
    }

    #[test]
    fn nothing_is_distilled_from_nothing() {
        let samples = Samples { unit: 1.0, train: Vec::new(), test: Vec::new() };
        let teacher = Denoiser::new(config(1).shape, 1.0, 1);
        let mut distiller = Distiller::new(&samples, &teacher, 0, &config(5));
        distiller.round(5);
        assert_eq!(distiller.model(), &teacher);
        assert!(distiller.gap().abs() < 1e-300);
    }
}
