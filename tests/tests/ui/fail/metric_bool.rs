use ups_track::metric;

fn main() {
    let (epoch, loss) = (1, 0.5);
    metric!(step = epoch, converged = loss < 0.1);
}
