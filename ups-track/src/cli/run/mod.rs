//! `ups-track run`: a command of a shell pipeline as a child of a run.

#[cfg(unix)]
mod signals;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::{Command, ExitStatus};

use super::args::Run as Args;
use super::{complain, text};
use crate::context::{self, ContextFile, Place};
use crate::processes::{Child, ChildOptions, TrackCommand as _, exit_code};
use crate::run::{Run, RunBuilder};
use crate::say;
use crate::settings::Sources;

/// The command could not be looked after, as `timeout` and `env` have it.
pub(super) const OWN_FAILURE: u8 = 125;
/// The command is there, and cannot be run.
const NOT_RUNNABLE: u8 = 126;
/// There is no such command.
const NOT_FOUND: u8 = 127;

/// The environment variable with the tags of a run.
const TAGS: &str = "WANDB_TAGS";

/// Runs the command; gives the exit code to end with.
pub(super) fn run(args: &Args, err: &mut dyn Write) -> u8 {
    track(args, err).unwrap_or_else(|e| {
        complain(err, format_args!("error: {}\n", text::clean(&e.with_cause())));
        OWN_FAILURE
    })
}

fn track(args: &Args, err: &mut dyn Write) -> crate::Result<u8> {
    // Before there is a second thread, or a signal could end the process there.
    #[cfg(unix)]
    let signals = signals::Signals::hold();
    let sources = Sources::process();
    let file = ContextFile::settle(None, &sources)?;
    let joins = matches!(context::place(&sources, file)?, Place::Member(_));
    let run = builder(args, joins).start()?;
    if joins && let Some(note) = without_effect(args, &run) {
        say::note(&note);
    }
    let mut command = command(args);
    #[cfg(unix)]
    signals.give_back_in(&mut command);
    let started = command.track(&run, options(args)).spawn();
    let code = match started {
        Ok(mut child) => {
            #[cfg(unix)]
            let ended = signals.wait(&mut child);
            #[cfg(not(unix))]
            let ended = child.wait();
            ended.map_or_else(|e| lost(&e, err), code)
        }
        Err(e) => not_started(args, &e, err),
    };
    // A log that has failed is no failure of the command.
    if let Err(e) = run.finish_with(i32::from(code)) {
        say::warning(&e.with_cause());
    }
    #[cfg(unix)]
    signals.die_as(code);
    Ok(code)
}

/// The run to start. What names a run names the command's: the one that is started for it, or its own if it is linked.
fn builder(args: &Args, joins: bool) -> RunBuilder {
    let mut builder = Run::builder();
    if args.quiet {
        builder = builder.quiet(true);
    }
    if let Some(project) = &args.project {
        builder = builder.project(project);
    }
    if let Some(group) = &args.group {
        builder = builder.group(group);
    }
    if args.linked {
        return builder;
    }
    if !args.tags.is_empty() {
        builder = builder.tags(tags(args, std::env::var_os(TAGS).filter(|_| !joins)));
    }
    // A run that others have keeps its name.
    if joins {
        return builder;
    }
    if let Some(name) = &args.name {
        builder = builder.name(name);
    }
    if let Some(job_type) = &args.job_type {
        builder = builder.job_type(job_type);
    }
    builder
}

/// What was asked for that the run, which others have begun, does not take.
fn without_effect(args: &Args, run: &Run) -> Option<String> {
    let project = args.project.as_deref().filter(|project| run.project() != Some(project));
    let job_type = args.job_type.as_deref().filter(|_| !args.linked);
    let ignored: Vec<String> = [("--project", project), ("--job-type", job_type)]
        .into_iter()
        .filter_map(|(option, value)| Some(format!("{option} {}", value?)))
        .collect();
    let is_said = !ignored.is_empty() && !args.quiet && !run.is_disabled();
    is_said.then(|| format!("the command joins run {}: {} has no effect", run.id(), ignored.join(", ")))
}

fn command(args: &Args) -> Command {
    let (program, arguments) =
        args.command.split_first().map_or_else(Default::default, |(program, rest)| (program.clone(), rest));
    let mut command = Command::new(program);
    command.args(arguments);
    if args.linked && !args.tags.is_empty() {
        command.env(TAGS, tags(args, std::env::var_os(TAGS)).join(","));
    }
    command
}

/// The tags that the environment gives to everybody, and those that were asked for.
fn tags(args: &Args, inherited: Option<OsString>) -> Vec<String> {
    let inherited = inherited.and_then(|tags| tags.into_string().ok()).unwrap_or_default();
    let inherited = inherited.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned);
    let mut all: Vec<String> = Vec::new();
    for tag in inherited.chain(args.tags.iter().cloned()) {
        if !all.contains(&tag) {
            all.push(tag);
        }
    }
    all
}

fn options(args: &Args) -> ChildOptions {
    let mut options = ChildOptions::from(if args.linked { Child::Linked } else { Child::Attached });
    if let Some(name) = &args.name {
        options = options.name(name);
    }
    if let Some(job_type) = &args.job_type {
        options = options.job_type(job_type);
    }
    options
}

/// The exit code of the command, as a shell has it.
fn code(status: ExitStatus) -> u8 {
    exit_code(status).and_then(|code| u8::try_from(code & 0xff).ok()).unwrap_or(OWN_FAILURE)
}

fn not_started(args: &Args, e: &io::Error, err: &mut dyn Write) -> u8 {
    let program = args.command.first().map(|name| name.to_string_lossy()).unwrap_or_default();
    complain(err, format_args!("error: cannot run `{}`: {e}\n", text::clean(&program)));
    match e.kind() {
        // The context for the command could not be written.
        _ if e.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<crate::Error>) => OWN_FAILURE,
        io::ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_RUNNABLE,
    }
}

/// The system does not tell how the command ended.
fn lost(e: &io::Error, err: &mut dyn Write) -> u8 {
    complain(err, format_args!("error: cannot wait for the command: {e}\n"));
    OWN_FAILURE
}
