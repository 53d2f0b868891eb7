//! The attributes.

use crate::kinds::{Scores, Shifted};

/// Nothing comes back.
#[tracker::track_stage("unit", crate = ::tracker)]
pub fn unit() {}

/// A `Result`, with every option.
///
/// # Errors
///
/// If told to.
#[tracker::track_stage(
    "all/options",
    best(loss = "min", "val/acc" = "max"),
    summary(loss = "min,mean"),
    step = "epoch",
    level = "debug",
    fields(host = "a", fails = fail),
    err,
    crate = ::tracker
)]
pub fn all_options(fail: bool) -> Result<f64, String> {
    if fail {
        return Err(String::new());
    }
    let loss = 0.5;
    tracker::metric!(crate = ::tracker, step = 1, loss);
    Ok(loss)
}

/// Generic, with a bound and a number.
#[must_use]
#[tracker::track_stage("generic", crate = ::tracker)]
pub fn generic<T, const N: usize>(values: [T; N]) -> [T; N]
where
    T: Copy,
{
    values
}

/// `impl Trait` on both sides.
#[tracker::track_stage("opaque", crate = ::tracker)]
pub fn opaque<'a>(values: impl IntoIterator<Item = &'a u8> + 'a) -> impl Iterator<Item = &'a u8> + 'a {
    IntoIterator::into_iter(values)
}

/// A `Result` with `impl Trait` inside.
///
/// # Errors
///
/// Never.
#[tracker::track_stage("opaque_result", crate = ::tracker)]
pub fn opaque_result(n: u8) -> Result<impl Iterator<Item = u8>, String> {
    Ok(0..n)
}

/// Never comes back.
#[tracker::track_stage("never", crate = ::tracker)]
pub fn never() -> ! {
    std::process::exit(3)
}

/// Methods.
#[derive(Debug, Clone)]
pub struct Trainer {
    losses: Vec<f64>,
}

impl Trainer {
    /// Borrows from `self`.
    ///
    /// # Errors
    ///
    /// If there is none.
    #[tracker::track_stage("first", err, crate = ::tracker)]
    pub fn first(&mut self) -> Result<&mut f64, &'static str> {
        self.losses.first_mut().ok_or("empty")
    }

    /// Consumes `self`.
    #[must_use]
    #[tracker::track_stage("into_losses", crate = ::tracker)]
    pub fn into_losses(self) -> Vec<f64> {
        self.losses
    }

    /// Borrows in a future.
    ///
    /// # Errors
    ///
    /// If there is none.
    #[tracker::track_stage("future_of_self", crate = ::tracker)]
    pub async fn last(&self) -> Result<&f64, &'static str> {
        unit_later().await;
        self.losses.last().ok_or("empty")
    }
}

/// A trait with a function of its own.
pub trait Fit {
    /// Has a body.
    #[tracker::track_stage("default", crate = ::tracker)]
    fn fit(&self) -> f64 {
        0.5
    }
}

impl Fit for Trainer {
    #[tracker::track_stage("fit", crate = ::tracker)]
    fn fit(&self) -> f64 {
        1.5
    }
}

/// A trait with `async` functions.
#[async_trait::async_trait]
pub trait FitLater {
    /// Has a body.
    #[tracker::track_stage("default_later", crate = ::tracker)]
    async fn fit(&self) -> Result<f64, String>
    where
        Self: Sync,
    {
        unit_later().await;
        Ok(0.5)
    }
}

#[async_trait::async_trait]
impl FitLater for Trainer {
    #[tracker::track_stage("fit_later", err, crate = ::tracker)]
    async fn fit(&self) -> Result<f64, String> {
        unit_later().await;
        Ok(1.5)
    }
}

/// A future of nothing.
#[tracker::track_stage("unit_later", crate = ::tracker)]
pub async fn unit_later() {
    std::future::ready(()).await;
}

/// A future that never ends.
#[tracker::track_stage("never_later", crate = ::tracker)]
pub async fn never_later() -> ! {
    loop {
        std::future::pending::<()>().await;
    }
}

/// A future in a box.
#[must_use]
#[tracker::track_stage("boxed", crate = ::tracker)]
pub fn boxed<'a>(text: &'a str) -> std::pin::Pin<Box<dyn Future<Output = &'a str> + Send + 'a>> {
    Box::pin(async move {
        unit_later().await;
        text
    })
}

/// Scores.
#[must_use]
#[tracker::eval_summary(crate = ::tracker)]
pub fn evaluate(scores: &Scores) -> Scores {
    Clone::clone(scores)
}

/// Perhaps scores.
///
/// # Errors
///
/// If told to.
#[tracker::eval_summary(prefix = "eval/ttc", table, baseline = "entity/project/run", crate = ::tracker)]
pub fn evaluate_or_fail(fail: bool) -> Result<Shifted, String> {
    if fail {
        return Err(String::new());
    }
    Ok(Shifted { accuracy: None })
}

/// Scores later, in a stage.
#[tracker::track_stage("evaluation", crate = ::tracker)]
#[tracker::eval_summary(prefix = "", crate = ::tracker)]
pub async fn evaluate_later(scores: Shifted) -> Option<Shifted> {
    unit_later().await;
    Some(scores)
}

/// A program.
pub mod program {
    /// Starts and ends the run.
    ///
    /// # Errors
    ///
    /// If there is no current directory.
    #[tracker::main(project = "p", tags = ["a"], subscriber = false, crate = ::tracker)]
    pub fn main() -> Result<(), std::io::Error> {
        tracker::config!(crate = ::tracker, directory = std::env::current_dir()?);
        Ok(())
    }
}
