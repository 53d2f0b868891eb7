//! Stages on every form of function that gives a future.

use std::future::{Future, ready};
use std::pin::Pin;

use serde_json::json;
use tokio::task::yield_now;
use ups_track::{EvalSummary, eval_summary, metric, track_stage};

use crate::asynchronous::{block_on, keys, status};

#[async_trait::async_trait]
trait Fit {
    #[track_stage("default")]
    async fn fit(&self) -> Result<f64, String> {
        self.epoch().await
    }

    async fn epoch(&self) -> Result<f64, String>;
}

struct Good;
struct Bad;

#[async_trait::async_trait]
impl Fit for Good {
    #[track_stage("epoch")]
    async fn epoch(&self) -> Result<f64, String> {
        yield_now().await;
        let loss = 0.5;
        metric!(step = 1, loss);
        Ok(loss)
    }
}

#[async_trait::async_trait]
impl Fit for Bad {
    #[track_stage("fit")]
    async fn fit(&self) -> Result<f64, String> {
        let loss = self.epoch().await?;
        metric!(step = 1, loss);
        Ok(loss)
    }

    async fn epoch(&self) -> Result<f64, String> {
        Err("no data".to_owned())
    }
}

#[test]
fn traits_of_async_trait() {
    let captured = block_on(async { assert_eq!(Good.fit().await, Ok(0.5)) });
    assert_eq!(keys(&captured), ["default/epoch/step default/epoch/loss"]);
    assert_eq!((status(&captured, "default"), status(&captured, "default/epoch")), (Some("ok"), Some("ok")));
    let captured = block_on(async { assert!(Bad.fit().await.is_err()) });
    assert_eq!(status(&captured, "fit"), Some("error"));
    assert_eq!(captured.rows, []);
}

#[track_stage("boxed")]
fn boxed<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = Result<usize, String>> + Send + 'a>> {
    Box::pin(async move {
        yield_now().await;
        let length = text.len();
        metric!(step = 0, length);
        if length == 0 { Err("empty".to_owned()) } else { Ok(length) }
    })
}

#[track_stage("returned")]
fn returned(n: u32) -> impl Future<Output = u32> {
    let n = n + 1;
    async move {
        metric!(step = n, n);
        n
    }
}

#[test]
fn futures_that_are_returned() {
    let captured = block_on(async {
        assert_eq!(boxed("abc").await, Ok(3));
        assert!(boxed("").await.is_err());
        assert_eq!(returned(7).await, 8);
    });
    assert_eq!(
        keys(&captured),
        ["boxed/step boxed/length", "boxed/step boxed/length", "returned/step returned/n"]
    );
    assert_eq!(status(&captured, "boxed"), Some("error"), "of the last call");
    assert_eq!(captured.summary("boxed/calls"), Some(&json!(2)));
    assert_eq!(status(&captured, "returned"), Some("ok"));
}

#[test]
fn a_future_that_is_never_polled_is_no_call() {
    let captured = block_on(async {
        drop(evaluate());
        drop(boxed("abc"));
        drop(returned(7));
    });
    assert_eq!(captured.rows, []);
    assert!(captured.summary.is_empty(), "{:?}", captured.summary);
}

#[track_stage("borrows")]
async fn borrows<'a, T: AsRef<str> + ?Sized, const N: usize>(text: &'a T, by: [&'a str; N]) -> &'a str {
    yield_now().await;
    metric!(step = N, length = text.as_ref().len());
    by.first().copied().unwrap_or_else(|| text.as_ref())
}

#[test]
fn lifetimes_generics_and_constants() {
    let captured = block_on(async {
        let owned = "text".to_owned();
        assert_eq!(borrows(owned.as_str(), []).await, "text");
        assert_eq!(borrows(&owned, ["a", "b"]).await, "a");
    });
    assert_eq!(captured.metric("borrows/step"), [0.0, 2.0]);
    assert_eq!(captured.summary("borrows/calls"), Some(&json!(2)));
}

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

#[track_stage("evaluation")]
#[eval_summary]
async fn evaluate() -> Result<Scores, String> {
    yield_now().await;
    Ok(Scores { nrmse: 0.25 })
}

#[eval_summary(prefix = "later")]
#[track_stage("evaluation")]
async fn evaluate_above() -> Scores {
    ready(Scores { nrmse: 0.5 }).await
}

#[test]
fn an_evaluation_may_be_a_stage_in_both_orders() {
    let captured = block_on(async {
        assert!(evaluate().await.is_ok());
        assert!(evaluate_above().await.nrmse > 0.0);
    });
    assert_eq!(captured.summary("eval/nrmse"), Some(&json!(0.25)));
    assert_eq!(captured.summary("later/nrmse"), Some(&json!(0.5)));
    assert_eq!(captured.summary("evaluation/calls"), Some(&json!(2)));
}
