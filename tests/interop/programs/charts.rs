//! Definitions of metrics, and what the summary keeps.

use ups_track::{Run, metric, summary, track_stage};

use crate::Result;

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn summary_only(_: &Run) -> Result {
    summary!(nrmse = 0.0911, samples = 3072, verdict = "good", passed = true);
    summary!(samples = 3073);
    Ok(())
}

pub(crate) fn summary_set(run: &Run) -> Result {
    metric!(step = 0_u32, loss = f64::from(4_u8), late = f64::from(4_u8));
    summary!(loss = 0.25);
    // The writer has seen the summary before the next row comes.
    if !run.flush() {
        return Err("the log is not written".into());
    }
    metric!(step = 1_u32, loss = f64::from(2_u8), late = f64::from(2_u8));
    summary!(late = 0.125);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn aggregates(run: &Run) -> Result {
    for (name, words) in [
        ("low", "min"),
        ("high", "max"),
        ("middle", "mean"),
        ("end", "last"),
        ("begin", "first"),
        ("all", "min,max,mean,last"),
        ("none", "none"),
    ] {
        run.define_metric(name).step("step").summary(words).send();
    }
    for (step, x) in [4.0, 1.0, 7.5].into_iter().enumerate() {
        metric!(step = step, plain = x, none = x, low = x, high = x, middle = x, end = x, begin = x, all = x);
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn hidden(run: &Run) -> Result {
    run.define_metric("debug").step("step").hidden().send();
    let x = f64::from(1_u8) / 2.0;
    metric!(step = 0_u32, loss = x, debug = x + 1.0);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn glob(run: &Run) -> Result {
    run.define_metric("epoch").send();
    run.define_metric("val/*").step("epoch").send();
    for epoch in 0..4_u32 {
        let x = f64::from(epoch);
        tracing::info!(
            metric.epoch = epoch,
            "metric.val/loss" = 1.0 / (x + 1.0),
            "metric.val/deep/error" = x / 2.0
        );
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn odd_keys(run: &Run) -> Result {
    for step in 0..3_u32 {
        let x = f64::from(step);
        metric!(step = step, "a.b" = x + 0.5, "train/loss" = x + 0.25, "deep/er/x.y-z_1" = step);
    }
    run.summarize(&[("s/a", 1), ("s-b", 2)]);
    Ok(())
}

#[track_stage("operator")]
fn operator() {
    three_rows();
    fine();
}

#[track_stage("fine")]
fn fine() {
    three_rows();
}

#[track_stage("diffusion")]
fn diffusion() {
    three_rows();
}

fn three_rows() {
    for step in 0..3_u32 {
        metric!(step = step, loss = 1.0 / (f64::from(step) + 1.0));
    }
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn stages(_: &Run) -> Result {
    operator();
    diffusion();
    Ok(())
}
