//! The GraphQL operations that an upload needs.

#[cfg(feature = "cli")]
use std::collections::BTreeMap;

use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::features::Features;
use super::history::{Row, last_of, step_of};
use super::target::Target;
use crate::log::record::Alert;
use crate::upload::Failure;
use crate::upload::transport::{Asked, Endpoint};

/// Bytes that an answer may have: a config and the tails of streams are in it.
const LIMIT: usize = 32 * 1024 * 1024;

/// All operations of an upload, for the test that compares them with those of W&B's client.
#[cfg(feature = "test-util")]
pub(crate) const ALL: [&str; 10] =
    [UPSERT, STATUS, STATE, REWIND, ON_SERVER, VIEWER, FEATURES, FILES, ALERT, super::history::HISTORY_PAGE];

const UPSERT: &str = "mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String, \
$groupName: String, $description: String, $displayName: String, $notes: String, $commit: String, \
$config: JSONString, $host: String, $debug: Boolean, $program: String, $repo: String, $jobType: String, \
$state: String, $sweep: String, $tags: [String!], $summaryMetrics: JSONString) { \
upsertBucket(input: {id: $id, name: $name, groupName: $groupName, modelName: $project, entityName: $entity, \
description: $description, displayName: $displayName, notes: $notes, config: $config, commit: $commit, \
host: $host, debug: $debug, jobProgram: $program, jobRepo: $repo, jobType: $jobType, state: $state, \
sweep: $sweep, tags: $tags, summaryMetrics: $summaryMetrics}) { \
bucket { id name project { name entity { name } } historyLineCount } inserted } }";

const STATUS: &str = "query RunResumeStatus($project: String, $entity: String, $name: String!) { \
model(name: $project, entityName: $entity) { id name entity { id name } \
bucket(name: $name, missingOk: true) { id name summaryMetrics displayName logLineCount historyLineCount \
eventsLineCount historyTail eventsTail config tags notes wandbConfig(keys: [\"t\"]) } } }";

const STATE: &str = "query Run($project: String!, $entity: String!, $name: String!) { \
project(name: $project, entityName: $entity) { run(name: $name) { state } } }";

const REWIND: &str = "mutation RewindRun($runName: String!, $entity: String, $project: String, $metricName: String!, \
$metricValue: Float!) { rewindRun(input: {runName: $runName, entityName: $entity, projectName: $project, \
metricName: $metricName, metricValue: $metricValue}) { rewoundRun { id name config historyLineCount } } }";

const ON_SERVER: &str = "query RunFiles($project: String!, $entity: String!, $name: String!, $fileLimit: Int = 50, \
$fileNames: [String] = []) { project(name: $project, entityName: $entity) { run(name: $name) { \
files(names: $fileNames, first: $fileLimit) { edges { node { name sizeBytes } } } } } }";

const VIEWER: &str = "query Viewer { viewer { id entity username email } }";

const FEATURES: &str = "query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }";

const FILES: &str = "mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) { \
createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) { \
runID uploadHeaders files { name uploadUrl } } }";

const ALERT: &str = "mutation NotifyScriptableRunAlert($entityName: String!, $projectName: String!, $runName: String!, \
$title: String!, $text: String!, $severity: AlertSeverity = INFO, $waitDuration: Duration) { \
notifyScriptableRunAlert(input: {entityName: $entityName, projectName: $projectName, runName: $runName, \
title: $title, text: $text, severity: $severity, waitDuration: $waitDuration}) { success } }";

/// Whom a key belongs to.
#[derive(Debug, Deserialize)]
pub(crate) struct Viewer {
    pub(crate) entity: Option<String>,
    pub(crate) username: Option<String>,
}

/// A run as the server has it after it was created or updated.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) id: String,
    pub(crate) target: Target,
    pub(crate) inserted: bool,
}

/// What the server has of a run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Past {
    /// The entity, where the server told which one a query without one is for.
    #[serde(skip)]
    pub(crate) entity: Option<String>,
    pub(crate) id: String,
    pub(crate) display_name: Option<String>,
    pub(crate) history_line_count: Option<u64>,
    events_line_count: Option<u64>,
    pub(crate) log_line_count: Option<u64>,
    history_tail: Option<String>,
    events_tail: Option<String>,
    pub(crate) summary_metrics: Option<String>,
    pub(crate) config: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) notes: Option<String>,
    wandb_config: Option<String>,
}

impl Past {
    /// Whether this is a run, and not only a place for one: its config has telemetry.
    pub(crate) fn is_run(&self) -> bool {
        let config = self
            .wandb_config
            .as_deref()
            .and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
        config.is_some_and(|config| config.contains_key("t"))
    }

    /// The last row.
    pub(crate) fn last_row(&self) -> Option<Row> {
        last_of(self.history_tail.as_deref())
    }

    /// The last system metrics.
    pub(crate) fn last_event(&self) -> Option<Row> {
        last_of(self.events_tail.as_deref())
    }

