//! One run, as the server has it.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::error::{Error, Result};
use super::{Api, History, RunFiles, Values, lenient, queries};

/// A run as it was when it was read. History and files are asked for when they are wanted.
///
/// Names and texts are those of the server: clean them before they go to a terminal.
#[derive(Debug, Clone)]
pub struct Run {
    api: Api,
    entity: String,
    project: String,
    node: Box<Node>,
    config: Values,
    summary: Values,
}

/// A person, of a run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// The name.
    #[serde(default)]
    pub name: Option<String>,
    /// The name that entities and addresses have.
    #[serde(default)]
    pub username: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    id: Option<String>,
    name: String,
    display_name: Option<String>,
    state: Option<String>,
    tags: Option<Vec<String>>,
    group: Option<String>,
    job_type: Option<String>,
    created_at: Option<String>,
    heartbeat_at: Option<String>,
    description: Option<String>,
    notes: Option<String>,
    commit: Option<String>,
    sweep_name: Option<String>,
    history_line_count: Option<u64>,
    user: Option<User>,
    config: Option<Value>,
    summary_metrics: Option<Value>,
}

/// Keys of the config that are W&B's own.
const INTERNAL: [&str; 2] = ["_wandb", "wandb_version"];

/// A run in an answer, or none.
#[derive(Deserialize)]
struct Holder<T> {
    run: Option<T>,
}

impl Run {
    pub(super) fn new(api: &Api, entity: &str, project: &str, mut node: Node) -> Result<Self> {
        let what = format!("run `{entity}/{project}/{}`", super::error::shown(&node.name));
        let read = |part: &str, found: Option<Value>| {
            let name = format!("the {part} of {what}");
            match lenient::object(found) {
                Ok(values) => Ok((name, values)),
                Err(reason) => Err(Error::answer(&name, &reason)),
            }
        };
        let (config_name, config) = read("config", node.config.take())?;
        let (summary_name, summary) = read("summary", node.summary_metrics.take())?;
        Ok(Self {
            api: api.clone(),
            entity: entity.to_owned(),
            project: project.to_owned(),
            node: Box::new(node),
            config: Values::new(&config_name, unwrapped(config)),
            summary: Values::new(&summary_name, summary),
        })
    }

    pub(super) fn load(api: &Api, entity: String, project: String, run: String) -> Result<Self> {
        let named = Named { api: api.clone(), entity, project, run };
        let node = named.ask("a run", ("Run", queries::RUN), Map::new())?;
        Self::new(api, &named.entity, &named.project, node)
    }

    /// The run's id, unique in its project.
    pub fn id(&self) -> &str {
        &self.node.name
    }

    /// The name for people; the id if it has none.
    pub fn name(&self) -> &str {
        self.node.display_name.as_deref().unwrap_or(&self.node.name)
    }

    /// The user or team that owns the project.
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// The project.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The opaque id that the server gives to every object.
    pub fn storage_id(&self) -> Option<&str> {
        self.node.id.as_deref()
    }

    /// `running`, `finished`, `failed`, `crashed`, `killed`, `preempting`, `preempted` or `pending`; empty if the server
    /// does not tell.
    pub fn state(&self) -> &str {
        self.node.state.as_deref().unwrap_or_default()
    }

    /// The tags.
    pub fn tags(&self) -> &[String] {
        self.node.tags.as_deref().unwrap_or_default()
    }

    /// The group.
    pub fn group(&self) -> Option<&str> {
        self.node.group.as_deref().filter(|group| !group.is_empty())
    }

    /// The job type.
    pub fn job_type(&self) -> Option<&str> {
        self.node.job_type.as_deref().filter(|job_type| !job_type.is_empty())
    }

    /// When it was created: ISO 8601, in UTC.
    pub fn created_at(&self) -> Option<&str> {
        self.node.created_at.as_deref()
    }

    /// When the server last heard of it: ISO 8601, in UTC.
    pub fn heartbeat_at(&self) -> Option<&str> {
        self.node.heartbeat_at.as_deref()
    }

    /// The notes.
    pub fn notes(&self) -> Option<&str> {
        self.node.notes.as_deref().filter(|notes| !notes.is_empty())
    }

    /// The description, which older clients set where newer ones set notes.
    pub fn description(&self) -> Option<&str> {
        self.node.description.as_deref().filter(|description| !description.is_empty())
    }

