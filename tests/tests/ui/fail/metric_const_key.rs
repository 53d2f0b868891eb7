use ups_track::{Key, metric};

const BAD: Key = Key::new("_loss");

fn main() {
    let loss = 0.5;
    metric!(step = 1, {BAD} = loss);
    metric!(step = 1, {"loss"} = loss);
}
