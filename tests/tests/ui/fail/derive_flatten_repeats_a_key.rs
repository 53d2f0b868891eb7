use ups_track::{EvalSummary, RunConfig};

#[derive(EvalSummary)]
struct Scores {
    #[track(rename = "physics/mse")]
    mse: f64,
    #[track(flatten, prefix = "physics")]
    physics: Physics,
}

#[derive(EvalSummary)]
struct Physics {
    mse: f64,
}

#[derive(RunConfig)]
struct Hyper {
    lr: f64,
    #[track(flatten)]
    optimizer: Optimizer,
}

#[derive(RunConfig)]
struct Optimizer {
    lr: f64,
}

fn main() {}
