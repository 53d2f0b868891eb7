//! Commands whose processes are children of a run.

use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::{Deref, DerefMut};
use std::process::{Child as Process, Command, ExitStatus, Output};

use super::child::{Child, ChildOptions};
use super::environment::variables;
use super::watch::{Watch, name_of};
use crate::run::Run;

/// Makes the process of a command a child of a run. Implemented for [`std::process::Command`] and, with feature
/// `tokio`, for tokio's.
///
/// The child gets a place in its environment: `WANDB_CONTEXT_FILE` and `UPS_TRACK_CHILD` for programs with this crate,
/// `WANDB_*` variables for every other client of W&B. It gets no key, and a child that uses none of them is not
/// disturbed.
///
/// ```
/// # #[cfg(unix)] {
/// # let dir = tempfile::tempdir().unwrap();
/// use std::process::Command;
/// use ups_track::{Child, Mode, Run, TrackCommand};
/// let run = Run::builder().project("burgers").mode(Mode::Offline).dir(dir.path()).quiet(true).global(false).start()?;
/// let status = Command::new("true").track(&run, Child::Linked.job_type("train").name("operator")).status()?;
/// assert!(status.success());
/// let mut eval = Command::new("sleep").arg("0").track(&run, Child::Attached).spawn()?;
/// assert!(eval.wait()?.success());
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait TrackCommand: Sized {
    /// Sets the environment of a child of `run`, and records how the child ends: `children/<name>/status`,
    /// `exit_code` and `duration_s` in the run's summary, and an alert if it fails.
    ///
    /// Call it last: variables that are set afterwards win. If the run's context cannot be written (a full disk, a directory
    /// that is not Unicode), the child is started all the same, and a warning tells why it does not record into the run.
    fn track(&mut self, run: &Run, child: impl Into<ChildOptions>) -> TrackedCommand<'_, Self>;
}

/// A command whose processes are children of a run: see [`TrackCommand`].
///
/// What it is started with can still be changed; [`command_mut`](Self::command_mut) has the rest. It is started by methods
/// of its own, which record how the child ends.
#[derive(Debug)]
#[must_use = "a command does nothing until it is started"]
pub struct TrackedCommand<'c, C = Command> {
    pub(super) command: &'c mut C,
    run: Run,
    kind: Child,
    name: String,
    fault: Option<String>,
}

impl<C> Deref for TrackedCommand<'_, C> {
    type Target = C;
    fn deref(&self) -> &C {
        self.command
    }
}

impl TrackCommand for Command {
    fn track(&mut self, run: &Run, child: impl Into<ChildOptions>) -> TrackedCommand<'_> {
        let options = child.into();
        let (name, fault) = prepare(self, run, &options);
        TrackedCommand::new(self, run, options.kind, name, fault)
    }
}

/// Sets the environment; gives the name of the child and what went wrong.
pub(super) fn prepare(command: &mut Command, run: &Run, options: &ChildOptions) -> (String, Option<String>) {
    let (context, fault) = match run.context_file() {
        Ok(path) => (path, None),
        Err(e) => (None, Some(e.with_cause())),
    };
    let inherited = |name: &str| -> Option<OsString> {
        let set = command.get_envs().find(|(key, _)| *key == OsStr::new(name));
        set.map_or_else(|| std::env::var_os(name), |(_, value)| value.map(OsStr::to_owned))
    };
    let name = options.name.clone().unwrap_or_else(|| name_of(command.get_program()));
    for (variable, value) in variables(run, context.as_deref(), options, &name, inherited) {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    (name, fault)
}

impl<'c, C> TrackedCommand<'c, C> {
    pub(super) fn new(
        command: &'c mut C,
        run: &Run,
        kind: Child,
        name: String,
        fault: Option<String>,
    ) -> Self {
        Self { command, run: run.clone(), kind, name, fault }
    }

    /// Starts a process with `start`, and watches it. A child is started even if it cannot be told of the run.
    pub(super) fn begin<T>(&mut self, start: impl FnOnce(&mut C) -> io::Result<T>) -> io::Result<(Watch, T)> {
        if let Some(fault) = self.fault.take() {
            self.run.tell_untracked(&self.name, &fault);
        }
        let watch = Watch::begin(&self.run, self.kind, &self.name);
        match start(self.command) {
            Ok(started) => Ok((watch, started)),
            Err(e) => {
                watch.not_started(&e);
                Err(e)
            }
        }
    }
}

impl TrackedCommand<'_> {
    /// As [`Command::spawn`].
    ///
    /// # Errors
    ///
    /// If the process cannot be started.
    pub fn spawn(&mut self) -> io::Result<TrackedChild> {
        let (watch, process) = self.begin(Command::spawn)?;
        watch.runs();
        Ok(TrackedChild { process, watch: Some(watch) })
    }

    /// As [`Command::status`]: starts the process and waits for its end.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        let (watch, status) = self.begin(Command::status)?;
        watch.ended(status);
        Ok(status)
    }

    /// As [`Command::output`]: starts the process, waits for its end and gives what it wrote.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    pub fn output(&mut self) -> io::Result<Output> {
        let (watch, output) = self.begin(Command::output)?;
        watch.ended(output.status);
        Ok(output)
    }
}

/// A child process of a run; its end is recorded when it is waited for, and what an attached child has recorded is in the run
/// then, before whatever its parent records later. It is the process to call methods on.
#[derive(Debug)]
pub struct TrackedChild<P = Process> {
    pub(super) process: P,
    /// Until the end was recorded.
    pub(super) watch: Option<Watch>,
}

impl<P> Deref for TrackedChild<P> {
    type Target = P;
    fn deref(&self) -> &P {
        &self.process
    }
}

impl<P> DerefMut for TrackedChild<P> {
    fn deref_mut(&mut self) -> &mut P {
        &mut self.process
    }
}

impl<P> TrackedChild<P> {
    pub(super) fn ended(&mut self, status: ExitStatus) {
        if let Some(watch) = self.watch.take() {
            watch.ended(status);
        }
    }

    /// The process, whose end is not recorded any more.
    pub fn into_inner(self) -> P {
        self.process
    }
}

impl TrackedChild {
    /// As [`std::process::Child::wait`].
    ///
    /// # Errors
    ///
    /// If the system does not tell how the process ended.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.process.wait()?;
        self.ended(status);
        Ok(status)
    }

    /// As [`std::process::Child::try_wait`].
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.process.try_wait()?;
        if let Some(status) = status {
            self.ended(status);
        }
        Ok(status)
    }

    /// As [`std::process::Child::wait_with_output`].
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), and if the output cannot be read.
    pub fn wait_with_output(self) -> io::Result<Output> {
        let Self { process, watch } = self;
        let output = process.wait_with_output()?;
        if let Some(watch) = watch {
            watch.ended(output.status);
        }
        Ok(output)
    }
}
