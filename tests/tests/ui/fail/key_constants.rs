use ups_track::{Key, metric};

const RESERVED: Key = Key::new("_x");
const CHARACTER: Key = Key::new("a b");
const EMPTY: Key = Key::new("");

fn main() {
    let x = 1.0;
    metric!(step = 1, { RESERVED } = x, { CHARACTER } = x, { EMPTY } = x);
}
