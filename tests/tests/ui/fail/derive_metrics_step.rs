use ups_track::Metrics;

#[derive(Metrics)]
struct TwoSteps {
    #[track(step)]
    epoch: u64,
    #[track(step)]
    batch: u64,
}

#[derive(Metrics)]
struct Renamed {
    #[track(step, rename = "number")]
    epoch: u64,
    loss: f64,
}

#[derive(Metrics)]
struct Text {
    #[track(step)]
    epoch: String,
    loss: f64,
}

#[derive(Metrics)]
struct Epoch {
    #[track(step)]
    number: u64,
}

#[derive(Metrics)]
struct Outer {
    #[track(flatten)]
    epoch: Epoch,
}

fn main() {}
