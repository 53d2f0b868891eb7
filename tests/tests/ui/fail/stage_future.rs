use ups_track::track_stage;

#[track_stage("operator")]
fn train() -> impl Future<Output = ()> {
    std::future::ready(())
}

fn main() {
    let _future = train();
}
