use ups_track::{EvalSummary, Run, RunConfig};

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

#[derive(RunConfig)]
struct Hyper {
    lr: f64,
}

fn log(run: &Run, scores: &Scores, hyper: &Hyper) {
    run.log(1, scores);
    run.log(1, hyper);
    run.log("a", &[("loss", 0.5)]);
    run.log(1, &[("phase", "warm-up")]);
    run.log(1, &("loss", 0.5));
}

fn main() {}
