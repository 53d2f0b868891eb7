use ups_track::track_stage;

#[track_stage("operator")]
struct Model;

#[track_stage("operator")]
impl Model {}

#[track_stage("operator")]
const fn constant() {}

trait Train {
    #[track_stage("operator")]
    fn train(&self);
}

fn main() {}
