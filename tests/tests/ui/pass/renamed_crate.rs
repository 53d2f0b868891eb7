#![deny(warnings)]

extern crate ups_track as renamed;

use renamed::{EvalSummary, Metrics, RunConfig, eval_summary, metric, track_stage};

#[derive(Metrics)]
#[track(crate = ::renamed)]
struct Losses {
    data: f64,
}

#[derive(EvalSummary)]
#[track(crate = ::renamed)]
struct Scores {
    nrmse: f64,
}

#[derive(RunConfig)]
#[track(crate = ::renamed)]
struct Hyper {
    lr: f64,
}

#[track_stage("operator", crate = ::renamed)]
fn train() -> Result<(), String> {
    metric!(crate = ::renamed, step = 1, ..Losses { data: 1.0 });
    Ok(())
}

#[eval_summary(crate = ::renamed)]
fn evaluate() -> Scores {
    Scores { nrmse: 0.1 }
}

#[track_stage("both", crate = ::renamed)]
#[eval_summary(crate = ::renamed)]
fn both() -> Scores {
    Scores { nrmse: 0.1 }
}

mod program {
    #[renamed::main(crate = ::renamed)]
    pub(super) fn main() {}
}

fn main() {
    let _: fn() = program::main;
    both();
    train().unwrap();
    evaluate();
    renamed::config!(crate = ::renamed, ..Hyper { lr: 0.1 });
    renamed::summary!(crate = ::renamed, a = 1);
    renamed::alert!(crate = ::renamed, "title");
    renamed::file!("a", crate = ::renamed);
}
