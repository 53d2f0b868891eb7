use ups_track::metric;

fn main() {
    let epoch = 1;
    metric!(step = epoch);
}
