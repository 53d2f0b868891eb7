use ups_track::{Metrics, Run, RunConfig};

#[derive(RunConfig)]
struct Hyper {
    lr: f64,
}

#[derive(Metrics)]
struct Losses {
    data: f64,
}

fn summarize(run: &Run, hyper: &Hyper, losses: &Losses) {
    run.summarize(losses);
    run.summarize(hyper);
    run.summarize(&("nrmse", 0.09));
    run.summarize(&[("shape", vec![1, 2])]);
}

fn main() {}