    /// How many lines there are: history, system metrics, console.
    pub(crate) fn counts(&self) -> [u64; 3] {
        [self.history_line_count, self.events_line_count, self.log_line_count].map(Option::unwrap_or_default)
    }

    /// `_step` of the last row.
    pub(crate) fn last_step(&self) -> Option<i64> {
        step_of(&self.last_row()?)
    }

    /// The longest run time that the server knows of, in seconds.
    pub(crate) fn runtime(&self) -> f64 {
        let of = |row: Option<Row>| row?.get_mut("_runtime").map(Value::take);
        let (of_rows, of_events) = (of(self.last_row()), of(self.last_event()));
        let summary =
            self.summary_metrics.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let of_summary = summary.and_then(|summary| {
            let own = summary.pointer("/_wandb/runtime").or_else(|| summary.get("_runtime"));
            own.cloned()
        });
        [of_rows, of_events, of_summary].into_iter().flatten().filter_map(|v| v.as_f64()).fold(0.0, f64::max)
    }
}

/// A number of bytes, which some servers write as text.
#[cfg(feature = "cli")]
fn length<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(value)?;
    Ok(value.as_u64().or_else(|| value.as_str()?.parse().ok()))
}

/// Where the bytes of files go.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Granted {
    #[serde(default)]
    pub(crate) upload_headers: Vec<String>,
    pub(crate) files: Vec<GrantedFile>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GrantedFile {
    pub(crate) name: String,
    pub(crate) upload_url: Option<String>,
}

