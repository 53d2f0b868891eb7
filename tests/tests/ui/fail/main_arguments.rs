#[ups_track::main]
fn main(arguments: Vec<String>) {}
