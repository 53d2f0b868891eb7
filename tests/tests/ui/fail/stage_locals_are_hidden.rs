use ups_track::track_stage;

#[track_stage("operator")]
fn train() -> Result<(), String> {
    drop(stage);
    drop(out);
    Ok(())
}

fn main() {}
