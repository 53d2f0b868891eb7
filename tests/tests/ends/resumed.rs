//! The best values of a run that is gone on with.

use serde_json::Value;
use tracing::subscriber::with_default;
use tracing::{info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;
use ups_track::{Mode, Resume, Run};
use ups_track_tests::log::Log;

/// A part of run `r` with these losses; gives what its summary then holds.
fn part(dir: &std::path::Path, resume: Option<Resume>, id: &str, losses: &[f64]) -> (Value, Log) {
    let mut builder = Run::builder().mode(Mode::Offline).dir(dir).id(id).quiet(true).global(false);
    if let Some(resume) = resume {
        builder = builder.resume(resume);
    }
    let run = builder.start().unwrap();
    with_default(tracing_subscriber::registry().with(run.layer()), || {
        let _stage = info_span!("train", stage = "train", stage.best = "loss=min").entered();
        for (step, loss) in (0_u64..).zip(losses) {
            info!(metric.loss = *loss, step);
        }
    });
    let dir = run.dir().unwrap().to_owned();
    run.finish().unwrap();
    let side = std::fs::read_to_string(dir.join("files/wandb-summary.json")).unwrap();
    (serde_json::from_str(&side).unwrap(), Log::of(&dir))
}

#[test]
fn a_better_value_of_before_stays() {
    let dir = tempfile::tempdir().unwrap();
    let best = |(side, log): (Value, Log)| {
        let values = ["train/best_loss", "train/best_loss/step"].map(|key| side[key].as_f64());
        assert_eq!(log.summary()["train/best_loss"].as_f64(), values[0]);
        values
    };
    let next = |resume, id: &str, losses: &[f64]| best(part(dir.path(), resume, id, losses));
    assert_eq!(next(None, "r", &[0.5, 0.25, 0.75]), [Some(0.25), Some(1.0)]);
    assert_eq!(next(Some(Resume::Allow), "r", &[0.5, 0.4]), [Some(0.25), Some(1.0)]);
    // What the second part knew, the third knows.
    assert_eq!(next(Some(Resume::Must), "r", &[0.9, 0.9, 0.9]), [Some(0.25), Some(1.0)]);
    assert_eq!(next(Some(Resume::Allow), "r", &[0.9, 0.9, 0.125]), [Some(0.125), Some(2.0)]);
    // Other runs, and one that begins anew under its id, know nothing of it.
    assert_eq!(next(Some(Resume::Allow), "q", &[0.5]), [Some(0.5), Some(0.0)]);
    assert_eq!(next(None, "r", &[0.5]), [Some(0.5), Some(0.0)]);
}
