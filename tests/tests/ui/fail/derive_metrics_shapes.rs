use ups_track::{Metrics, metric};

#[derive(Metrics)]
enum Either {
    A,
}

#[derive(Metrics)]
struct Tuple(f64);

#[derive(Metrics)]
struct Unit;

#[derive(Metrics)]
union Bits {
    a: u8,
}

fn main() {
    // The types are still rows: no second error.
    metric!(step = 1, ..Unit);
}
