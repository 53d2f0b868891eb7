use ups_track::{EvalSummary, metric};

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

fn main() {
    let (epoch, scores) = (1, Scores { nrmse: 0.1 });
    metric!(step = epoch, scores);
}
