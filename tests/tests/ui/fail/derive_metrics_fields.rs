use ups_track::Metrics;

#[derive(Metrics)]
struct Losses {
    data: f64,
    name: String,
    done: bool,
    parts: Vec<f64>,
}

fn main() {}
