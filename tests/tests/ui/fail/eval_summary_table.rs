use ups_track::{EvalSummary, eval_summary};

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

#[eval_summary(table = "_scores")]
fn reserved() -> Scores {
    Scores { nrmse: 0.1 }
}

#[eval_summary(table = 3, baseline = " ")]
fn number() -> Scores {
    Scores { nrmse: 0.1 }
}

#[eval_summary(table, tabel)]
fn twice() -> Scores {
    Scores { nrmse: 0.1 }
}

#[eval_summary(table)]
fn no_scores() -> f64 {
    0.1
}

fn main() {}
