//! What describes a run: names, tags, config, summary, definitions, telemetry, environment.

use std::collections::BTreeMap;

use prost::Message;
use serde_json::{Map, Value, json};

use super::Tree;
use super::changes::Change;
use super::definitions::Definitions;
use super::environment::Environment;
use super::telemetry::{RawTelemetry, RunTelemetry};
use crate::log::record::{Config, Kind, Run, Summary};
use crate::upload::server::Target;

/// A record of which only what must go along whole is looked at.
#[derive(Clone, PartialEq, Message)]
struct Whole {
    #[prost(message, optional, tag = "11")]
    telemetry: Option<RawTelemetry>,
    #[prost(message, optional, tag = "17")]
    run: Option<RunTelemetry>,
    #[prost(message, optional, tag = "26")]
    environment: Option<Environment>,
}

/// The description so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Described {
    pub(crate) run: Run,
    pub(crate) config: Tree,
    pub(crate) summary: Tree,
    pub(super) definitions: Definitions,
    telemetry: RawTelemetry,
    environment: Option<Environment>,
    /// Under which name the environment stands in the config, if no record says.
    writer: String,
    /// Where the run branches off, until the server knows: W&B's client tells it once.
    pub(crate) branch: Option<Value>,
    /// The step of the last row that the run had on the server.
    pub(super) step_before: i64,
    /// What the caller wants to be other than the log says.
    pub(crate) changes: Changes,
    /// Records that describe, so far.
    pub(super) records: u64,
    /// Whether the log is that of a process that writes into another's run.
    pub(crate) is_member: bool,
    /// What people have changed of the config since an earlier log of the run.
    pub(super) edited: Vec<Change>,
    /// What the other writers of the run have said of themselves, in the place that W&B keeps in the config.
    pub(super) others: BTreeMap<String, String>,
}

/// Where a run branches off.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) run: String,
    pub(crate) step: i64,
}

/// What is sent other than the log says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    pub(crate) job_type: Option<String>,
    /// Tags and what they are replaced by.
    pub(crate) tags: Vec<(String, String)>,
}

impl Changes {
    /// The tags with the replaced ones, each once.
    pub(super) fn tags(&self, recorded: &[String]) -> Vec<String> {
        let mut tags: Vec<String> = Vec::new();
        for tag in recorded {
            let replaced = self.tags.iter().find(|(old, _)| old == tag).map_or(tag, |(_, new)| new);
            if !tags.contains(replaced) {
                tags.push(replaced.clone());
            }
        }
        tags
    }
}

impl Described {
    pub(crate) fn new() -> Self {
        Self { writer: crate::os::id::generate(), step_before: -1, ..Self::default() }
    }

    /// Takes over a record that describes; `raw` are its bytes.
    pub(crate) fn take(&mut self, kind: Kind, raw: &[u8]) {
        self.records += u64::from(!matches!(kind, Kind::Summary(_)));
        match kind {
            Kind::Run(run) => {
                self.update(*run);
                self.take_whole(raw);
            }
            Kind::Telemetry(_) | Kind::Environment(_) => self.take_whole(raw),
            Kind::Config(config) => self.take_config(&config),
            Kind::Summary(summary) => self.take_summary(&summary),
            Kind::Metric(metric) => self.definitions.take(metric),
            _ => {}
        }
    }

    fn take_whole(&mut self, raw: &[u8]) {
        // The record was decoded before; what these messages call an error is left out.
        let Ok(whole) = Whole::decode(raw) else { return };
        for telemetry in whole.telemetry.into_iter().chain(whole.run.and_then(|run| run.telemetry)) {
            self.telemetry.merge_later(telemetry);
        }
        if let Some(environment) = whole.environment {
            self.environment.get_or_insert_default().merge_later(&environment);
        }
    }

    fn take_config(&mut self, config: &Config) {
        for item in &config.update {
            self.config.merge(item);
        }
        for item in &config.remove {
            self.config.remove(item);
        }
        self.keep_edited();
    }

    fn take_summary(&mut self, summary: &Summary) {
        for item in &summary.update {
            self.summary.put(item);
        }
        for item in &summary.remove {
            self.summary.remove(item);
        }
    }

    /// Takes over what a run record says; empty fields say nothing.
    fn update(&mut self, new: Run) {
        // A later record repeats the config with which the run began.
        if let (Some(config), true) = (&new.config, self.run.run_id.is_empty()) {
            self.take_config(config);
        }
        let own = &mut self.run;
        for (own, new) in [
            (&mut own.run_id, new.run_id),
            (&mut own.entity, new.entity),
            (&mut own.project, new.project),
            (&mut own.run_group, new.run_group),
            (&mut own.job_type, new.job_type),
            (&mut own.display_name, new.display_name),
            (&mut own.notes, new.notes),
            (&mut own.sweep_id, new.sweep_id),
            (&mut own.host, new.host),
        ] {
            if !new.is_empty() {
                *own = new;
            }
        }
        if !new.tags.is_empty() {
            own.tags = new.tags;
        }
        own.starting_step = own.starting_step.max(new.starting_step);
        own.start_time = own.start_time.or(new.start_time);
        own.runtime = own.runtime.max(new.runtime);
        own.git = new.git.or(own.git.take());
        own.branch_point = own.branch_point.take().or(new.branch_point);
        own.resume |= new.resume;
    }

