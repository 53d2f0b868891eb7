use ups_track::{EvalSummary, Metrics};

#[derive(Metrics)]
struct Losses {
    #[track(flatten)]
    parts: f64,
}

#[derive(EvalSummary)]
struct Scores {
    #[track(flatten)]
    losses: Losses,
}

fn main() {}
