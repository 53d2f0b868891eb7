use ups_track::{Metrics, RunConfig};

#[derive(Metrics, RunConfig)]
struct Both<T> {
    a: T,
}

fn main() {}
