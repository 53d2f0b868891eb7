//! Settings of the access to a server.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::error::{Error, Result};
use super::worker::Worker;
use super::{Api, Inner, path};
use crate::settings::Sources;
use crate::upload::server::{Address, Credential, Key};
use crate::upload::{Access, Client, Failure};

/// How often a request is tried again if no setting says so: whoever reads waits for it, unlike an upload.
const RETRIES: u32 = 4;

/// Access to a server that is being set up. What it does not set comes from environment, settings files and netrc.
///
/// ```no_run
/// use std::time::Duration;
/// use ups_track::api::Api;
///
/// let api = Api::builder()
///     .base_url("https://wandb.example.org")
///     .entity("my-team")
///     .timeout(Duration::from_secs(10))
///     .build()?;
/// # Ok::<(), ups_track::api::Error>(())
/// ```
#[derive(Debug, Default, Clone)]
#[must_use = "nothing is set up until `build` is called"]
pub struct ApiBuilder {
    base_url: Option<String>,
    key: Option<Given>,
    entity: Option<String>,
    project: Option<String>,
    timeout: Option<Duration>,
    retries: Option<u32>,
    wait: Option<(Duration, Duration)>,
}

/// A key that nobody prints.
#[derive(Clone)]
struct Given(String);

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

impl ApiBuilder {
    /// The server: before `WANDB_BASE_URL`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The API key: before `WANDB_API_KEY` and netrc.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(Given(key.into()));
        self
    }

    /// The entity of queries that name none: before `WANDB_ENTITY`.
    pub fn entity(mut self, entity: impl Into<String>) -> Self {
        self.entity = Some(entity.into());
        self
    }

    /// The project of queries that name none: before `WANDB_PROJECT`.
    pub fn project(mut self, project: impl Into<String>) -> Self {
        self.project = Some(project.into());
        self
    }

    /// How long one attempt may take: before `WANDB_X_GRAPHQL_TIMEOUT_SECONDS`; 30 s if nothing is set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How often a request that failed is tried again: before `WANDB_X_GRAPHQL_RETRY_MAX`; 4 times if nothing is set.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// The shortest and the longest wait before a request is tried again: before
    /// `WANDB_X_GRAPHQL_RETRY_WAIT_MIN_SECONDS` and `…_MAX_SECONDS`; 2 s, doubled each time, and 60 s if nothing is set.
    pub fn retry_wait(mut self, shortest: Duration, longest: Duration) -> Self {
        self.wait = Some((shortest, longest));
        self
    }

    /// Sets up the access. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::NoKey`] if there is no API key, [`Error::Setting`] if a setting or the key's form is bad.
    pub fn build(self) -> Result<Api> {
        self.clone().find().map_err(|failure| Error::of(failure, "settings")).and_then(|(access, client)| {
            let entity = self.entity.or(access.entity);
            let project = self.project.or(access.project);
            for (what, name) in [("entity", &entity), ("project", &project)] {
                name.as_deref().map_or(Ok(()), |name| path::check(what, name, name))?;
            }
            let worker = Worker::start(client).map_err(|failure| Error::of(failure, "settings"))?;
            let entity = entity.map_or_else(OnceLock::new, OnceLock::from);
            Ok(Api(Arc::new(Inner { worker, address: access.address, entity, project })))
        })
    }

    fn find(self) -> Result<(Access, Client), Failure> {
        let mut sources = Sources::process();
        if let Some(url) = &self.base_url {
            Address::new(url, "`Api::builder().base_url(..)`", None)?;
            sources.set("WANDB_BASE_URL", url);
        }
        let (access, key) = match &self.key {
            None => {
                let access = Access::find(&mut sources)?;
                let key = access.key()?.clone();
                (access, key)
            }
            Some(Given(key)) => {
                let from = || "`Api::builder().api_key(..)`".to_owned();
                let key = Key::new(key).map_err(|rule| Failure::KeyForm { from: from(), rule })?;
                (Access::find_without_key(&mut sources)?, Credential::Key(key))
            }
        };
        self.set_policy(&mut sources);
        let client = Client::new(&access.address, &key, &sources)?;
        Ok((access, client))
    }

    /// Puts what was given in place of the settings for requests, and our own default.
    fn set_policy(&self, sources: &mut Sources) {
        let seconds = |time: Duration| time.as_secs_f64().to_string();
        if let Some(timeout) = self.timeout {
            sources.set("WANDB_X_GRAPHQL_TIMEOUT_SECONDS", seconds(timeout));
        }
        // Files come from the storage, with the same patience.
        for endpoint in ["graphql", "file_transfer"] {
            let setting = |what: &str| format!("x_{endpoint}_retry_{what}");
            let variable = |what: &str| format!("WANDB_{}", setting(what).to_ascii_uppercase());
            let unset = sources.find(None, &[&variable("max")], &setting("max")).is_none();
            if let Some(retries) = self.retries.or(unset.then_some(RETRIES)) {
                sources.set(&variable("max"), retries.to_string());
            }
            if let Some((shortest, longest)) = self.wait {
                sources.set(&variable("wait_min_seconds"), seconds(shortest));
                sources.set(&variable("wait_max_seconds"), seconds(longest));
            }
        }
    }
}
