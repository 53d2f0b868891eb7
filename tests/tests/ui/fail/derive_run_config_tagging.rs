use ups_track::RunConfig;

#[derive(RunConfig, serde::Serialize)]
#[serde(tag = "kind")]
enum Schedule {
    Cosine { periods: u8 },
}

fn main() {}
