use ups_track::metric;

fn main() {
    let (epoch, loss) = (1, 0.5);
    metric!(step = epoch, _runtime = loss, "loss " = loss, "" = loss, "a\u{202e}b" = loss, größe = loss);
}
