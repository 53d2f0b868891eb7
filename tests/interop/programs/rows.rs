//! Rows of the history.

use ups_track::{Run, metric};

use crate::Result;

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn plain(_: &Run) -> Result {
    for step in 0..10_u32 {
        let x = f64::from(step);
        metric!(step = step, loss = 1.0 / (x + 1.0), accuracy = x / 10.0);
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn gaps(_: &Run) -> Result {
    for step in [0_u32, 10, 11, 500] {
        metric!(step = step, loss = f64::from(step) / 4.0);
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn backwards(_: &Run) -> Result {
    for step in [5, 6, 6, 2, -1] {
        metric!(step = step, loss = f64::from(step) / 4.0);
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn several(run: &Run) -> Result {
    for step in 0..5_u32 {
        let mut row: Vec<(String, f64)> =
            (0..12_u32).map(|i| (format!("m{i}"), f64::from(step) * 0.1 + f64::from(i))).collect();
        if step % 2 == 1 {
            row.push(("rare".to_owned(), f64::from(step)));
        }
        run.log(step, &row);
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn not_finite(_: &Run) -> Result {
    for (step, loss, low) in
        [(0, f64::NAN, None), (1, f64::INFINITY, Some(f64::NEG_INFINITY)), (2, 0.5, None)]
    {
        metric!(step = step, loss, low);
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn big_integers(run: &Run) -> Result {
    let (beyond, most, least, unsigned) = ((1_i64 << 53) + 1, i64::MAX, i64::MIN, u64::MAX);
    run.update_config(&[("c_beyond", beyond), ("c_most", most), ("c_least", least)]);
    run.update_config(&[("c_unsigned", unsigned)]);
    metric!(step = (1_u64 << 60) + 1, beyond, most, least, unsigned);
    run.summarize(&[("s_beyond", beyond), ("s_most", most), ("s_least", least)]);
    run.summarize(&[("s_unsigned", unsigned)]);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn many_rows(_: &Run) -> Result {
    for step in 0..20_000_u32 {
        let x = f64::from(step);
        metric!(step = step, loss = 1.0 / (x + 1.0), lr = 0.001 * x);
    }
    Ok(())
}
