//! Programs that know `tracing` alone: a bare layer, no guard, no handlers.

use std::process::ExitCode;

use tracing_subscriber::prelude::*;

use crate::attribute::die;
use crate::work::{plain_work, wait};

pub(crate) fn main(program: &str) -> ExitCode {
    tracing_subscriber::registry().with(ups_track::layer()).init();
    plain_work();
    match program {
        "return" => ExitCode::SUCCESS,
        "code" => ExitCode::from(4),
        "exit" => std::process::exit(7),
        "exit-elsewhere" => {
            let exits = std::thread::spawn(|| std::process::exit(7));
            drop(exits.join());
            ExitCode::SUCCESS
        }
        "panic" => die(),
        "wait" => {
            wait();
            ExitCode::SUCCESS
        }
        other => crate::unknown(other),
    }
}
