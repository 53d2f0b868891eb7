use ups_track::{Metrics, metric};

#[derive(Metrics)]
struct Losses {
    data: f64,
}

fn main() {
    let losses = Losses { data: 0.5 };
    metric!(..losses);
}
