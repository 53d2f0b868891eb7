//! Numbers as people say them: lengths of time, sizes, values, a line of many.

/// A length of time as people say it.
pub(crate) fn duration(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a length of time, for display"
    )]
    let whole = seconds as u64;
    match whole {
        0 => format!("{:.0} ms", seconds * 1e3),
        1..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

/// A size as people say it.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// A number with four digits that count.
pub(crate) fn short(v: f64) -> String {
    if !v.is_finite() {
        return if v.is_nan() {
            "NaN".into()
        } else if v > 0.0 {
            "Infinity".into()
        } else {
            "-Infinity".into()
        };
    }
    if v.fract() == 0.0 && v.abs() < 1e9 {
        return format!("{v:.0}");
    }
    match v.abs() {
        a if (1e-3..1e4).contains(&a) => {
            #[expect(clippy::cast_possible_truncation, reason = "the number of digits before the point")]
            let before = a.log10().floor() as i32;
            let decimals = usize::try_from(3 - before).unwrap_or(0);
            format!("{v:.decimals$}")
        }
        _ => format!("{v:.3e}"),
    }
}

/// Values as a line of blocks, at most `width` wide. What is not finite is left out.
pub(crate) fn sparkline(values: &[f64], width: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let low = finite.iter().copied().fold(f64::INFINITY, f64::min);
    let high = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let columns = finite.len().min(width);
    let mut line = String::new();
    for column in 0..columns {
        let (from, to) = (column * finite.len() / columns, (column + 1) * finite.len() / columns);
        let cell = finite.get(from..to).unwrap_or_default();
        let mean = cell.iter().sum::<f64>() / cell.len() as f64;
        let height = if high > low { (mean - low) / (high - low) * 7.0 } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
        let block = BLOCKS.get(height.round() as usize).copied().unwrap_or('█');
        line.push(block);
    }
    line
}
