use ups_track::{EvalSummary, eval_summary};

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

#[eval_summary]
fn evaluate() -> Scores {
    for batch in 0..3 {
        let nrmse = 0.1;
        ups_track::metric!(step = batch, nrmse);
    }
    Scores { nrmse: 0.1 }
}

fn main() {
    evaluate();
}
