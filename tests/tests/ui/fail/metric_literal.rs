use ups_track::metric;

fn main() {
    let epoch = 1;
    metric!(step = epoch, samples = 3072, "opt/lr" = -(1.0 / 3.0), name = "burgers");
}
