#[ups_track::main(projct = "p", tags = "a", name = 3, entity = "")]
fn main() {}
