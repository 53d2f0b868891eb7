use ups_track::Metrics;

#[derive(Metrics)]
struct Losses {
    #[track(flatten)]
    parts: f64,
    #[track(flatten, rename = "x")]
    more: Option<Parts>,
}

#[derive(Metrics)]
struct Parts {
    a: f64,
}

fn main() {}
