//! What a log takes over from the run that the server has: of other logs of the run, or of the one that it goes on with.

use super::Described;
use super::definitions::Definitions;
use crate::upload::server::operations::Past;

/// What W&B keeps in the config under names that the logs of a run give.
const NAMED: [&str; 4] = ["viz", "visualize", "mask/class_labels", "bounding_box/class_labels"];

/// The entries of a JSON object in W&B's dialect.
fn object(text: Option<&str>) -> Vec<(String, String)> {
    let text = text.and_then(crate::json::dialect);
    let entries = text.as_deref().and_then(crate::json::entries).unwrap_or_default();
    entries.into_iter().map(|(key, value)| (key, value.to_owned())).collect()
}

impl Described {
    /// Takes over the config that the run has on the server, where the log says nothing.
    pub(crate) fn inherit_config(&mut self, past: &Past) {
        for (key, wrapped) in object(past.config.as_deref()) {
            let wrapped = crate::json::entries(&wrapped).unwrap_or_default();
            let value = wrapped.iter().find(|(name, _)| name == "value").map(|(_, value)| *value);
            match value {
                Some(internal) if key == "_wandb" => self.inherit_internal(internal),
                Some(value) => self.config.add_missing(&[&key], value),
                None => {}
            }
        }
    }

    /// Of what W&B keeps in the config, what other logs of the run have said stays, name by name: how metrics are
    /// defined, and what charts and class labels there are.
    fn inherit_internal(&mut self, internal: &str) {
        for (key, value) in crate::json::entries(internal).unwrap_or_default() {
            if key == "m" {
                self.definitions.lay_under(Definitions::decode(value));
            } else if NAMED.contains(&key.as_str()) {
                for (name, value) in crate::json::entries(value).unwrap_or_default() {
                    self.config.add_missing(&["_wandb", &key, &name], value);
                }
            }
        }
    }

    /// Takes over the summary that the run has on the server: what the log says later goes over it.
    pub(crate) fn inherit_summary(&mut self, past: &Past) {
        for (key, value) in object(past.summary_metrics.as_deref()) {
            if key == "_step" {
                self.step_before = value.parse().unwrap_or_default();
            }
            self.summary.add_missing(&[&key], &value);
        }
    }

    /// Takes over the definitions that others have added on the server meanwhile.
    pub(super) fn add_definitions(&mut self, past: &Past) {
        self.definitions.add_missing(past.definitions());
    }

    /// Whether the server does not have all definitions.
    pub(super) fn lacks_definitions(&self, past: &Past) -> bool {
        !self.definitions.are_in(&past.definitions())
    }

    /// The run has several writers: what the others have said of themselves stays.
    pub(crate) fn keep_others(&mut self, past: &Past) {
        self.others = past.internal_all().into_iter().collect();
    }
}

impl Past {
    /// The config without what W&B keeps in it, of each value as it is; none if the server told no config.
    pub(super) fn plain_config(&self) -> Option<String> {
        self.config.as_ref()?;
        let mut plain = String::from("{");
        for (key, wrapped) in object(self.config.as_deref()) {
            let wrapped = crate::json::entries(&wrapped).unwrap_or_default();
            if let Some((_, value)) = wrapped.iter().find(|(name, _)| name == "value" && key != "_wandb") {
                if plain.len() > 1 {
                    plain.push(',');
                }
                plain.push_str(&crate::json::quoted(&key));
                plain.push(':');
                plain.push_str(value);
            }
        }
        plain.push('}');
        Some(plain)
    }

    /// What W&B keeps in the config.
    fn internal_all(&self) -> Vec<(String, String)> {
        let entries = object(self.config.as_deref());
        let wrapped = entries.into_iter().find(|(key, _)| key == "_wandb").map(|(_, wrapped)| wrapped);
        let value = object(wrapped.as_deref()).into_iter().find(|(name, _)| name == "value");
        object(value.map(|(_, value)| value).as_deref())
    }

    fn definitions(&self) -> Definitions {
        let list = self.internal_all().into_iter().find(|(key, _)| key == "m");
        Definitions::decode(&list.map(|(_, list)| list).unwrap_or_default())
    }

    /// Whether a writer has told where it runs.
    pub(crate) fn knows_writer(&self, writer: &str) -> bool {
        let environments = self.internal_all().into_iter().find(|(key, _)| key == "e");
        object(environments.map(|(_, value)| value).as_deref()).iter().any(|(known, _)| known == writer)
    }

    /// What a person writes, if there is something.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = match name {
            "displayName" => self.display_name.as_deref(),
            "notes" => self.notes.as_deref(),
            _ => None,
        };
        text.filter(|text| !text.is_empty())
    }
}
