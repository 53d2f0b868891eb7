//! Programs whose disk is full.

use std::process::ExitCode;

use ups_track::{Run, Stream};

use crate::work::{ROWS, rows, tell, work};

pub(crate) fn main(program: &str) -> ExitCode {
    match program {
        "burst" => burst(),
        "rows" => steady::main(),
        "second" => for_a_while(0),
        "gap" => for_a_while(150_000),
        other => crate::unknown(other),
    }
}

/// One record that is larger than what is left, then more rows.
fn burst() -> ExitCode {
    let run = match ups_track::init() {
        Ok(run) => run,
        Err(e) => {
            tell(&format!("error: {e}"));
            return ExitCode::FAILURE;
        }
    };
    work();
    if !run.flush() {
        tell("error: no flush");
    }
    run.write_console(Stream::Stdout, "x".repeat(4 << 20));
    // Returns when the writer has seen the disk's answer.
    run.flush();
    rows(ROWS..ROWS + 40);
    told(&run);
    ExitCode::SUCCESS
}

/// A disk that has room again after `more` rows: the test has put a file `ballast` beside our `wandb`.
fn for_a_while(more: u64) -> ExitCode {
    let run = match ups_track::init() {
        Ok(run) => run,
        Err(e) => {
            tell(&format!("error: {e}"));
            return ExitCode::FAILURE;
        }
    };
    let mut step = 0;
    loop {
        rows(step..step + 100);
        step += 100;
        if !run.flush() {
            break;
        }
    }
    work_after_rows();
    rows(step..step + more);
    step += more;
    run.flush();
    let ballast = std::env::var_os("WANDB_DIR").map(|dir| std::path::Path::new(&dir).join("ballast"));
    if let Err(e) = std::fs::remove_file(ballast.unwrap_or_default()) {
        tell(&format!("error: {e}"));
    }
    tell(&format!("flushed {}", run.flush()));
    rows(step..step + 100);
    tell(&format!("{}", step + 100));
    told(&run);
    ExitCode::SUCCESS
}

/// What is no row, while nothing can be written.
fn work_after_rows() {
    let rate = 0.1;
    ups_track::config!(rate);
    let score = 0.25;
    ups_track::summary!(score);
}

/// Tells the test what finishing says.
fn told(run: &Run) {
    match run.finish() {
        Ok(finished) => tell(&format!("finished, lost {}", finished.lost())),
        Err(e) => tell(&format!("log failed {}: {e}", e.is_log())),
    }
}

/// Row after row, until long after the disk is full; nobody asks how it went.
mod steady {
    use std::process::ExitCode;

    use super::{Run, rows, tell};

    #[ups_track::main(project = "ends")]
    pub(super) fn main() -> ExitCode {
        rows(0..1000);
        let flushed = Run::global().is_some_and(|run| run.flush());
        tell(&format!("flushed {flushed}"));
        rows(1000..50_000);
        tell("went on to the end");
        ExitCode::SUCCESS
    }
}
