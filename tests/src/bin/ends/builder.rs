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
        "init-error" => {
            let _run = ups_track::init()?;
            work();
            // As any error of the program's own.
            return Err(ups_track::Context::load("gone").err().unwrap_or_else(|| unreachable!()));
        }
        "init-error-later" => {
            drop(ups_track::init()?);
            let run = Run::builder().id("second").start()?;
            direct(&run);
            run.finish()?;
            return Ok(ExitCode::FAILURE);
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
        "tags" => {
            let run = Run::builder().start()?;
            for round in 0..1000 {
                run.add_tags((0..100).map(|tag| format!("tag-{round}-{tag}")));
                run.set_notes(round.to_string());
                run.set_name(format!("name-{round}"));
            }
        }
        "clock" => clock()?,
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

/// A row each time that the clock of the wall was set, by the seconds that this writes for the test's library.
fn clock() -> ups_track::Result<()> {
    let run = Run::builder().quiet(true).start()?;
    let day = 24 * 3600;
    for (step, shift) in [0, 365 * day, -day, 0].into_iter().enumerate() {
        let set = std::env::var_os("SHIFT").map(|file| std::fs::write(file, shift.to_string()));
        tell(if matches!(set, Some(Ok(()))) { "set" } else { "the clock was not set" });
        run.flush();
        std::thread::sleep(std::time::Duration::from_millis(20));
        run.log(step, &[("value", 1.0)]);
        run.flush();
    }
    tell(&run.finish()?.to_string());
    Ok(())
}

/// As [`work`], with the direct calls alone.
pub(crate) fn direct(run: &Run) {
    run.update_config(&[("rate", 0.1)]);
    for step in 0..ROWS {
        run.log(step, &[("loss", loss(step))]);
    }
    run.summarize(&[("score", 0.25)]);
}
