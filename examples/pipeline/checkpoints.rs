//! The best model of each stage, on disk for the evaluation.

use std::error::Error;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use ups_track::file;
use ups_track_examples::checkpoint;

pub(crate) const OPERATOR: &str = "operator.json";
pub(crate) const RESIDUAL: &str = "diffusion_residual.json";
pub(crate) const CONSISTENCY: &str = "consistency_distill.json";
pub(crate) const PRIOR: &str = "steady_prior.json";

/// Keeps the model with the lowest validation value.
pub(crate) struct Best<M> {
    path: PathBuf,
    value: f64,
    model: Option<M>,
}

impl<M: Clone + Serialize> Best<M> {
    pub(crate) fn new(out: &Path, name: &str) -> Self {
        Self { path: out.join(name), value: f64::INFINITY, model: None }
    }

    /// Saves `model` if its `value` is the lowest so far.
    pub(crate) fn offer(&mut self, value: f64, model: &M) -> std::io::Result<()> {
        if value < self.value {
            checkpoint::save(model, &self.path)?;
            self.value = value;
            self.model = Some(model.clone());
        }
        Ok(())
    }

    /// The best model, whose checkpoint goes with the run.
    pub(crate) fn take(self) -> Result<M, Box<dyn Error>> {
        let model = self.model.ok_or("the training diverged: no validation gave a number")?;
        file!(&self.path, policy = now);
        Ok(model)
    }
}

/// Reads a checkpoint of a training before.
pub(crate) fn load<M: DeserializeOwned>(out: &Path, name: &str) -> Result<M, Box<dyn Error>> {
    checkpoint::load(out.join(name)).map_err(|error| format!("{error}; `pipeline train` writes it").into())
}
