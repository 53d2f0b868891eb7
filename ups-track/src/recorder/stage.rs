//! Stages: the names under which metrics stand. A stage inside a stage joins both names with a slash.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::kinds::summary::Goal;
use crate::os::fork::Born;

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

/// One path of stages, such as `training/operator`. The root is no stage: its path is the label of the run's keys, mostly
/// empty.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Position in the run's list of stages; the root is 0.
    pub(crate) id: u32,
    pub(crate) path: String,
    pub(crate) options: StageOptions,
    children: Mutex<Vec<Arc<Stage>>>,
    shared: Arc<Shared>,
    /// Calls that have begun and not ended.
    open: AtomicU64,
    /// Nanoseconds of wall time over all calls that have ended.
    nanos: AtomicU64,
    /// Calls that have ended.
    calls: AtomicU64,
    /// The outcome of the last one.
    status: AtomicU8,
}

/// What all stages of a run have in common.
#[derive(Debug)]
struct Shared {
    next_id: AtomicU32,
    /// In a forked child a lock may be held by a thread that it does not have.
    born: Born,
    /// Calls of any stage that have begun and not ended.
    open: AtomicU64,
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum StageStatus {
    Ok = 0,
    Error = 1,
    Panic = 2,
    Cancelled = 3,
}

impl StageStatus {
    /// All words.
    pub(crate) const WORDS: [&'static str; 4] = ["ok", "error", "panic", "cancelled"];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Panic => "panic",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The calls of a stage that have ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Calls {
    pub(crate) count: u64,
    pub(crate) seconds: f64,
    /// The outcome of the last one; none if none has ended.
    pub(crate) status: Option<StageStatus>,
}

impl Stage {
    /// The root of a run whose keys have this label in front, if any.
    pub(crate) fn root(label: &str) -> Arc<Self> {
        let shared = Shared { next_id: AtomicU32::new(1), born: Born::here(), open: AtomicU64::new(0) };
        Arc::new(Self::new(0, label.to_owned(), StageOptions::default(), Arc::new(shared)))
    }

    fn new(id: u32, path: String, options: StageOptions, shared: Arc<Shared>) -> Self {
        Self {
            id,
            path,
            options,
            children: Mutex::default(),
            shared,
            open: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            status: AtomicU8::new(0),
        }
    }

    pub(crate) fn is_root(&self) -> bool {
        self.id == 0
    }

    /// The stage `name` inside this one, and whether it is new.
    pub(crate) fn child(&self, name: &str, options: impl FnOnce() -> StageOptions) -> (Arc<Self>, bool) {
        if !self.shared.born.is_here() {
            return (
                Arc::new(Self::new(u32::MAX, self.key(name), options(), Arc::clone(&self.shared))),
                false,
            );
        }
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        let before = if self.path.is_empty() { 0 } else { self.path.len() + 1 };
        let own = |child: &Arc<Self>| child.path.get(before..) == Some(name);
        if let Some(child) = children.iter().find(|child| own(child)) {
            return (Arc::clone(child), false);
        }
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let child = Arc::new(Self::new(id, self.key(name), options(), Arc::clone(&self.shared)));
        children.push(Arc::clone(&child));
        (child, true)
    }

    /// A call of the stage has begun.
    pub(crate) fn began(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.shared.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether any stage of the run is open.
    #[inline]
    pub(crate) fn any_open(&self) -> bool {
        self.shared.open.load(Ordering::Relaxed) > 0
    }

    /// The path of an open stage inside this one.
    pub(crate) fn open_inside(&self) -> Option<String> {
        if !self.shared.born.is_here() {
            return None;
        }
        let children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = || children.iter().find_map(|child| child.open_inside());
        let own = |child: &&Arc<Self>| child.open.load(Ordering::Relaxed) > 0;
        inner().or_else(|| children.iter().find(own).map(|child| child.path.clone()))
    }

    /// A call of the stage has ended. Counted here and read by the writer when it writes the summary: a stage may end
    /// millions of times.
    pub(crate) fn ended(&self, wall: Duration, status: StageStatus) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
        self.nanos.fetch_add(u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.status.store(status as u8, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Release);
    }

    /// What `ended` has counted.
    pub(crate) fn calls(&self) -> Calls {
        let count = self.calls.load(Ordering::Acquire);
        let status = match self.status.load(Ordering::Relaxed) {
            0 => StageStatus::Ok,
            1 => StageStatus::Error,
            2 => StageStatus::Panic,
            _ => StageStatus::Cancelled,
        };
        let seconds = self.nanos.load(Ordering::Relaxed) as f64 / 1e9;
        Calls { count, seconds, status: (count > 0).then_some(status) }
    }

    /// The full key of a metric of this stage.
    pub(crate) fn key(&self, metric: &str) -> String {
        if self.path.is_empty() { metric.to_owned() } else { format!("{}/{metric}", self.path) }
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
        let root = Stage::root("");
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

    #[test]
    fn a_label_stands_before_everything() {
        let root = Stage::root("rank3");
        assert!(root.is_root());
        assert_eq!((root.key("loss").as_str(), root.step_key().as_str()), ("rank3/loss", "rank3/step"));
        let (operator, new) = root.child("operator", StageOptions::default);
        assert!(new && !operator.is_root());
        assert_eq!(operator.key("loss"), "rank3/operator/loss");
        assert!(!root.child("operator", StageOptions::default).1);
    }
}
