use ups_track::track_stage;

#[track_stage]
fn missing() {}

#[track_stage(best(loss = "min"))]
fn options_only() {}

#[track_stage(operator)]
fn bare() {}

#[track_stage("")]
fn empty() {}

#[track_stage("_internal")]
fn reserved() {}

#[track_stage("my*stage")]
fn space() {}

fn main() {
    // The functions are still there: no second error.
    missing();
    options_only();
    bare();
    empty();
    reserved();
    space();
}
