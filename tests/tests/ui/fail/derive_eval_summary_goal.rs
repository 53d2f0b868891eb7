use ups_track::EvalSummary;

#[derive(EvalSummary)]
struct Scores {
    #[track(goal = "min")]
    note: String,
    #[track(goal = "smallest")]
    nrmse: f64,
}

#[derive(EvalSummary)]
struct More {
    #[track(goal = "min")]
    note: String,
    #[track(goal = "max")]
    passed: bool,
}

fn main() {}
