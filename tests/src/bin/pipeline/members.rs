//! Single members of a pipeline.

use std::process::ExitCode;

use ups_track::{Alert, FilePolicy, Run, RunGuard, Stream, config, metric, summary};

use crate::{Result, tell, wait};

/// Starts a run, tells its context file, and records a row now and again until the test closes our standard input.
pub(crate) fn parent() -> Result {
    let run = Run::from_env()?;
    let path = run.save_context("context.json")?;
    tell(&format!("ready {}", path.display()));
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        wait();
        let _heard = done.send(());
    });
    let pause = std::time::Duration::from_millis(7);
    let mut step = 0_u64;
    while is_done.recv_timeout(pause).is_err() {
        run.log(step, &[("parent/value", step as f64)]);
        step += 1;
    }
    let finished = run.finish()?;
    tell(&format!("finished {step} {}", finished.rows()));
    Ok(ExitCode::SUCCESS)
}

/// A run that the builder names, whatever the environment says.
pub(crate) fn other(id: &str) -> Result {
    let run = Run::builder().id(id).start()?;
    run.log(0, &[("other", 1)]);
    tell(&format!("attached {}", run.is_attached()));
    run.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Records some rows and twenty summary values, and tells how many rows are safe. With `hold` it does not come to its
/// end before the test lets it.
pub(crate) fn rows(name: &str, count: &str, hold: bool) -> Result {
    let run = Run::from_env()?;
    let count: u64 = count.parse()?;
    for step in 0..count {
        run.log(step, &[(format!("{name}/value"), step as f64)]);
        if step % 100 == 99 && run.flush() {
            tell(&format!("flushed {}", step + 1));
        }
    }
    let values: Vec<_> = (0..20).map(|n| (format!("{name}/score{n}"), f64::from(n) * 0.5)).collect();
    run.summarize(values.as_slice());
    if run.flush() {
        tell("summarized");
    }
    if hold {
        wait();
    }
    let finished = run.finish()?;
    tell(&format!("finished {}", finished.rows()));
    Ok(ExitCode::SUCCESS)
}

/// Records row after row until it is killed, and tells how many are safe, with a pause of so many milliseconds now and
/// again.
pub(crate) fn steady(run: ups_track::Result<RunGuard>, name: &str, pause: u64) -> Result {
    let run = run?;
    for step in 0_u64.. {
        run.log(step, &[(format!("{name}/value"), step as f64)]);
        if step % 20 == 19 && run.flush() {
            tell(&format!("flushed {}", step + 1));
            std::thread::sleep(std::time::Duration::from_millis(pause));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Records one of everything, with the macros.
pub(crate) fn everything() -> Result {
    let run = Run::builder().config(&[("from_builder", 3)]).tags(["evaluated"]).name("of its own").init()?;
    let (samples, score, label) = (12, 0.75, "good");
    config!(samples);
    {
        let _stage = tracing::info_span!("evaluation", stage = "eval").entered();
        for step in 0_u64..3 {
            metric!(step = step, loss = 1.0 / (step + 1) as f64);
        }
    }
    summary!(score, label);
    run.alert(Alert::new("look").text("at this"));
    run.write_console(Stream::Stdout, "said by the child\n");
    run.set_notes("from the child");
    run.define_metric("late/*").step("late/at").send();
    std::fs::write("report.txt", "now")?;
    run.save_file("report.txt", FilePolicy::Now)?;
    std::fs::write("model.bin", "early")?;
    run.save_file("model.bin", FilePolicy::End)?;
    std::fs::write("model.bin", "late")?;
    tell(&format!("attached {} {}", run.is_attached(), run.id()));
    run.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Records a row and panics.
#[expect(clippy::panic, reason = "this is what the test is about")]
pub(crate) fn panic() -> Result {
    let run = Run::from_env()?;
    run.log(0, &[("last", 1)]);
    panic!("on purpose");
}

/// Tells what a client of W&B would find in its environment.
pub(crate) fn environment() {
    let mut variables: Vec<_> = std::env::vars()
        .filter(|(name, _)| name.starts_with("WANDB_") || name.starts_with("UPS_TRACK_"))
        .collect();
    variables.sort();
    for (name, value) in variables {
        tell(&format!("{name}={value}"));
    }
}

/// A program that only has the attribute.
pub(crate) fn main_attribute() {
    #[ups_track::main(subscriber = true)]
    fn main() {
        for step in 0_u64..10 {
            metric!(step = step, main = step);
        }
        tell(&format!("run {}", Run::global().map(|run| run.id().to_owned()).unwrap_or_default()));
    }
    main();
}
