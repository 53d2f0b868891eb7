use ups_track::{eval_summary, track_stage};

#[track_stage("operator")]
#[eval_summary]
fn evaluate() {}

fn main() {
    evaluate();
}
