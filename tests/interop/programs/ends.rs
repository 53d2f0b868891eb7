//! Ends and new beginnings.

use std::io::Write as _;

use ups_track::{Run, config, metric, summary};

use crate::Result;

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn no_data(_: &Run) -> Result {
    Ok(())
}

fn one_row() {
    metric!(step = 0_u32, loss = f64::from(1_u8) / 2.0);
}

pub(crate) fn exit_code(run: &Run) -> Result {
    one_row();
    run.finish_with(3)?;
    Ok(())
}

pub(crate) fn failing(_: &Run) -> Result {
    one_row();
    Err("this program always fails".into())
}

pub(crate) fn exiting(_: &Run) -> Result {
    one_row();
    std::process::exit(7)
}

/// Says when everything is safe, and waits.
pub(crate) fn killed(run: &Run) -> Result {
    config!(lr = 0.5);
    run.add_tags(["x"]);
    for step in 0..50_u32 {
        metric!(step = step, loss = 1.0 / (f64::from(step) + 1.0));
    }
    summary!(nrmse = 0.25);
    if !run.flush() {
        return Err("the log is not written".into());
    }
    println!("ready");
    std::io::stdout().flush()?;
    loop {
        std::thread::park();
    }
}

fn rows(steps: std::ops::Range<u32>) {
    for step in steps {
        metric!(step = step, loss = 1.0 / (f64::from(step) + 1.0));
    }
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn resumed(run: &Run) -> Result {
    config!(lr = 0.5, first = 1);
    run.add_tags(["x"]);
    rows(0..3);
    summary!(nrmse = 0.25);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn resumed_again(_: &Run) -> Result {
    config!(second = 2);
    rows(3..5);
    Ok(())
}
