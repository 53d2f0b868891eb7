//! Whether our events would arrive: a global filter or a compile-time maximum level can silence them.

use std::cell::Cell;

use tracing::callsite::Callsite;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::metadata::Kind;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata};

/// The target of the question that is asked of the subscriber.
pub(super) const TARGET: &str = "ups_track::probe";

thread_local! {
    static SEEN: Cell<bool> = const { Cell::new(false) };
}

/// The layer's filter was asked.
pub(super) fn seen() {
    // Without thread-locals the thread is ending and asks nothing.
    let _ = SEEN.try_with(|seen| seen.set(true));
}

struct Probe;

static PROBE: Probe = Probe;

static METADATA: Metadata<'static> = tracing_core::metadata! {
    name: "ups_track probe",
    target: TARGET,
    level: Level::INFO,
    fields: &["metric.probe", "step"],
    callsite: &PROBE,
    kind: Kind::EVENT,
};

impl Callsite for Probe {
    fn set_interest(&self, _: Interest) {}
    fn metadata(&self) -> &Metadata<'_> {
        &METADATA
    }
}

/// Whether metrics arrive, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enabled {
    Yes,
    /// `tracing` was compiled with a `max_level_*` or `release_max_level_*` feature below info.
    CompiledOut,
    /// There is no subscriber, or our layer is not in it.
    NoLayer,
    /// The layer is there, but a filter above it silences events of level info.
    Filtered,
}

/// Asks the current subscriber.
pub(crate) fn enabled() -> Enabled {
    if STATIC_MAX_LEVEL < LevelFilter::INFO {
        return Enabled::CompiledOut;
    }
    tracing::dispatcher::get_default(|dispatch| {
        if dispatch.downcast_ref::<super::Recording>().is_none() {
            return Enabled::NoLayer;
        }
        let _ = SEEN.try_with(|seen| seen.set(false));
        let all = dispatch.enabled(&METADATA);
        let ours = SEEN.try_with(Cell::get).unwrap_or(false);
        if all && ours && LevelFilter::current() >= LevelFilter::INFO {
            Enabled::Yes
        } else {
            Enabled::Filtered
        }
    })
}
