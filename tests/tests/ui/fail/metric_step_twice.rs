use ups_track::metric;

fn main() {
    let (step, loss) = (1, 0.5);
    metric!(step, loss, step = step + 1);
}