    /// The git commit.
    pub fn commit(&self) -> Option<&str> {
        self.node.commit.as_deref().filter(|commit| !commit.is_empty())
    }

    /// The id of the sweep that it belongs to.
    pub fn sweep(&self) -> Option<&str> {
        self.node.sweep_name.as_deref().filter(|sweep| !sweep.is_empty())
    }

    /// How many rows its history has.
    pub fn history_line_count(&self) -> Option<u64> {
        self.node.history_line_count
    }

    /// Who made it.
    pub fn user(&self) -> Option<&User> {
        self.node.user.as_ref()
    }

    /// The address of its page.
    pub fn url(&self) -> String {
        self.api.0.address.run_page(&self.entity, &self.project, self.id())
    }

    /// The config, without what W&B's clients say about themselves in it.
    pub fn config(&self) -> &Values {
        &self.config
    }

    /// The summary. `_step`, `_runtime` (seconds), `_timestamp` and `_wandb` are the clients' own.
    pub fn summary(&self) -> &Values {
        &self.summary
    }

    /// The history, exact: every row that was logged.
    pub fn history(&self) -> History {
        History::new(self.named())
    }

    /// At most so many rows of the history, chosen by the server, with these keys and `_step`; with no keys, whole rows.
    ///
    /// Like W&B's other readers, the server gives only rows that have all of the keys.
    ///
    /// # Errors
    ///
    /// As [`Api::run`].
    pub fn sampled_history<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        samples: u32,
    ) -> Result<Vec<Values>> {
        super::history::sampled(&self.named(), &super::history::with_step(keys), samples)
    }

    /// The files.
    pub fn files(&self) -> RunFiles {
        RunFiles::new(self.named())
    }

    /// The run as it is now.
    ///
    /// # Errors
    ///
    /// As [`Api::run`].
    pub fn reload(&self) -> Result<Self> {
        Self::load(&self.api, self.entity.clone(), self.project.clone(), self.id().to_owned())
    }

    fn named(&self) -> Named {
        Named {
            api: self.api.clone(),
            entity: self.entity.clone(),
            project: self.project.clone(),
            run: self.id().to_owned(),
        }
    }
}

/// Takes the values of a config out of their wrapping: `{"lr": {"value": 0.1}}` is `{"lr": 0.1}`.
fn unwrapped(config: Map<String, Value>) -> Map<String, Value> {
    let own = config.into_iter().filter(|(key, _)| !INTERNAL.contains(&key.as_str()));
    own.map(|(key, mut value)| match value.get_mut("value").map(Value::take) {
        Some(value) => (key, value),
        None => (key, value),
    })
    .collect()
}

/// What names a run on a server, and the way to it.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) api: Api,
    pub(super) entity: String,
    pub(super) project: String,
    pub(super) run: String,
}

impl Named {
    /// For messages.
    pub(super) fn what(&self) -> String {
        format!("run `{}/{}/{}`", self.entity, self.project, super::error::shown(&self.run))
    }

    /// Asks an operation about the run.
    pub(super) fn ask<T: DeserializeOwned + Send + 'static>(
        &self,
        what: &'static str,
        operation: (&'static str, &'static str),
        variables: Map<String, Value>,
    ) -> Result<T> {
        let mut all = variables;
        // Operations of W&B's core and of its Python client call it differently.
        let run = if operation.1.contains("$run:") { "run" } else { "name" };
        for (name, value) in [("entity", &self.entity), ("project", &self.project), (run, &self.run)] {
            all.insert(name.to_owned(), json!(value));
        }
        let holder: Holder<T> = self.api.ask(what, &self.what(), operation, all.into())?;
        holder.run.ok_or_else(|| self.api.not_found(&self.what()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_unwrapped() {
        let config = json!({
            "lr": {"value": 0.1, "desc": null}, "value": {"value": {"value": 1}}, "odd": 7, "null": {"value": null},
            "_wandb": {"value": {"t": {}}}, "wandb_version": 1,
        });
        let Value::Object(config) = config else { unreachable!("it is an object") };
        assert_eq!(
            Value::Object(unwrapped(config)),
            json!({"lr": 0.1, "value": {"value": 1}, "odd": 7, "null": null})
        );
    }
}
