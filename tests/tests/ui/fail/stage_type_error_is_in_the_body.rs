use ups_track::track_stage;

#[track_stage("operator")]
fn wrong() -> Result<u8, String> {
    Ok("text")
}

#[track_stage("operator")]
async fn wrong_async() -> Result<u8, String> {
    Ok("text")
}

fn main() {}
