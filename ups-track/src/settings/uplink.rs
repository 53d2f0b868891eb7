//! What is settled about the upload of a run that is recorded online.

use std::time::Duration;

use super::resolve::Overrides;
use super::source::{Given, Sources};
use crate::error::Result;

/// How a process takes part in a run of mode shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// What people tell it by.
    pub(crate) label: Option<String>,
    /// Whether it speaks for the run.
    pub(crate) primary: bool,
    /// Whether its end is the end of the run.
    pub(crate) finishes: bool,
}

/// The settings of an upload beside the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UplinkSettings {
    /// How it takes part, if the mode is shared.
    pub(crate) part: Part,
    /// Time between two requests with rows.
    pub(crate) interval: Duration,
    /// How long the end of a run waits for an upload that makes no progress.
    pub(crate) patience: Duration,
    /// How long it waits for an upload in all.
    pub(crate) timeout: Option<Duration>,
}

/// The longest time that a setting takes.
const MOST_SECONDS: f64 = 366.0 * 24.0 * 3600.0;

/// The default time between two requests with rows.
const INTERVAL: Duration = Duration::from_secs(15);

/// How long the end of a run waits by default for an upload that makes no progress.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two requests with rows.
pub(crate) fn stream_interval(sources: &Sources) -> Result<Duration> {
    let vars = ["WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "WANDB__FILE_STREAM_TRANSMIT_INTERVAL"];
    Ok(seconds(sources, None, &vars, "x_file_stream_transmit_interval")?.unwrap_or(INTERVAL))
}

/// Settles them.
pub(super) fn resolve(given: &Overrides, sources: &Sources) -> Result<UplinkSettings> {
    let flag = |vars: &[&str], name: &str| Ok::<_, crate::Error>(sources.flag(vars, name)?.unwrap_or(true));
    let label = sources.find(None, &["WANDB_X_LABEL", "WANDB__LABEL"], "x_label");
    let patience =
        given.finish_patience.map(|d| Given::builder("finish_patience", d.as_secs_f64().to_string()));
    Ok(UplinkSettings {
        part: Part {
            label: label.map(|found| found.value),
            primary: flag(&["WANDB_X_PRIMARY", "WANDB__PRIMARY"], "x_primary")?,
            finishes: flag(
                &["WANDB_X_UPDATE_FINISH_STATE", "WANDB__UPDATE_FINISH_STATE"],
                "x_update_finish_state",
            )?,
        },
        interval: stream_interval(sources)?,
        patience: seconds(sources, patience, &["UPS_TRACK_FINISH_PATIENCE"], "finish_patience")?
            .unwrap_or(PATIENCE),
        // 0 means none, as it does for W&B.
        timeout: seconds(sources, None, &["WANDB_FINISH_TIMEOUT"], "finish_timeout")?
            .filter(|limit| !limit.is_zero()),
    })
}

fn seconds(
    sources: &Sources,
    builder: Option<Given>,
    vars: &[&str],
    name: &'static str,
) -> Result<Option<Duration>> {
    let Some(found) = sources.find(builder, vars, name) else { return Ok(None) };
    match found.value.trim().parse::<f64>() {
        Ok(seconds) if (0.0..=MOST_SECONDS).contains(&seconds) => Ok(Some(Duration::from_secs_f64(seconds))),
        _ => Err(found.refuse(name, "must be a number of seconds, up to a year")),
    }
}
