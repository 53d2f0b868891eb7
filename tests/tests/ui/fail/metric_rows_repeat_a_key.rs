use ups_track::{Key, Metrics, metric};

#[derive(Metrics)]
struct Losses {
    norm: f64,
    #[track(flatten)]
    gradients: Gradients,
}

#[derive(Metrics)]
struct Gradients {
    norm: f64,
}

const NORM: Key = Key::new("norm");

fn main() {
    let (epoch, norm) = (1, 0.5);
    metric!(step = epoch, norm, {NORM} = norm);
}
