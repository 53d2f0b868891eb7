use ups_track::EvalSummary;

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
    note: String,
    per_case: Vec<f64>,
}

fn main() {}
