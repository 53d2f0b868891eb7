use ups_track::{EvalSummary, Metrics, eval_summary, file};

#[derive(Metrics)]
struct Losses {
    #[track("l2")]
    data: f64,
}

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

#[eval_summary("eval/ttc")]
fn evaluate() -> Scores {
    Scores { nrmse: 0.1 }
}

fn main() {
    file!("model.bin", "end");
}
