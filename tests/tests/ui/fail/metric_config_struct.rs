use ups_track::{RunConfig, metric};

#[derive(RunConfig)]
struct Hyper {
    lr: f64,
}

fn main() {
    let (epoch, hyper) = (1, Hyper { lr: 0.1 });
    metric!(step = epoch, hyper);
}
