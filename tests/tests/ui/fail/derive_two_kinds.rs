use ups_track::{EvalSummary, Metrics};

#[derive(Metrics, EvalSummary)]
struct Both {
    a: f64,
}

fn main() {}
