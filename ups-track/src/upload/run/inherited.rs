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

    /// Takes over what a resumed run had besides, where this one says nothing.
    pub(crate) fn resume(&mut self, past: &Past) {
        if self.run.tags.is_empty() {
            self.run.tags = past.tags.clone().unwrap_or_default();
        }
        if self.run.notes.is_empty() {
            self.run.notes = past.notes.clone().unwrap_or_default();
        }
    }
}
