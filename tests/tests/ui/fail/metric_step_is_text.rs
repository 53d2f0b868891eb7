use ups_track::metric;

fn main() {
    let loss = 0.5;
    metric!(step = "first", loss);
}