    /// The step from which the run branches off, another one (a fork) or itself (a rewind).
    pub(crate) fn branch(&mut self) -> Option<Branch> {
        let branch = self.run.branch_point.clone()?;
        #[expect(clippy::cast_possible_truncation, reason = "a row number")]
        let step = branch.value as i64;
        self.run.starting_step = self.run.starting_step.max(step.saturating_add(1));
        self.branch = Some(json!({"run_id": branch.run, "step": step}));
        Some(Branch { run: branch.run, step })
    }

    /// Sets the summary's step, which is that of the run's last row, of whichever log.
    pub(crate) fn step(&mut self, last: i64) {
        self.summary.set(&["_step"], &last.max(self.step_before).to_string());
    }

    /// What W&B keeps in the config.
    pub(super) fn internal(&self) -> Tree {
        let mut internal = Tree::default();
        let mut own = |key: &str, value: &str| internal.set(&["_wandb", key], value);
        let of_owner = |key: &str| self.others.get(key).filter(|_| self.is_member);
        for (key, version) in
            [("cli_version", &self.telemetry.cli_version), ("python_version", &self.telemetry.python_version)]
        {
            match of_owner(key) {
                Some(theirs) => own(key, theirs),
                None if version.is_empty() => {}
                None => own(key, &json!(version).to_string()),
            }
        }
        match of_owner("t") {
            Some(theirs) => own("t", theirs),
            None => own("t", &self.telemetry.encode().to_string()),
        }
        own("m", &self.definitions.encode().to_string());
        if let (Some(environment), Some(writer)) = (&self.environment, self.environment_writer()) {
            let environment = serde_json::to_string(environment).unwrap_or_default();
            internal.set(&["_wandb", "e", writer], &environment);
        }
        internal
    }

    /// The config with all that W&B keeps in it.
    pub(crate) fn full_config(&self) -> Tree {
        let mut config = self.config.clone();
        let mut internal = String::new();
        self.internal().write(&mut internal);
        let below = |json: &str| -> Vec<(String, String)> {
            let entries = crate::json::entries(json).unwrap_or_default();
            entries.into_iter().map(|(key, value)| (key, value.to_owned())).collect()
        };
        for (key, value) in below(&internal).into_iter().flat_map(|(_, entries)| below(&entries)) {
            if key == "e" {
                let environments = below(&value);
                environments.iter().for_each(|(writer, value)| config.set(&["_wandb", "e", writer], value));
            } else {
                config.set(&["_wandb", &key], &value);
            }
        }
        if let Some(branch) = &self.branch {
            config.set(&["_wandb", "branch_point"], &branch.to_string());
        }
        for (writer, environment) in self.others.get("e").map(|e| below(e)).unwrap_or_default() {
            config.add_missing(&["_wandb", "e", &writer], &environment);
        }
        config
    }

    /// The program that the run says it is; empty if it does not.
    pub(super) fn program(&self) -> &str {
        self.environment.as_ref().map_or("", |environment| environment.program.as_str())
    }

    /// Under which name the environment stands in the config, if it does.
    pub(super) fn environment_writer(&self) -> Option<&str> {
        let writer = self.environment.as_ref()?.writer();
        Some(if writer.is_empty() { &self.writer } else { writer })
    }

    /// `wandb-metadata.json`, if anything is known of the machine.
    pub(crate) fn metadata(&self) -> Option<String> {
        serde_json::to_string_pretty(self.environment.as_ref()?).ok()
    }

    /// `config.yaml`.
    pub(crate) fn config_yaml(&self) -> String {
        let mut config = Map::new();
        for (key, json) in self.full_config().entries() {
            let json = crate::json::standard(&json).unwrap_or_default();
            // What is nested too deep to be read is there as text.
            let value = serde_json::from_str(&json).unwrap_or_else(|_| Value::String(json.into_owned()));
            config.insert(key.to_owned(), value);
        }
        crate::settings::config_yaml(&config)
    }
}

/// How a run is named to the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) storage_id: Option<&'a str>,
    pub(crate) entity: Option<&'a str>,
    pub(crate) project: Option<&'a str>,
    pub(crate) run: &'a str,
}

impl<'a> Names<'a> {
    /// The names that the server gave.
    pub(crate) fn known(storage_id: &'a str, target: &'a Target) -> Self {
        let Target { entity, project, run } = target;
        Self { storage_id: Some(storage_id), entity: Some(entity), project: Some(project), run }
    }
}
