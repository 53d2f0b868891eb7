//! The run in force: entering a run, and what its recorder needs of it.

use std::path::Path;
use std::sync::{Arc, Weak};

use super::{Inner, Run};
use crate::kinds::file::FilePolicy;
use crate::kinds::scope::ScopeOutput;
use crate::recorder::Home;
use crate::recorder::thread::{Force, Stay};
use crate::say;

impl Run {
    /// Lets the recorder know what it needs of the run.
    pub(super) fn give_home(&self) {
        if let Some(recorder) = self.recorder() {
            recorder.set_home(Box::new(RunHome(Arc::downgrade(&self.0))));
        }
    }

    /// Makes this the run in force on the calling thread until the guard is dropped, whichever run is the global one: macros,
    /// attributes and plain events record into it. [`carry`](crate::carry) and futures in a stage take it along.
    ///
    /// ```
    /// # use ups_track::{Mode, Run, metric};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let start = || Run::builder().mode(Mode::Offline).dir(dir.path()).quiet(true).global(false).start();
    /// let (teacher, student) = (start()?, start()?);
    /// for step in 0..3 {
    ///     let _entered = teacher.enter();
    ///     metric!(step, loss = 1.0 / (step + 1) as f64);
    /// }
    /// # assert_eq!((teacher.finish()?.rows(), student.finish()?.rows()), (3, 0));
    /// # Ok::<(), ups_track::Error>(())
    /// ```
    pub fn enter(&self) -> EnteredRun {
        EnteredRun { _stay: Stay::enter(|thread| thread.enter_run(Force::new(self.recorder()))) }
    }

    /// Runs `work` with this run in force, and ends the run with exit code 1 if it gives an `Err` or panics. Otherwise the run
    /// goes on, and ends with its guard.
    ///
    /// Several runs in one process, side by side or one after the other:
    ///
    /// ```
    /// # use ups_track::{Mode, Run, metric};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let builder = || Run::builder().mode(Mode::Offline).dir(dir.path()).quiet(true);
    /// # fn train(lr: f64) -> Result<f64, std::io::Error> { metric!(step = 1, loss = lr); Ok(lr) }
    /// std::thread::scope(|threads| {
    ///     for lr in [0.1, 0.01] {
    ///         threads.spawn(move || {
    ///             # let builder = Run::builder().mode(Mode::Disabled);
    ///             let run = builder.name(format!("lr {lr}")).global(false).start()?;
    ///             run.scope(|_| train(lr))?; // every `metric!` in there is this run's
    ///             run.finish()?;
    ///             Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    ///         });
    ///     }
    /// });
    /// ```
    pub fn scope<R: ScopeOutput>(&self, work: impl FnOnce(&Self) -> R) -> R {
        struct Failing<'a>(Option<&'a Run>);
        impl Drop for Failing<'_> {
            fn drop(&mut self) {
                if let Some(run) = self.0
                    && let Err(e) = run.finish_with(1)
                {
                    say::warning(&e.to_string());
                }
            }
        }
        // Until it is known that the work did not fail.
        let mut failing = Failing(Some(self));
        let entered = self.enter();
        let out = work(self);
        drop(entered);
        if !out.is_failure() {
            failing.0 = None;
        }
        out
    }
}

/// A thread's time in a run, see [`Run::enter`].
#[derive(Debug)]
#[must_use = "the thread leaves the run when this guard is dropped; bind it: `let _entered = ...`"]
pub struct EnteredRun {
    _stay: Stay,
}

/// What a recorder needs of its run, which has the recorder itself.
#[derive(Debug)]
struct RunHome(Weak<Inner>);

impl Home for RunHome {
    fn save(&self, path: &Path, policy: FilePolicy) -> Result<(), String> {
        let run = self.0.upgrade().map(Run);
        run.map_or(Ok(()), |run| run.save_file(path, policy)).map_err(|e| e.with_cause())
    }

    fn wants_console(&self) -> bool {
        self.0.upgrade().is_some_and(|inner| inner.console)
    }
}
