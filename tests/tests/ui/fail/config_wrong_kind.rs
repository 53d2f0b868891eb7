use ups_track::{EvalSummary, Metrics, config};

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

#[derive(Metrics)]
struct Losses {
    data: f64,
}

struct ApiKey;

fn main() {
    config!(scores = Scores { nrmse: 0.1 });
    config!(losses = Losses { data: 0.1 });
    config!(key = ApiKey);
    config!(..ApiKey);
}
