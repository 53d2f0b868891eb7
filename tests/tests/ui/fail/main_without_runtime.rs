#[ups_track::main(project = "p")]
async fn main() {}
