//! The attributes.

// `async_trait` needs it.
use ::std::boxed::Box;
use ::std::result::Result::{Err, Ok};
use ::std::string::String;

use crate::kinds::{Scores, Shifted};

/// Nothing comes back.
#[::ups_track::track_stage("unit")]
pub fn unit() {}

/// A `Result`, with every option.
///
/// # Errors
///
/// If told to.
#[::ups_track::track_stage(
    "all/options",
    best(loss = "min", "val/acc" = "max"),
    summary(loss = "min,mean"),
    step = "epoch",
    level = "debug",
    fields(host = "a", fails = fail),
    err,
    crate = ::ups_track
)]
pub fn all_options(fail: bool) -> ::std::result::Result<f64, String> {
    if fail {
        return Err(String::new());
    }
    let loss = 0.5;
    ::ups_track::metric!(step = 1, loss);
    Ok(loss)
}

/// Generic, with a bound and a number.
#[must_use]
#[::ups_track::track_stage("generic")]
pub fn generic<T, const N: usize>(values: [T; N]) -> [T; N]
where
    T: ::std::marker::Copy,
{
    values
}

/// `impl Trait` on both sides.
#[::ups_track::track_stage("opaque")]
pub fn opaque<'a>(
    values: impl ::std::iter::IntoIterator<Item = &'a u8> + 'a,
) -> impl ::std::iter::Iterator<Item = &'a u8> + 'a {
    ::std::iter::IntoIterator::into_iter(values)
}

/// A `Result` with `impl Trait` inside.
///
/// # Errors
///
/// Never.
#[::ups_track::track_stage("opaque_result")]
pub fn opaque_result(n: u8) -> ::std::result::Result<impl ::std::iter::Iterator<Item = u8>, String> {
    Ok(0..n)
}

/// Never comes back.
#[::ups_track::track_stage("never")]
pub fn never() -> ! {
    ::std::process::exit(3)
}

/// Methods.
#[derive(Debug, Clone)]
pub struct Trainer {
    losses: ::std::vec::Vec<f64>,
}

impl Trainer {
    /// Borrows from `self`.
    ///
    /// # Errors
    ///
    /// If there is none.
    #[::ups_track::track_stage("first", err)]
    pub fn first(&mut self) -> ::std::result::Result<&mut f64, &'static str> {
        self.losses.first_mut().ok_or("empty")
    }

    /// Consumes `self`.
    #[must_use]
    #[::ups_track::track_stage("into_losses")]
    pub fn into_losses(self) -> ::std::vec::Vec<f64> {
        self.losses
    }

    /// Borrows in a future.
    ///
    /// # Errors
    ///
    /// If there is none.
    #[::ups_track::track_stage("future_of_self")]
    pub async fn last(&self) -> ::std::result::Result<&f64, &'static str> {
        unit_later().await;
        self.losses.last().ok_or("empty")
    }
}

/// A trait with a function of its own.
pub trait Fit {
    /// Has a body.
    #[::ups_track::track_stage("default")]
    fn fit(&self) -> f64 {
        0.5
    }
}

impl Fit for Trainer {
    #[::ups_track::track_stage("fit")]
    fn fit(&self) -> f64 {
        1.5
    }
}

/// A trait with `async` functions.
#[::async_trait::async_trait]
pub trait FitLater {
    /// Has a body.
    #[::ups_track::track_stage("default_later")]
    async fn fit(&self) -> ::std::result::Result<f64, String>
    where
        Self: ::std::marker::Sync,
    {
        unit_later().await;
        Ok(0.5)
    }
}

#[::async_trait::async_trait]
impl FitLater for Trainer {
    #[::ups_track::track_stage("fit_later", err)]
    async fn fit(&self) -> ::std::result::Result<f64, String> {
        unit_later().await;
        Ok(1.5)
    }
}

/// A future of nothing.
#[::ups_track::track_stage("unit_later")]
pub async fn unit_later() {
    ::std::future::ready(()).await;
}

/// A future that never ends.
#[::ups_track::track_stage("never_later")]
pub async fn never_later() -> ! {
    loop {
        ::std::future::pending::<()>().await;
    }
}

/// A future in a box.
#[must_use]
#[::ups_track::track_stage("boxed")]
pub fn boxed<'a>(
    text: &'a str,
) -> ::std::pin::Pin<Box<dyn ::std::future::Future<Output = &'a str> + ::std::marker::Send + 'a>> {
    Box::pin(async move {
        unit_later().await;
        text
    })
}

/// Scores.
#[must_use]
#[::ups_track::eval_summary]
pub fn evaluate(scores: &Scores) -> Scores {
    ::std::clone::Clone::clone(scores)
}

/// Perhaps scores.
///
/// # Errors
///
/// If told to.
#[::ups_track::eval_summary(prefix = "eval/ttc", table, baseline = "entity/project/run", crate = ::ups_track)]
pub fn evaluate_or_fail(fail: bool) -> ::std::result::Result<Shifted, String> {
    if fail {
        return Err(String::new());
    }
    Ok(Shifted { accuracy: ::std::option::Option::None })
}

/// Scores later, in a stage.
#[::ups_track::track_stage("evaluation")]
#[::ups_track::eval_summary(prefix = "")]
pub async fn evaluate_later(scores: Shifted) -> ::std::option::Option<Shifted> {
    unit_later().await;
    ::std::option::Option::Some(scores)
}

/// A program.
pub mod program {
    /// Starts and ends the run.
    ///
    /// # Errors
    ///
    /// If there is no current directory.
    #[::ups_track::main(project = "p", tags = ["a"], subscriber = false)]
    pub fn main() -> ::std::result::Result<(), ::std::io::Error> {
        ::ups_track::config!(directory = ::std::env::current_dir()?);
        ::std::result::Result::Ok(())
    }
}
