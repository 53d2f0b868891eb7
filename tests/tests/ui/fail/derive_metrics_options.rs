use ups_track::Metrics;

#[derive(Metrics)]
struct Losses {
    #[track(goal = "min")]
    data: f64,
    #[track(rename = "data")]
    physics: f64,
    #[track(skip, rename = "x")]
    hidden: f64,
    #[track(prefix = "p")]
    lost: f64,
    #[track(rename = "a b ")]
    spaced: f64,
    _private: f64,
    #[track(rnme = "c")]
    typo: f64,
}

fn main() {}
