use ups_track::track_stage;

#[track_stage("operator", best(loss = "minimum"))]
fn goal() {}

#[track_stage("operator", best(loss = "min", loss = "max"))]
fn twice() {}

#[track_stage("operator", best())]
fn empty() {}

#[track_stage("operator", best(loss))]
fn without_goal() {}

#[track_stage("operator", summary(loss = "min,avg"))]
fn summary() {}

fn main() {}
