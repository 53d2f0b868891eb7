use ups_track::{EvalSummary, metric};

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

fn main() {
    metric!(step = 1, ..Scores { nrmse: 0.1 });
}
