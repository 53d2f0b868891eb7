//! Instrumentation toolkit that puts a Rust training program on Weights & Biases (W&B).

extern crate self as ups_track;

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod ends;
mod error;
mod kinds;
mod layer;
mod ledger;
pub mod log;
mod recorder;
mod run;
mod say;
mod secrets;
mod settings;
mod subscriber;
mod sys;
#[cfg(feature = "test-util")]
pub mod testing;

pub use error::{Error, Result};
pub use kinds::alert::{Alert, AlertLevel};
pub use kinds::config::{ConfigValue, RunConfig};
pub use kinds::file::FilePolicy;
pub use kinds::key::{Key, KeyFault};
pub use kinds::metric::{MetricField, MetricValue, Metrics, Number};
pub use kinds::scalar::Scalar;
pub use kinds::summary::{EvalSummary, Goal, SummaryField, SummaryOutput, SummaryValue};
pub use layer::{Interested, Layer, Recording, layer};
pub use recorder::Stream;
pub use run::{Finished, MetricDefinition, Run, RunBuilder, RunGuard};
pub use settings::{Mode, Resume};
pub use ups_track_macros::{
    EvalSummary, Metrics, RunConfig, alert, config, eval_summary, file, main, metric, summary, track_stage,
};

/// Starts the global run from the environment, with a subscriber and handlers: for programs that have none.
///
/// # Errors
///
/// As [`RunBuilder::init`].
pub fn init() -> Result<RunGuard> {
    Run::builder().init()
}
