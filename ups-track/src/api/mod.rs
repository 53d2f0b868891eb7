//! Reading back what is on a W&B server: runs, their configs, summaries, histories and files.
//!
//! What a program wants to know of earlier runs: the best score so far, the config of the baseline, its loss curve.
//! The names are those of W&B's Python client (`wandb.Api`); values come as types of the program.
//!
//! ```no_run
//! use ups_track::api::{Api, Filter, Order};
//!
//! # fn main() -> Result<(), ups_track::api::Error> {
//! let api = Api::from_env()?;
//! // The newest finished run with the tag `baseline`.
//! let baseline = api
//!     .runs("my-team/universal-simulator")
//!     .filter(Filter::state("finished") & Filter::tag("baseline"))
//!     .order(Order::newest_first())
//!     .first()?;
//! if let Some(run) = baseline {
//!     let nrmse: f64 = run.summary().value("eval/nrmse")?;
//!     println!("{} has {nrmse}, with lr {}", run.name(), run.config().value::<f64>("lr")?);
//!     for row in run.history().keys(["operator/loss"]).rows()? {
//!         let loss: f64 = row?.value("operator/loss")?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Calls block the thread until the answer is there, and have a thread of their own that talks to the server: they may be
//! used in a program with an async runtime, where `spawn_blocking` is the place for them. What may pass is tried again, in
//! all for about half a minute if nothing else is set.
//!
//! Nothing here records anything, and nothing of it needs a run. Every answer has a largest size, and the key goes to the
//! server of the base URL and nowhere else.

mod builder;
mod error;
mod files;
mod filter;
mod history;
mod lenient;
mod order;
mod path;
mod queries;
mod run;
mod runs;
mod values;
mod worker;

use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use builder::ApiBuilder;
pub use error::{Error, Result};
pub use files::{RunFile, RunFiles};
pub use filter::{Filter, FilterField};
pub use history::{History, Rows};
pub use order::Order;
pub use run::{Run, User};
pub use runs::{Runs, RunsQuery};
pub use values::Values;

use crate::upload::server::Address;
use crate::upload::transport::Endpoint;
use crate::upload::{Client, Failure};
use path::{ProjectPath, RunPath};
use worker::Worker;

/// The texts of all GraphQL operations, for the test that compares them with those of W&B's client.
#[cfg(feature = "test-util")]
#[doc(hidden)]
#[must_use]
pub fn operations() -> Vec<&'static str> {
    [&queries::ALL[..], &crate::upload::server::operations::ALL[..]].concat()
}

/// Access to a W&B server, for reading. A clone is the same access.
#[derive(Debug, Clone)]
pub struct Api(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    worker: Worker,
    address: Address,
    entity: OnceLock<String>,
    project: Option<String>,
}

impl Api {
    /// Access with what environment, settings files and netrc say: `WANDB_API_KEY`, `WANDB_BASE_URL`, `WANDB_ENTITY`,
    /// `WANDB_PROJECT`, as everywhere. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// If there is no API key, or a setting is bad.
    pub fn from_env() -> Result<Self> {
        Self::builder().build()
    }

    /// Access with settings of its own.
    pub fn builder() -> ApiBuilder {
        ApiBuilder::default()
    }

    /// The runs of a project: `entity/project`, `project` of the default entity, the default project if it is empty, or
    /// the address of the project's page. What is wrong with it is told when the query is used.
    pub fn runs(&self, project: &str) -> RunsQuery {
        RunsQuery::new(self.clone(), project)
    }

    /// A run: `entity/project/run_id`, `project/run_id`, `run_id`, or the address of the run's page.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the server has no such run; otherwise as for every request: [`Error::WrongKey`],
    /// [`Error::Forbidden`], [`Error::Network`], [`Error::Refused`], [`Error::Answer`].
    ///
    /// ```no_run
    /// use ups_track::api::{Api, Error};
    ///
    /// # fn main() -> Result<(), Error> {
    /// match Api::from_env()?.run("my-team/universal-simulator/1a2b3c4d") {
    ///     Ok(run) => println!("{}: {}", run.name(), run.state()),
    ///     Err(Error::NotFound { .. }) => println!("no such run"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(&self, run: &str) -> Result<Run> {
        let RunPath { project, run } = RunPath::parse(run, self.0.address.app())?;
        let (entity, project) = self.place(project)?;
        Run::load(self, entity, project, run)
    }

    /// The entity of queries that name none: the given one, or that of the key.
    ///
    /// # Errors
    ///
    /// If the server has to be asked, as [`run`](Self::run).
    pub fn default_entity(&self) -> Result<&str> {
        if let Some(entity) = self.0.entity.get() {
            return Ok(entity);
        }
        let what = "the owner of the API key";
        let viewer = self.0.worker.run(async |client| client.viewer().await);
        let viewer = viewer.map_err(|failure| Error::of(failure, what))?;
        let entity = viewer.entity.or(viewer.username).filter(|entity| !entity.is_empty());
        let entity = entity.ok_or_else(|| {
            Error::argument(
                "entity",
                "",
                "is not set, and the API key has none; set WANDB_ENTITY, or write `entity/project`",
            )
        })?;
        Ok(self.0.entity.get_or_init(|| entity))
    }

    /// Entity and project, with defaults for what was not named.
    fn place(&self, path: ProjectPath) -> Result<(String, String)> {
        let project = path.project.or_else(|| self.0.project.clone()).ok_or_else(|| {
            Error::argument("project", "", "is not named; write `entity/project`, or set WANDB_PROJECT")
        })?;
        let entity = path.entity.map_or_else(|| self.default_entity().map(str::to_owned), Ok)?;
        Ok((entity, project))
    }

    /// The project in the answer to an operation. `target` is what is asked for, for messages.
    fn ask<T: DeserializeOwned + Send + 'static>(
        &self,
        what: &'static str,
        target: &str,
        operation: (&'static str, &'static str),
        variables: Value,
    ) -> Result<T> {
        let ask = async move |client: &Client| {
            client.graphql::<Option<T>>(Endpoint::GraphQl, what, operation, variables, "project").await
        };
        let found = self.work(target, ask)?;
        found.ok_or_else(|| self.not_found(target))
    }

    /// Has something done by the thread that talks to the server.
    fn work<T: Send + 'static>(
        &self,
        target: &str,
        work: impl AsyncFnOnce(&Client) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        self.0.worker.run(work).map_err(|failure| Error::of(failure, target))
    }

    fn not_found(&self, target: &str) -> Error {
        Error::NotFound { server: self.0.address.base().to_owned(), what: target.to_owned() }
    }
}
