use std::time::Duration;

use ups_track::metric;

fn main() {
    let epoch = 1;
    let took = Duration::from_secs(1);
    let parsed = "1".parse::<f64>();
    let list = vec![1.0];
    metric!(step = epoch, took, parsed, list);
}

fn generic<T: Copy>(epoch: u64, value: T) {
    metric!(step = epoch, value);
}
