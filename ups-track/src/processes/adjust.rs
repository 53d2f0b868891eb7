//! What a tracked command is started with. The command itself is not handed out for that: `arg` of a
//! [`Command`] gives a command, whose `status` records nothing.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use super::command::TrackedCommand;

macro_rules! adjustments {
    ($($(#[$doc:meta])* $name:ident $(<$($generic:ident: $bound:path),*>)? ($($argument:ident: $kind:ty),*));* $(;)?) => {
        adjustments! { @for Command; $($(#[$doc])* $name $(<$($generic: $bound),*>)? ($($argument: $kind),*));* }
        #[cfg(feature = "tokio")]
        adjustments! { @for tokio::process::Command; $($(#[$doc])* $name $(<$($generic: $bound),*>)? ($($argument: $kind),*));* }
    };
    (@for $command:ty; $($(#[$doc:meta])* $name:ident $(<$($generic:ident: $bound:path),*>)? ($($argument:ident: $kind:ty),*));*) => {
        impl TrackedCommand<'_, $command> {$(
            $(#[$doc])*
            pub fn $name $(<$($generic: $bound),*>)? (&mut self, $($argument: $kind),*) -> &mut Self {
                self.command.$name($($argument),*);
                self
            }
        )*}
    };
}

adjustments! {
    /// As [`Command::arg`].
    arg<A: AsRef<OsStr>>(argument: A);
    /// As [`Command::args`].
    args(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>);
    /// As [`Command::env`]. What makes the process a child of the run are variables, too.
    env<K: AsRef<OsStr>, V: AsRef<OsStr>>(name: K, value: V);
    /// As [`Command::envs`].
    envs(variables: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>);
    /// As [`Command::env_remove`].
    env_remove<K: AsRef<OsStr>>(name: K);
    /// As [`Command::current_dir`].
    current_dir<P: AsRef<Path>>(dir: P);
    /// As [`Command::stdin`].
    stdin<T: Into<Stdio>>(from: T);
    /// As [`Command::stdout`].
    stdout<T: Into<Stdio>>(to: T);
    /// As [`Command::stderr`].
    stderr<T: Into<Stdio>>(to: T);
}

impl<C> TrackedCommand<'_, C> {
    /// The command itself, for what there is no method for here, such as those of
    /// [`CommandExt`](std::os::unix::process::CommandExt). A process that it starts by itself is not watched.
    pub fn command_mut(&mut self) -> &mut C {
        self.command
    }
}

impl TrackedCommand<'_, Command> {
    /// As [`Command::env_clear`], but for the variables that make the process a child of the run.
    pub fn env_clear(&mut self) -> &mut Self {
        let place = place(self.command);
        self.command.env_clear().envs(place);
        self
    }
}

#[cfg(feature = "tokio")]
impl TrackedCommand<'_, tokio::process::Command> {
    /// As [`Command::env_clear`], but for the variables that make the process a child of the run.
    pub fn env_clear(&mut self) -> &mut Self {
        let place = place(self.command.as_std());
        self.command.env_clear().envs(place);
        self
    }

    /// As [`kill_on_drop`](tokio::process::Command::kill_on_drop).
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Self {
        self.command.kill_on_drop(kill);
        self
    }
}

/// The variables of the command that belong to the pipeline.
fn place(command: &Command) -> Vec<(OsString, OsString)> {
    let ours = |name: &OsStr| {
        let name = name.as_encoded_bytes();
        name.starts_with(b"WANDB_") || name.starts_with(b"UPS_TRACK_")
    };
    let set = command.get_envs().filter(|(name, _)| ours(name));
    set.filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
}
