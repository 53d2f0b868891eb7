#![deny(warnings)]

use ups_track::{CarryStage as _, StageContext, carry, metric, track_stage};

#[track_stage("operator")]
fn train(loss: f64) {
    let name = String::from("borrowed");
    std::thread::scope(|scope| {
        scope.spawn(carry(|| metric!(step = name.len(), loss)));
    });
    let stage = StageContext::current();
    let value = stage.in_scope(|| 3);
    let shared = stage.clone();
    std::thread::spawn(move || shared.in_scope(|| metric!(step = value, loss))).join().unwrap();
    StageContext::outside().in_scope(|| metric!(step = 1, loss));
}

#[track_stage("later")]
async fn later(loss: f64) -> f64 {
    async move { loss }.in_current_stage().await + async { 1.0 }.in_stage(StageContext::outside()).await
}

fn is_send<T: Send>(_: T) {}

fn main() {
    train(0.5);
    is_send(later(0.5));
    is_send(StageContext::current());
}
