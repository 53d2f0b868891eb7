//! Programs that start their run themselves.

use std::process::ExitCode;

use ups_track::{Run, RunGuard};

use crate::attribute::die;
use crate::work::{ROWS, loss, rows, tell, wait, work};

pub(crate) fn main(program: &str) -> ExitCode {
    match run(program) {
        Ok(code) => code,
        Err(e) => {
            // Where the test looks for it, apart from what ups-track says itself.
            tell(&format!("error: {e}"));
            ExitCode::FAILURE
        }
    }
}

fn run(program: &str) -> ups_track::Result<ExitCode> {
    match program {
        "init-drop" => {
            let _run = ups_track::init()?;
            work();
        }
        "init-finish" => {
            let run = ups_track::init()?;
            work();
            let finished = run.finish()?;
            tell(&format!("rows {} lost {} code {}", finished.rows(), finished.lost(), finished.exit_code()));
        }
        "init-panic" => {
            let _run = ups_track::init()?;
            work();
            die();
        }
        "init-exit" => {
            let _run = ups_track::init()?;
            work();
            std::process::exit(3);
        }
        "init-wait" => {
            let _run = ups_track::init()?;
            work();
            wait();
        }
        "init-late" => {
            let run = ups_track::init()?;
            work();
            let first = run.finish()?;
            rows(ROWS..ROWS + 50);
            run.log(7, &[("loss", 1.0)]);
            let second = run.finish()?;
            tell(&format!("rows {} lost {}", first.rows(), first.lost()));
            tell(&format!("rows {} lost {}", second.rows(), second.lost()));
        }
        "init-twice" => {
            tracing_subscriber::util::SubscriberInitExt::init(tracing_subscriber::registry());
            drop(ups_track::init()?);
        }
        "guard-drop" => {
            let run = Run::builder().start()?;
            direct(&run);
        }
        "guard-panic" => {
            let run = Run::builder().start()?;
            direct(&run);
            die();
        }
        "guard-exit" => {
            let run = Run::builder().global(false).start()?;
            direct(&run);
            std::process::exit(3);
        }
        "guard-let-go" => {
            // Nobody keeps a handle: the run ends with the process.
            let run = RunGuard::into_run(Run::builder().global(false).start()?);
            direct(&run);
            drop(run);
            return Ok(ExitCode::from(2));
        }
        "guard-second" => {
            let first = Run::builder().global(true).start()?;
            direct(&first);
            let second = Run::builder().global(true).start();
            drop(second?);
        }
        "precedence" => {
            let run = Run::builder().project("builder").id("from-builder").tags(["x"]).start()?;
            direct(&run);
        }
        "disabled" => {
            let run = ups_track::init()?;
            work();
            direct(&run);
            let finished = run.finish()?;
            tell(&format!("rows {} dir {}", finished.rows(), finished.dir().is_some()));
        }
        other => return Ok(crate::unknown(other)),
    }
    Ok(ExitCode::SUCCESS)
}

/// As [`work`], with the direct calls alone.
pub(crate) fn direct(run: &Run) {
    run.update_config(&[("rate", 0.1)]);
    for step in 0..ROWS {
        run.log(step, &[("loss", loss(step))]);
    }
    run.summarize(&[("score", 0.25)]);
}
