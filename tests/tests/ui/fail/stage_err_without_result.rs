use ups_track::track_stage;

#[track_stage("operator", err)]
fn train() -> f64 {
    0.5
}

#[track_stage("operator", err)]
fn nothing() {}

fn main() {}
