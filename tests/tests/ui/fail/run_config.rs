use ups_track::{EvalSummary, Metrics, Run};

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

#[derive(Metrics)]
struct Losses {
    data: f64,
}

struct Plain;

fn configure(run: &Run, scores: &Scores, losses: &Losses) {
    run.update_config(scores);
    run.update_config(losses);
    run.update_config(&[("plain", Plain)]);
    let _ = Run::builder().config(losses);
}

fn main() {}
