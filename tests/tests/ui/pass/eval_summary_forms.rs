#![deny(warnings, clippy::pedantic)]

use ups_track::{EvalSummary, eval_summary, track_stage};

#[derive(EvalSummary, Debug, Clone, PartialEq)]
struct Scores {
    #[track(goal = "min")]
    nrmse: f64,
}

struct Model(f64);

impl Model {
    #[eval_summary]
    fn evaluate(&mut self, n: usize) -> Result<Scores, String> {
        self.0 += 1.0;
        let nrmse = u32::try_from(n).map_err(|error| error.to_string())?;
        if nrmse == 0 {
            return Err("no samples".to_owned());
        }
        Ok(Scores { nrmse: self.0 / f64::from(nrmse) })
    }

    #[eval_summary(prefix = "eval/ttc")]
    async fn later(&self) -> Option<Scores> {
        std::future::ready(()).await;
        Some(Scores { nrmse: self.0 })
    }
}

#[eval_summary(prefix = "")]
#[track_stage("operator")]
fn both() -> Scores {
    Scores { nrmse: 0.1 }
}

#[track_stage("operator")]
#[eval_summary]
async fn both_async() -> Result<Scores, String> {
    std::future::ready(Ok(Scores { nrmse: 0.1 })).await
}

#[eval_summary]
fn generic<T: EvalSummary>(scores: T) -> T {
    scores
}

#[eval_summary]
fn stage_inside() -> Scores {
    #[track_stage("inner")]
    fn inner(step: u64) {
        ups_track::metric!(step, loss = 1.0 / f64::from(u8::try_from(step).unwrap_or(1)));
    }
    inner(3);
    Scores { nrmse: 0.1 }
}

#[eval_summary]
fn pairs() -> Vec<(String, f64)> {
    vec![("rel_l2".to_owned(), 0.1)]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut model = Model(1.0);
    assert_eq!(model.evaluate(2), Ok(Scores { nrmse: 1.0 }));
    model.evaluate(0).unwrap_err();
    assert_eq!(model.later().await.map(|scores| scores.nrmse > 0.0), Some(true));
    assert_eq!(generic(both()), both_async().await.unwrap());
    assert_eq!(pairs().len(), 1);
    assert!(stage_inside().nrmse > 0.0);
}