impl Client {
    /// Asks for one root field of an operation, and gives what stands there.
    pub(crate) async fn graphql<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        what: &'static str,
        (name, query): (&str, &str),
        variables: Value,
        root: &str,
    ) -> Result<T, Failure> {
        let server = || self.address().base().to_owned();
        let body = json!({"query": query, "variables": variables, "operationName": name});
        let asked = Asked { endpoint, what, limit: LIMIT };
        let body = body.to_string().into_bytes().into();
        let mut answer = self.json(asked, &["graphql"], HeaderMap::new(), body).await?;
        let errors = answer.get("errors").and_then(Value::as_array).into_iter().flatten();
        let messages: Vec<&str> = errors.filter_map(|error| error.get("message")?.as_str()).collect();
        if !messages.is_empty() {
            return Err(Failure::Refused {
                server: server(),
                what,
                message: self.shown(&messages.join("; ")),
            });
        }
        let found = answer.get_mut("data").and_then(|data| data.get_mut(root)).map(Value::take);
        serde_json::from_value(found.unwrap_or_default()).map_err(|e| Failure::Answer {
            server: server(),
            what,
            message: self.shown(&e.to_string()),
        })
    }

    /// Whose key this is.
    pub(crate) async fn viewer(&self) -> Result<Viewer, Failure> {
        let operation = ("Viewer", VIEWER);
        let found: Option<Viewer> =
            self.graphql(Endpoint::GraphQl, "who we are", operation, json!({}), "viewer").await?;
        // A server may also answer that nobody is there.
        found.ok_or_else(|| Failure::Key {
            server: self.address().base().to_owned(),
            message: "it belongs to nobody".to_owned(),
        })
    }

    /// What the server can do. It is asked once; one that does not answer can nothing.
    pub(crate) async fn features(&self) -> Features {
        *self.features.get_or_init(async || self.ask_features().await.unwrap_or_default()).await
    }

    async fn ask_features(&self) -> Result<Features, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Feature {
            name: String,
            is_enabled: bool,
        }
        #[derive(Deserialize)]
        struct Info {
            features: Vec<Feature>,
        }
        let operation = ("ServerFeaturesQuery", FEATURES);
        let info: Info =
            self.graphql(Endpoint::Features, "what it can do", operation, json!({}), "serverInfo").await?;
        let has = |name| info.features.iter().any(|feature| feature.is_enabled && feature.name == name);
        Ok(Features { gzip: has("FILESTREAM_GZIP"), structured_console: has("STRUCTURED_CONSOLE_LOGS") })
    }

    /// Creates or updates a run.
    pub(crate) async fn upsert(&self, variables: Value) -> Result<Bucket, Failure> {
        #[derive(Deserialize)]
        struct Name {
            name: String,
        }
        #[derive(Deserialize)]
        struct Project {
            name: String,
            entity: Name,
        }
        #[derive(Deserialize)]
        struct Inner {
            id: String,
            name: String,
            project: Project,
        }
        #[derive(Deserialize)]
        struct Answer {
            bucket: Inner,
            inserted: Option<bool>,
        }
        let operation = ("UpsertBucket", UPSERT);
        let Answer { bucket, inserted } =
            self.graphql(Endpoint::UpsertBucket, "the run", operation, variables, "upsertBucket").await?;
        Ok(Bucket {
            target: Target {
                entity: bucket.project.entity.name,
                project: bucket.project.name,
                run: bucket.name,
            },
            id: bucket.id,
            inserted: inserted.unwrap_or(false),
        })
    }

    /// What the server has of a run; none if it has nothing.
    pub(crate) async fn past(
        &self,
        entity: Option<&str>,
        project: Option<&str>,
        run: &str,
    ) -> Result<Option<Past>, Failure> {
        #[derive(Deserialize)]
        struct Entity {
            name: String,
        }
        #[derive(Deserialize)]
        struct Model {
            entity: Option<Entity>,
            bucket: Option<Past>,
        }
        let variables = json!({"project": project, "entity": entity, "name": run});
        let operation = ("RunResumeStatus", STATUS);
        let model: Option<Model> =
            self.graphql(Endpoint::GraphQl, "what it has of the run", operation, variables, "model").await?;
        Ok(model.and_then(|Model { entity, bucket }| {
            Some(Past { entity: entity.map(|entity| entity.name), ..bucket? })
        }))
    }

    /// How a run has ended, if it has: 0 if it finished, 1 if it failed. A server tells no other code.
    pub(crate) async fn ended(&self, entity: &str, project: &str, run: &str) -> Result<Option<i32>, Failure> {
        #[derive(Deserialize)]
        struct Run {
            state: Option<String>,
        }
        #[derive(Deserialize)]
        struct Project {
            run: Option<Run>,
        }
        let variables = json!({"project": project, "entity": entity, "name": run});
        let project: Option<Project> = self
            .graphql(Endpoint::GraphQl, "the state of the run", ("Run", STATE), variables, "project")
            .await?;
        let state = project.and_then(|project| project.run?.state);
        Ok(match state.as_deref() {
            Some("finished") => Some(0),
            Some("failed") => Some(1),
            _ => None,
        })
    }

    /// Takes a run back to a step: the rows behind it are gone.
    ///
    /// Gives the run as it is then.
    pub(crate) async fn rewind(
        &self,
        entity: Option<&str>,
        project: &str,
        run: &str,
        step: i64,
    ) -> Result<Past, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            rewound_run: Past,
        }
        let variables = json!({
            "runName": run, "entity": entity, "project": project, "metricName": "_step", "metricValue": step,
        });
        let operation = ("RewindRun", REWIND);
        let Answer { rewound_run } = self
            .graphql(Endpoint::GraphQl, "the rewind of the run", operation, variables, "rewindRun")
            .await?;
        Ok(rewound_run)
    }

    /// Those of some files that the server has, with their lengths.
    #[cfg(feature = "cli")]
    pub(crate) async fn files_there(
        &self,
        target: &Target,
        names: &[&str],
    ) -> Result<BTreeMap<String, u64>, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node {
            name: String,
            #[serde(default, deserialize_with = "length")]
            size_bytes: Option<u64>,
        }
        #[derive(Deserialize)]
        struct Edge {
            node: Node,
        }
        #[derive(Deserialize)]
        struct Files {
            edges: Vec<Edge>,
        }
        #[derive(Deserialize)]
        struct Run {
            files: Files,
        }
        #[derive(Deserialize)]
        struct Project {
            run: Option<Run>,
        }
        let Target { entity, project, run } = target;
        let variables = json!({
            "entity": entity, "project": project, "name": run, "fileNames": names, "fileLimit": names.len(),
        });
        let operation = ("RunFiles", ON_SERVER);
        let project: Option<Project> =
            self.graphql(Endpoint::GraphQl, "the files of the run", operation, variables, "project").await?;
        let edges = project.and_then(|project| project.run).map(|run| run.files.edges).unwrap_or_default();
        let lengths = edges.into_iter().filter_map(|Edge { node }| Some((node.name, node.size_bytes?)));
        Ok(lengths.collect())
    }

    /// Asks for places for files.
    pub(crate) async fn grant(&self, target: &Target, files: &[&str]) -> Result<Granted, Failure> {
        let Target { entity, project, run } = target;
        let variables = json!({"entity": entity, "project": project, "run": run, "files": files});
        let operation = ("CreateRunFiles", FILES);
        self.graphql(Endpoint::GraphQl, "places for files", operation, variables, "createRunFiles").await
    }

    /// Sends an alert.
    pub(crate) async fn alert(&self, target: &Target, alert: &Alert) -> Result<(), Failure> {
        let severity = match alert.level.as_str() {
            level @ ("WARN" | "ERROR") => level,
            _ => "INFO",
        };
        let variables = json!({
            "entityName": target.entity, "projectName": target.project, "runName": target.run,
            "title": alert.title, "text": alert.text, "severity": severity, "waitDuration": alert.wait_duration,
        });
        let operation = ("NotifyScriptableRunAlert", ALERT);
        self.graphql::<Value>(Endpoint::GraphQl, "an alert", operation, variables, "notifyScriptableRunAlert")
            .await
            .map(drop)
    }
}
