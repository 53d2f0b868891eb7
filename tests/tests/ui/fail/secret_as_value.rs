use ups_track::{Secret, config, metric, summary};

fn main() {
    let key = Secret::new("k-123");
    let pin = Secret::new(1234);
    config!(key);
    summary!(pin);
    metric!(step = 1, value = pin);
}
