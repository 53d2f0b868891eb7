use ups_track::track_stage;

#[track_stage("operator", stpe = "epoch")]
fn unknown() {}

#[track_stage("operator", err, err)]
fn twice() -> Result<(), String> {
    Ok(())
}

#[track_stage("operator", level = "inof", step = 3, best = "min")]
fn values() {}

#[track_stage("operator", fields(stage = 1))]
fn fields() {}

#[track_stage("operator", crate = ups_track)]
fn path() {}

fn main() {}
