use ups_track::{Metrics, metric};

#[derive(Metrics)]
struct Losses {
    data: f64,
}

fn main() {
    let (epoch, losses) = (1, Losses { data: 0.1 });
    metric!(step = epoch, losses);
}
