//! The environment of a child: what makes it, whatever it is written in, a member of the pipeline.

use std::ffi::OsString;
use std::path::Path;

use super::child::{Child, ChildOptions};
use crate::context::FILE;
use crate::ranks::{PARENT, Rank};
use crate::run::Run;
use crate::settings::{CHILD, FOR_OTHERS, Mode, PARENT_CONTEXT, PARENT_MODE};

/// What belongs to the parent's own run and must not reach a child by inheritance.
const PARENTS_OWN: &[&str] = &[
    "WANDB_RUN_ID",
    "WANDB_RESUME",
    "WANDB_RESUME_FROM",
    "WANDB_FORK_FROM",
    "WANDB_NAME",
    "WANDB_RUN_NAME",
    "WANDB_NOTES",
    "WANDB_RUN_NOTES",
    "WANDB_JOB_TYPE",
    "WANDB_RUN_JOB_TYPE",
    "WANDB_RUN_GROUP",
    "WANDB_SWEEP_ID",
    "WANDB_SWEEP_PARAM_PATH",
    "WANDB_PROJECT",
    "WANDB_ENTITY",
    FILE,
    CHILD,
    PARENT,
    PARENT_CONTEXT,
    PARENT_MODE,
];

/// A variable and its value; without one it is removed.
pub(super) type Variable = (&'static str, Option<OsString>);

/// The variables of a child of `run` with this name, whose context file is `context` if it could be written. `inherited` tells what a variable would be
/// otherwise.
pub(super) fn variables(
    run: &Run,
    context: Option<&Path>,
    options: &ChildOptions,
    name: &str,
    inherited: impl Fn(&str) -> Option<OsString>,
) -> Vec<Variable> {
    let mut variables: Vec<Variable> = PARENTS_OWN.iter().map(|name| (*name, None)).collect();
    if inherited(PARENT_MODE).is_some() {
        // This process is itself an attached child, to which they do not apply.
        FOR_OTHERS.iter().for_each(|name| variables.push((name, None)));
    }
    let mut set = |name: &'static str, value: OsString| match variables.iter_mut().find(|(n, _)| *n == name) {
        Some((_, place)) => *place = Some(value),
        None => variables.push((name, Some(value))),
    };
    // A child that has a run of its own writes it alone.
    let mode = if run.mode() == Mode::Shared { Mode::Online } else { run.mode() };
    set("WANDB_MODE", mode.as_str().into());
    for (name, value) in [("WANDB_PROJECT", run.project()), ("WANDB_ENTITY", run.entity())] {
        if let Some(value) = value {
            set(name, value.into());
        }
    }
    // A child has the launcher's variables as well, but is not the rank that they tell of.
    if let Ok(Some(rank)) = Rank::from_env_or_parent() {
        set(PARENT, rank.fingerprint().into());
    }
    if run.is_disabled() {
        return variables;
    }
    set(CHILD, options.kind.as_str().into());
    let kind = match (context, options.kind) {
        // Without a context a child cannot find this run: it has one of its own beside it.
        (None, _) => Child::Linked,
        (Some(context), Child::Linked) => {
            // Under the other name any program that follows the Python side of UPS would record into this run.
            set(PARENT_CONTEXT, context.into());
            Child::Linked
        }
        (Some(context), Child::Attached) => {
            set(FILE, context.into());
            Child::Attached
        }
    };
    if let Some(dir) = run.root_dir().parent() {
        set("WANDB_DIR", dir.into());
    }
    match kind {
        Child::Linked => {
            set("WANDB_RUN_GROUP", run.group().unwrap_or(run.id()).into());
            set("WANDB_TAGS", tags(inherited("WANDB_TAGS"), run.id()));
            for (name, value) in [("WANDB_JOB_TYPE", &options.job_type), ("WANDB_NAME", &options.name)] {
                if let Some(value) = value {
                    set(name, value.into());
                }
            }
        }
        Child::Attached => {
            // For a child that is not one of ours.
            set("WANDB_RUN_ID", run.id().into());
            if matches!(run.mode(), Mode::Online | Mode::Shared) {
                // It writes the run beside this process: as one of several writers, whose end is not that of the run.
                let values = ["shared", "false", name, "false"];
                for (name, value) in FOR_OTHERS.into_iter().zip(values) {
                    set(name, value.into());
                }
                set(PARENT_MODE, mode.as_str().into());
            } else {
                // Its log is synced behind that of this run, which it goes on with.
                set("WANDB_RESUME", "allow".into());
            }
            if let Some(group) = run.group() {
                set("WANDB_RUN_GROUP", group.into());
            }
            variables.push(("WANDB_TAGS", None));
        }
    }
    variables
}

/// The tags of a linked child: those that the environment gives to everybody, and who its parent is.
fn tags(inherited: Option<OsString>, run_id: &str) -> OsString {
    let inherited = inherited.and_then(|tags| tags.into_string().ok()).unwrap_or_default();
    let kept =
        inherited.split(',').map(str::trim).filter(|tag| !tag.is_empty() && !tag.starts_with("parent:"));
    let parent: String = format!("parent:{run_id}").chars().take(64).collect();
    kept.map(str::to_owned).chain([parent]).collect::<Vec<_>>().join(",").into()
}

#[cfg(test)]
mod tests {
    use super::tags;

    #[test]
    fn a_child_knows_its_parent_alone() {
        assert_eq!(tags(None, "abc"), "parent:abc");
        assert_eq!(tags(Some("a, parent:old,b,".into()), "abc"), "a,b,parent:abc");
        // W&B takes 64 characters.
        assert_eq!(tags(None, &"x".repeat(128)).len(), 64);
    }
}
