//! Stages: the names under which metrics stand. A stage inside a stage joins both names with a slash.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::kinds::summary::Goal;

/// What a stage was given besides its name; the first span of a path decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StageOptions {
    /// The name of the step metric; `step` if not given.
    pub(crate) step: Option<String>,
    /// Metrics whose best row is kept.
    pub(crate) best: Vec<(String, Goal)>,
    /// Summary words per metric, such as `min,max,mean`.
    pub(crate) summary: Vec<(String, String)>,
}

/// One path of stages, such as `training/operator`. The root has the empty path: no stage.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Position in the run's list of stages; the root is 0.
    pub(crate) id: u32,
    pub(crate) path: String,
    pub(crate) options: StageOptions,
    children: Mutex<Vec<Arc<Stage>>>,
    ids: Arc<AtomicU32>,
}

impl Stage {
    pub(crate) fn root() -> Arc<Self> {
        Arc::new(Self {
            id: 0,
            path: String::new(),
            options: StageOptions::default(),
            children: Mutex::default(),
            ids: Arc::new(AtomicU32::new(1)),
        })
    }

    pub(crate) fn is_root(&self) -> bool {
        self.path.is_empty()
    }

    /// The stage `name` inside this one, and whether it is new.
    pub(crate) fn child(&self, name: &str, options: impl FnOnce() -> StageOptions) -> (Arc<Self>, bool) {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        let own = |child: &Arc<Self>| {
            let tail = if self.is_root() { Some(child.path.as_str()) } else { child.path.get(self.path.len() + 1..) };
            tail == Some(name)
        };
        if let Some(child) = children.iter().find(|child| own(child)) {
            return (Arc::clone(child), false);
        }
        let child = Arc::new(Self {
            id: self.ids.fetch_add(1, Ordering::Relaxed),
            path: self.key(name),
            options: options(),
            children: Mutex::default(),
            ids: Arc::clone(&self.ids),
        });
        children.push(Arc::clone(&child));
        (child, true)
    }

    /// The full key of a metric of this stage.
    pub(crate) fn key(&self, metric: &str) -> String {
        if self.is_root() { metric.to_owned() } else { format!("{}/{metric}", self.path) }
    }

    /// The full key of the stage's step metric.
    pub(crate) fn step_key(&self) -> String {
        self.key(self.options.step.as_deref().unwrap_or("step"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Stage, StageOptions};

    #[test]
    fn stages_join() {
        let root = Stage::root();
        let (training, new) = root.child("training", StageOptions::default);
        assert!(new);
        let (operator, _) = training.child("operator", StageOptions::default);
        assert_eq!(operator.path, "training/operator");
        assert_eq!(operator.key("loss"), "training/operator/loss");
        assert_eq!(operator.step_key(), "training/operator/step");
        let (again, new) = training.child("operator", StageOptions::default);
        assert!(!new && Arc::ptr_eq(&operator, &again));
        assert_eq!(root.key("loss"), "loss");
    }
}
