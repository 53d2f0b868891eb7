use ups_track::{RunConfig, Secret};

#[derive(RunConfig)]
struct Settings {
    bucket: String,
    api_key: String,
    #[track(rename = "hf_token")]
    hub: Option<String>,
    db: Database,
    key: Secret<String>,
}

#[derive(RunConfig)]
#[serde(rename_all = "camelCase")]
struct Database {
    access_key: &'static str,
    max_tokens: u64,
    #[track(skip)]
    password: String,
}

fn main() {}
