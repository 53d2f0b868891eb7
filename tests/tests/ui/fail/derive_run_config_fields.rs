use ups_track::RunConfig;

struct ApiKey;

#[derive(RunConfig)]
struct Hyper {
    lr: f64,
    key: ApiKey,
    keys: Vec<ApiKey>,
    #[track(serde)]
    other: ApiKey,
}

fn main() {}
