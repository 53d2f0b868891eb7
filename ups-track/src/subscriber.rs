//! Programs that bring no subscriber: the layer for those that do, and one with it for those that do not.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::Subscriber;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::error::{Kind, Result};
use crate::layer::{self, Layer};
use crate::recorder::force;
use crate::run::{Finished, RunBuilder, RunGuard, global};
use crate::{Run, ends, say};

/// A `tracing` layer for anyone's subscriber stack: plain events and spans are recorded into the run in force, the innermost
/// that the thread has [entered](Run::enter), else the global one.
///
/// If there is no run when the first stage or value comes, by a plain event or a macro, one is started from the environment;
/// it then ends with the process. A message starts none. A run that the program starts later takes its place, which is said.
///
/// ```no_run
/// use tracing_subscriber::prelude::*;
/// tracing_subscriber::registry().with(ups_track::layer()).init();
/// let _stage = tracing::info_span!("train", stage = "operator").entered();
/// tracing::info!(metric.loss = 0.5, step = 1, "epoch done");
/// ```
pub fn layer<S>() -> Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    LAYERS.store(true, Ordering::Relaxed);
    force::start_with(global::start_automatically);
    layer::in_force()
}

/// Starts the global run from the environment, with a subscriber and handlers: for programs that have none.
///
/// # Errors
///
/// As [`RunBuilder::init`].
pub fn init() -> Result<RunGuard> {
    Run::builder().init()
}

impl RunBuilder {
    /// Starts the run as the global one, installs a subscriber (console lines on standard error and
    /// [`layer`](crate::layer)) and the handlers for panics, SIGINT and SIGTERM. Once a run has ended, the next one can be
    /// started in the same way.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and if another `tracing` subscriber is already the global one. Then no run is started.
    pub fn init(self) -> Result<RunGuard> {
        global::check(Some(true))?;
        // The program has tried by itself.
        force::no_more_starts();
        if !is_ours() && tracing::dispatcher::has_been_set() {
            return Err(Kind::SubscriberTaken.into());
        }
        let guard = self.global(true).start()?;
        install()?;
        ends::install_handlers();
        Ok(guard)
    }
}

/// A run has ended without a row, though a layer listens: tells if a filter above it may be why.
pub(crate) fn explain_silence(finished: &Finished) {
    let is_silent = LevelFilter::current() < LevelFilter::INFO;
    if finished.rows() == 0 && finished.dir().is_some() && LAYERS.load(Ordering::Relaxed) && is_silent {
        say::warning(
            "no rows were recorded, and a global filter of the tracing subscriber silences events of level info: give the filter to \
             the other layers with `.with_filter(..)`, or use `metric!`, which no filter concerns",
        );
    }
}

/// Whether a program has asked for a layer.
static LAYERS: AtomicBool = AtomicBool::new(false);

/// Whether the global subscriber is the one of this module.
static IS_OURS: AtomicBool = AtomicBool::new(false);

fn is_ours() -> bool {
    IS_OURS.load(Ordering::Acquire)
}

/// Installs a registry with our layer, which also writes messages to standard error: those of level info, or what
/// `RUST_LOG` says. Once is enough.
pub(crate) fn install() -> Result<()> {
    if is_ours() {
        return Ok(());
    }
    let spec = std::env::var("RUST_LOG").unwrap_or_default();
    let echo = match spec.parse::<Targets>() {
        Ok(targets) if !spec.is_empty() => targets,
        _ => Targets::new().with_default(LevelFilter::INFO),
    };
    let subscriber = Registry::default().with(layer::with_echo(echo));
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Kind::SubscriberTaken)?;
    IS_OURS.store(true, Ordering::Release);
    Ok(())
}
