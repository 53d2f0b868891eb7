//! Progress for a person: a bar where there is a terminal, a line now and then elsewhere.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::info;

/// Without a terminal, a line is printed each time this share is done.
const LINES: usize = 4;

pub(crate) struct Progress {
    name: &'static str,
    total: usize,
    done: usize,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// For work of `total` parts.
    pub(crate) fn new(name: &'static str, total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{prefix:>20} {bar:30} {pos:>3}/{len}  {msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_prefix(name)
        });
        Self { name, total, done: 0, bar }
    }

    /// One part more is done; `message` says how it went.
    pub(crate) fn advance(&mut self, message: impl FnOnce() -> String) {
        self.done += 1;
        match &self.bar {
            Some(bar) => {
                bar.set_message(message());
                bar.inc(1);
            }
            None if self.done.is_multiple_of((self.total / LINES).max(1)) => {
                info!(target: "pipeline", "{} {}/{}: {}", self.name, self.done, self.total, message());
            }
            None => {}
        }
    }
}

/// The bar stays as it is, whether the work was finished or not, and what follows begins on a line of its own.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}
