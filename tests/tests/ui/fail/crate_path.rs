use ups_track::metric;

fn main() {
    let loss = 0.5;
    metric!(crate = renamed, step = 1, loss);
}
