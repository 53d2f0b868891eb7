//! The programs of `../programs.py`, written with ups-track: `interop-programs NAME`. What the run is, and where it goes,
//! says the environment alone.

mod charts;
mod described;
mod ends;
mod rows;

use std::error::Error;

use ups_track::Run;

type Result = std::result::Result<(), Box<dyn Error>>;

/// A program. The run is that of the process.
type Program = fn(&Run) -> Result;

const PROGRAMS: &[(&str, Program)] = &[
    ("plain", rows::plain),
    ("gaps", rows::gaps),
    ("backwards", rows::backwards),
    ("several", rows::several),
    ("not_finite", rows::not_finite),
    ("big_integers", rows::big_integers),
    ("many_rows", rows::many_rows),
    ("nested_config", described::nested_config),
    ("config_updates", described::config_updates),
    ("described", described::described),
    ("environment", described::environment),
    ("unicode", described::unicode),
    ("console", described::console),
    ("alerts", described::alerts),
    ("files", described::files),
    ("changing_file", described::changing_file),
    ("long_text", described::long_text),
    ("summary_only", charts::summary_only),
    ("summary_set", charts::summary_set),
    ("aggregates", charts::aggregates),
    ("hidden", charts::hidden),
    ("glob", charts::glob),
    ("odd_keys", charts::odd_keys),
    ("stages", charts::stages),
    ("no_data", ends::no_data),
    ("exit_code", ends::exit_code),
    ("failing", ends::failing),
    ("exiting", ends::exiting),
    ("killed", ends::killed),
    ("resumed", ends::resumed),
    ("resumed_again", ends::resumed_again),
];

#[ups_track::main]
fn main() -> Result {
    let name = std::env::args().nth(1).unwrap_or_default();
    let (_, program) =
        PROGRAMS.iter().find(|(known, _)| *known == name).ok_or_else(|| format!("no program {name:?}"))?;
    program(&Run::global().ok_or("there is no run")?)
}
