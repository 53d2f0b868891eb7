//! The same for tokio's commands.

use std::io;
use std::process::{ExitStatus, Output};

use tokio::process::{Child as Process, Command};

use super::child::ChildOptions;
use super::command::{TrackCommand, TrackedChild, TrackedCommand, prepare};
use crate::run::Run;

impl TrackCommand for Command {
    fn track(&mut self, run: &Run, child: impl Into<ChildOptions>) -> TrackedCommand<'_, Self> {
        let options = child.into();
        let (name, fault) = prepare(self.as_std_mut(), run, &options);
        TrackedCommand::new(self, run, options.kind, name, fault)
    }
}

impl TrackedCommand<'_, Command> {
    /// As [`Command::spawn`].
    ///
    /// # Errors
    ///
    /// If the process cannot be started.
    pub fn spawn(&mut self) -> io::Result<TrackedChild<Process>> {
        let (watch, process) = self.begin(Command::spawn)?;
        watch.runs();
        Ok(TrackedChild { process, watch: Some(watch) })
    }

    /// As [`Command::status`]: starts the process and waits for its end.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    pub async fn status(&mut self) -> io::Result<ExitStatus> {
        let (watch, status) = self.begin(|command| Ok(command.status()))?;
        let status = status.await.inspect_err(|e| watch.not_started(e))?;
        watch.ended_soon(status).await;
        Ok(status)
    }

    /// As [`Command::output`]: starts the process, waits for its end and gives what it wrote.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    pub async fn output(&mut self) -> io::Result<Output> {
        let (watch, output) = self.begin(|command| Ok(command.output()))?;
        let output = output.await.inspect_err(|e| watch.not_started(e))?;
        watch.ended_soon(output.status).await;
        Ok(output)
    }
}

impl TrackedChild<Process> {
    /// As [`Child::wait`](Process::wait).
    ///
    /// # Errors
    ///
    /// If the system does not tell how the process ended.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.process.wait().await?;
        if let Some(watch) = self.watch.take() {
            watch.ended_soon(status).await;
        }
        Ok(status)
    }

    /// As [`Child::try_wait`](Process::try_wait).
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

    /// As [`Child::wait_with_output`](Process::wait_with_output).
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), and if the output cannot be read.
    pub async fn wait_with_output(self) -> io::Result<Output> {
        let Self { process, watch } = self;
        let output = process.wait_with_output().await?;
        if let Some(watch) = watch {
            watch.ended_soon(output.status).await;
        }
        Ok(output)
    }

    /// As [`Child::kill`](Process::kill): ends the process and waits for its end.
    ///
    /// # Errors
    ///
    /// If the process cannot be killed.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.process.start_kill()?;
        self.wait().await.map(drop)
    }
}
