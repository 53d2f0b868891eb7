//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

pub(crate) const USAGE: &str = "\
usage: pipeline [--seed N] [--out DIR] [--fail train|eval]
       pipeline train [--seed N] [--out DIR] [--fail]
       pipeline evaluate [--small] [--ttc] [--samples N] [--trajectories N] [--beams N] [--tau X]
                         [--seed N] [--out DIR] [--fail]

Without a command: trains, evaluates on a few trajectories, evaluates on many; each in a process of its own.

  --seed N          seed of everything random (0)
  --out DIR         where checkpoints are (target/pipeline)
  --fail            fails on purpose, to show what is seen then
  --small           the quick evaluation before the full one
  --ttc             scores test-time conditioning beside the baseline
  --samples N       candidates per rollout and jump (32)
  --trajectories N  rollouts to score (32)
  --beams N         rollouts that the search keeps (3)
  --tau X           how varied the candidates are, from 0 (0.5)";

/// Which part of the pipeline this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Help,
    Pipeline,
    Train,
    Evaluate,
}

/// What was asked for, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Arguments {
    pub(crate) job: Job,
    pub(crate) seed: u64,
    pub(crate) out: PathBuf,
    /// Whether this process fails on purpose.
    pub(crate) fail: bool,
    /// Which child of the pipeline does.
    pub(crate) fail_child: Option<Job>,
    pub(crate) small: bool,
    pub(crate) ttc: bool,
    pub(crate) samples: usize,
    pub(crate) trajectories: usize,
    pub(crate) beams: usize,
    pub(crate) tau: f64,
}

impl Arguments {
    /// Reads the arguments of this process.
    pub(crate) fn read() -> Result<Self, String> {
        Self::parse(std::env::args().skip(1))
    }

    fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter().peekable();
        let job = match arguments.peek().map(String::as_str) {
            Some("train") => Job::Train,
            Some("evaluate") => Job::Evaluate,
            Some("-h" | "--help" | "help") => Job::Help,
            Some("pipeline") | None => Job::Pipeline,
            Some(option) if option.starts_with('-') => Job::Pipeline,
            Some(other) => {
                return Err(format!("`{other}` is no command: use `train` or `evaluate`, or none"));
            }
        };
        arguments.next_if(|first| !first.starts_with("--"));
        let mut parsed = Self {
            job,
            seed: 0,
            out: PathBuf::from("target/pipeline"),
            fail: false,
            fail_child: None,
            small: false,
            ttc: false,
            samples: 32,
            trajectories: 32,
            beams: 3,
            tau: 0.5,
        };
        while let Some(option) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{option} needs a value"));
            match (option.as_str(), job) {
                ("-h" | "--help", _) => parsed.job = Job::Help,
                ("--seed", _) => parsed.seed = number(&option, &value()?)?,
                ("--out", _) => parsed.out = value()?.into(),
                ("--fail", Job::Pipeline) => parsed.fail_child = Some(child(&value()?)?),
                ("--fail", _) => parsed.fail = true,
                ("--small", Job::Evaluate) => parsed.small = true,
                ("--ttc", Job::Evaluate) => parsed.ttc = true,
                ("--samples", Job::Evaluate) => parsed.samples = at_least_one(&option, &value()?)?,
                ("--trajectories", Job::Evaluate) => parsed.trajectories = at_least_one(&option, &value()?)?,
                ("--beams", Job::Evaluate) => parsed.beams = at_least_one(&option, &value()?)?,
                ("--tau", Job::Evaluate) => parsed.tau = strength(&option, &value()?)?,
                _ => return Err(format!("`{option}` is no option here")),
            }
        }
        Ok(parsed)
    }
}

fn child(name: &str) -> Result<Job, String> {
    match name {
        "train" => Ok(Job::Train),
        "eval" => Ok(Job::Evaluate),
        _ => Err(format!("--fail takes `train` or `eval`, not `{name}`")),
    }
}

fn number<T: FromStr>(option: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{option} needs a number, not `{text}`"))
}

fn at_least_one(option: &str, text: &str) -> Result<usize, String> {
    match number(option, text)? {
        0 => Err(format!("{option} must be at least 1")),
        many => Ok(many),
    }
}

fn strength(option: &str, text: &str) -> Result<f64, String> {
    let tau: f64 = number(option, text)?;
    if tau.is_finite() && tau >= 0.0 {
        Ok(tau)
    } else {
        Err(format!("{option} must be at least 0, not `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn each_job_has_its_options() -> Result<(), String> {
        assert_eq!(parse("")?.job, Job::Pipeline);
        assert_eq!(parse("--fail eval --seed 3")?.fail_child, Some(Job::Evaluate));
        assert_eq!(parse("pipeline --seed 3")?.seed, 3);
        let train = parse("train --fail --out /x")?;
        assert_eq!((train.job, train.fail, train.out), (Job::Train, true, PathBuf::from("/x")));
        let evaluate = parse("evaluate --small --ttc --samples 4 --tau 0")?;
        assert!(evaluate.small && evaluate.ttc && evaluate.samples == 4 && evaluate.tau.abs() < 1e-300);
        assert_eq!(parse("--help")?.job, Job::Help);
        assert_eq!(parse("train --help")?.job, Job::Help);
        Ok(())
    }

    #[test]
    fn mistakes_are_named() {
        for (line, expected) in [
            ("trian", "`trian` is no command: use `train` or `evaluate`, or none"),
            ("--samples 3", "`--samples` is no option here"),
            ("train extra", "`extra` is no option here"),
            ("--seed", "--seed needs a value"),
            ("--seed x", "--seed needs a number, not `x`"),
            ("--fail it", "--fail takes `train` or `eval`, not `it`"),
            ("evaluate --beams 0", "--beams must be at least 1"),
            ("evaluate --tau -1", "--tau must be at least 0, not `-1`"),
            ("evaluate --tau nan", "--tau must be at least 0, not `nan`"),
        ] {
            assert_eq!(parse(line).map(|_| ()), Err(expected.to_owned()));
        }
    }
}
