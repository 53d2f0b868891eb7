#![deny(warnings)]

use ups_track::{EvalSummary, alert, config, eval_summary, file, metric, track_stage};

#[derive(EvalSummary)]
struct Scores {
    each: f64,
    prefix: f64,
}

#[track_stage("operator", fields(stage_name = stage))]
fn train(stage: &str, out: &str) -> Result<String, String> {
    let span = format!("{stage}{out}");
    Ok(span)
}

#[eval_summary]
fn evaluate(out: f64, each: f64) -> Scores {
    Scores { each, prefix: out }
}

fn main() {
    let (entry_0, entry_1, json, title, text, path) = (1.0, 2.0, 3.0, "t", "x", "p");
    config!(a = entry_1, b = entry_0, c = json);
    alert!(title, "{text} {title}");
    alert!(text, "{title}");
    file!(path);
    metric!(step = 1, entry_0);
    assert_eq!(train("a", "b").as_deref(), Ok("ab"));
    assert!(evaluate(1.0, 2.0).prefix < 1.5);
}
