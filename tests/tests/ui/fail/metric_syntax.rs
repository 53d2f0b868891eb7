use ups_track::metric;

struct Hyper {
    lr: f64,
}

fn main() {
    let (epoch, h, loss) = (1, Hyper { lr: 0.1 }, 0.5);
    metric!(step = epoch, h.lr);
    metric!(step = epoch, loss.sqrt(), loss = );
    metric!(step = epoch, %loss, lr = ?h.lr);
    metric!(step = epoch loss);
    metric!(step = epoch, ..[("a", loss)], loss);
    metric!(step = epoch, ..);
}
