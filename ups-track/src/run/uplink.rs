//! What connects a run with its upload: whether there is one, and what the end of the run waits for.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::end::Delivery;
use crate::error::{Kind, Result};
use crate::rundir::RunDir;
use crate::say;
use crate::settings::{Mode, Part, Settings, Sources};
use crate::upload::live::{Live, Outcome, Plan, Standing};
use crate::upload::{Access, Client, Options, Writer};

/// Time after which somebody who waits wants to know for what.
const SAY_AFTER: Duration = Duration::from_secs(2);

/// Time between two lines about it, where lines cannot be overwritten.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// The upload of a run that is recorded online.
#[derive(Debug)]
pub(crate) struct Uplink {
    live: Live,
    patience: Duration,
    limit: Option<Duration>,
    quiet: bool,
    again: Again,
}

/// What it takes to send the log of a run once more: of what the server has it sends nothing.
#[derive(Debug, Clone)]
pub(crate) struct Again(Arc<Plan>);

impl Again {
    /// Sends it; false if not everything is there afterwards.
    pub(crate) fn send(&self, patience: Duration) -> bool {
        let plan = Plan { quiet: true, ..(*self.0).clone() };
        let Ok(live) = Live::start(plan) else { return false };
        live.complete();
        matches!(live.wait(patience, None, &mut |_| {}), Outcome::Whole)
    }
}

/// Where an upload would go.
#[derive(Debug)]
pub(crate) struct Way(Access);

impl Way {
    /// Finds server and key for a run in mode online. A run that nobody gave a mode is online if there is a key.
    ///
    /// # Errors
    ///
    /// If the mode was asked for and there is no key, or what the settings say of the server is bad.
    pub(crate) fn find(settings: &mut Settings, sources: &Sources) -> Result<Option<Self>> {
        let wanted = matches!(settings.mode, Mode::Online | Mode::Shared);
        if !wanted && settings.mode_given {
            return Ok(None);
        }
        let found = Access::find_in_read(sources).and_then(|access| {
            access.key()?;
            Client::check(sources)?;
            Ok(access)
        });
        match found {
            Ok(access) => {
                if !wanted {
                    settings.mode = Mode::Online;
                }
                Ok(Some(Self(access)))
            }
            Err(e) if wanted => {
                Err(Kind::Server { mode: settings.mode.as_str(), reason: e.to_string() }.into())
            }
            Err(crate::upload::Failure::NoKey { .. }) => Ok(None),
            Err(e) => {
                say::warning(&format!("recording offline: {e}"));
                settings.mode_given = true;
                Ok(None)
            }
        }
    }
}

/// This process among those that write the run.
fn writer(settings: &Settings) -> Writer {
    let Part { label, primary, finishes } = settings.uplink.part.clone();
    // As W&B's client does: lines of a console are told apart even where nobody has thought of it.
    let label = label.unwrap_or_else(|| {
        let host = super::environment::host(settings).unwrap_or_else(|| "host".to_owned());
        format!("{host}-{}", crate::os::id::generate())
    });
    Writer::new(label, primary, finishes)
}

impl Uplink {
    /// Starts the upload of a log, which has its first records.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub(crate) fn start(way: Way, settings: &Settings, sources: Sources, dir: &RunDir) -> Result<Self> {
        let Way(access) = way;
        let options = Options {
            default_project: access.project.clone(),
            default_entity: access.entity.clone(),
            resume: settings.resume,
            writer: (settings.mode == Mode::Shared).then(|| writer(settings)),
            ..Options::default()
        };
        let plan = Plan {
            log: dir.log.clone(),
            access,
            sources,
            interval: settings.uplink.interval,
            quiet: settings.quiet,
            options,
        };
        Ok(Self {
            again: Again(Arc::new(plan.clone())),
            live: Live::start(plan).map_err(Kind::Thread)?,
            patience: settings.uplink.patience,
            limit: settings.uplink.timeout,
            quiet: settings.quiet,
        })
    }

    pub(crate) fn again(&self) -> Again {
        self.again.clone()
    }

    pub(crate) fn page(&self) -> Option<String> {
        self.live.page()
    }

    pub(crate) fn wait_for_page(&self, patience: Duration) -> Option<String> {
        self.live.wait_for_page(patience)
    }

    pub(crate) fn is_stop_asked(&self) -> bool {
        self.live.is_stop_asked()
    }

    pub(crate) fn on_stop(&self, call: Box<dyn FnOnce() + Send>) {
        self.live.on_stop(call);
    }

    /// The log is complete, with so many rows: waits until it is on the server, or it is clear that it will not be. `most` is
    /// the longest wait without progress, whatever the settings say: short where the process is being ended.
    pub(crate) fn finish(&self, rows: u64, most: Duration) -> Delivery {
        self.live.complete();
        let patience = self.patience.min(most);
        let mut says = Says::new(rows, self.quiet, patience);
        let outcome = self.live.wait(patience, self.limit, &mut |standing| says.standing(standing));
        says.end();
        match (outcome, self.page()) {
            (Outcome::Whole, page) => Delivery::Whole(page.unwrap_or_default()),
            (Outcome::Part(why), page) => Delivery::Part { page, why },
        }
    }
}

/// Tells a person what the end of a run is waiting for: on a terminal in one line that changes.
struct Says {
    rows: u64,
    quiet: bool,
    terminal: bool,
    patience: Duration,
    began: Instant,
    last: Option<Instant>,
}

impl Says {
    fn new(rows: u64, quiet: bool, patience: Duration) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { rows, quiet: quiet || say::is_silent(), terminal, patience, began: Instant::now(), last: None }
    }

    fn standing(&mut self, standing: Standing) {
        let every = if self.terminal { Duration::ZERO } else { SAY_EVERY };
        let is_due = self.last.map_or(self.began.elapsed() >= SAY_AFTER, |last| last.elapsed() >= every);
        if self.quiet || !is_due {
            return;
        }
        self.last = Some(Instant::now());
        let Standing { rows, files, quiet } = standing;
        let what = match files {
            0 => format!("{} of {} rows are on the server", rows.min(self.rows), self.rows),
            files => format!("the rows are on the server, {files} files are on their way"),
        };
        let text = if quiet >= SAY_AFTER {
            let left = self.patience.saturating_sub(quiet).as_secs();
            format!("waiting for the server, {left} s more: {what}")
        } else {
            format!("uploading for {} s: {what}", self.began.elapsed().as_secs())
        };
        if self.terminal {
            drop(write!(
                std::io::stderr(),
                "\r\x1b[Kups-track: {text} (Ctrl-C leaves the rest for `ups-track sync`)"
            ));
        } else {
            say::note(&text);
        }
    }

    fn end(&self) {
        if self.terminal && self.last.is_some() {
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}
