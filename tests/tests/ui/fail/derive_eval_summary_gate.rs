use ups_track::EvalSummary;

#[derive(EvalSummary)]
struct Scores {
    #[track(gate)]
    a: f64,
    #[track(gate(maximum = 0.1))]
    b: f64,
    #[track(gate(max = "small"))]
    c: f64,
}

fn main() {}
