//! What kind of child a process shall be.

/// How a child process belongs to a run.
///
/// ```
/// use ups_track::{Child, ChildOptions};
/// let options: ChildOptions = Child::Linked.job_type("train").name("operator");
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Child {
    /// The child has a run of its own, with tag `parent:<run id>`, in the parent's group: a training.
    Linked,
    /// The child records into the parent's run, as if the parent had: an evaluation. A child with W&B's own client writes an
    /// online run beside its parent instead, in mode shared; the [crate](crate#one-pipeline-one-run) tells where that is not safe.
    Attached,
}

impl Child {
    /// Sets the job type of a linked child's run, such as `train`.
    pub fn job_type(self, job_type: impl Into<String>) -> ChildOptions {
        ChildOptions::from(self).job_type(job_type)
    }

    /// Sets the name of the child: of a linked child's run, and of what the parent records of the child.
    pub fn name(self, name: impl Into<String>) -> ChildOptions {
        ChildOptions::from(self).name(name)
    }

    /// The word in `UPS_TRACK_CHILD`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Attached => "attached",
        }
    }
}

/// How a child process belongs to a run, and what it is called: see [`Child`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until a command is tracked with them"]
pub struct ChildOptions {
    pub(super) kind: Child,
    pub(super) job_type: Option<String>,
    pub(super) name: Option<String>,
}

impl ChildOptions {
    /// As [`Child::job_type`].
    pub fn job_type(mut self, job_type: impl Into<String>) -> Self {
        self.job_type = Some(job_type.into());
        self
    }

    /// As [`Child::name`].
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl From<Child> for ChildOptions {
    fn from(kind: Child) -> Self {
        Self { kind, job_type: None, name: None }
    }
}
