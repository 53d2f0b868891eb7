use ups_track::{EvalSummary, eval_summary};

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

#[eval_summary(prefx = "eval")]
fn unknown() -> Scores {
    Scores { nrmse: 0.1 }
}

#[eval_summary(prefix = "my eval ")]
fn bad_prefix() -> Scores {
    Scores { nrmse: 0.1 }
}

fn main() {}
