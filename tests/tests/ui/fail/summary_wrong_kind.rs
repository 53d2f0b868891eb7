use ups_track::{EvalSummary, Metrics, RunConfig, summary};

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

#[derive(Metrics)]
struct Losses {
    data: f64,
}

#[derive(RunConfig)]
struct Hyper {
    lr: f64,
}

fn main() {
    summary!(scores = Scores { nrmse: 0.1 });
    summary!(losses = Losses { data: 0.1 });
    summary!(hyper = Hyper { lr: 0.1 });
    summary!(list = vec![1.0]);
    summary!(..Hyper { lr: 0.1 });
}
