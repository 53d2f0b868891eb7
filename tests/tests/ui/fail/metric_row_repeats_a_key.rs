use ups_track::{Metrics, metric};

#[derive(Metrics)]
struct Losses {
    loss: f64,
}

#[derive(Metrics)]
struct Epoch {
    #[track(step)]
    number: u64,
}

fn main() {
    let (row, epoch, loss) = (Losses { loss: 0.5 }, Epoch { number: 1 }, 0.5);
    metric!(step = 1, loss, ..row);
    metric!(step = 1, ..epoch);
}
