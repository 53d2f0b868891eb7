use ups_track::metric;

fn main() {
    let (epoch, loss) = (1, 0.5);
    metric!(step = epoch, _runtime = loss, "train loss" = loss, "" = loss, größe = loss);
}
