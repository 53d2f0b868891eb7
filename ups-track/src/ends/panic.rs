//! Panics: whatever was recorded before one is on its way to the disk before anything else happens. Where a panic ends
//! the process at once, the runs are completed here.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static ONCE: Once = Once::new();
static SEEN: AtomicBool = AtomicBool::new(false);

/// Puts our hook before the one that is there, once per process.
pub(super) fn install() {
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            previous(info);
            if EXPLAIN.load(Ordering::Relaxed) && is_second_subscriber(info.payload_as_str()) {
                crate::say::note(
                    "`#[ups_track::main]` has installed a tracing subscriber already; write `#[ups_track::main(subscriber = false)]` and add `ups_track::layer()` to your own",
                );
            }
            SEEN.store(true, Ordering::Relaxed);
            // A panic of the writer thread cannot wait for itself.
            if std::thread::current().name() == Some("ups-track") {
                return;
            }
            if cfg!(panic = "abort") { super::finish_all(1) } else { super::flush_all() }
        }));
    });
}

static EXPLAIN: AtomicBool = AtomicBool::new(false);

pub(super) fn explain_second_subscriber() {
    EXPLAIN.store(true, Ordering::Relaxed);
}

fn is_second_subscriber(message: Option<&str>) -> bool {
    message.is_some_and(|text| text.contains("global default") && text.contains("set"))
}

/// Whether there was a panic.
#[cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(dead_code, reason = "glibc tells the exit code")
)]
pub(super) fn seen() -> bool {
    SEEN.load(Ordering::Relaxed)
}
