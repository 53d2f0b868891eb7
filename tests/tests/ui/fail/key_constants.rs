use ups_track::Key;

pub const RESERVED: Key = Key::new("_x");
pub const CHARACTER: Key = Key::new("a b ");
pub const EMPTY: Key = Key::new("");

fn main() {}
