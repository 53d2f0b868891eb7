#![deny(warnings, clippy::pedantic)]

use std::future::Future;
use std::pin::Pin;

use ups_track::track_stage;

struct Model(Vec<f64>);

impl Model {
    #[track_stage("fit", err, best(loss = "min"))]
    async fn fit(&mut self, n: usize) -> Result<&mut f64, String> {
        tokio::task::yield_now().await;
        if n == 0 {
            return Err("nothing to do".to_owned());
        }
        self.0.first_mut().ok_or_else(|| "empty".to_owned())
    }
}

#[track_stage("unit")]
async fn unit() {
    tokio::task::yield_now().await;
}

#[track_stage("number")]
async fn number<T: Copy + Into<f64> + Send>(of: T) -> f64 {
    tokio::task::yield_now().await;
    of.into()
}

#[track_stage("text")]
async fn text<'a>(a: &'a str, _b: &str) -> Option<&'a str> {
    unit().await;
    Some(a)
}

#[track_stage("block")]
fn block(n: u8) -> impl Future<Output = Result<u8, String>> + Send {
    let n = n + 1;
    async move {
        unit().await;
        if n == 1 { Err("one".to_owned()) } else { Ok(n) }
    }
}

/// What `#[async_trait]` makes of an `async fn`.
#[track_stage("boxed", err)]
fn boxed<'a>(model: &'a Model) -> Pin<Box<dyn Future<Output = Result<f64, String>> + Send + 'a>> {
    Box::pin(async move {
        unit().await;
        model.0.first().copied().ok_or_else(|| "empty".to_owned())
    })
}

trait Train {
    async fn train(&self) -> Result<(), String>;
}

impl Train for Model {
    #[track_stage("trait")]
    async fn train(&self) -> Result<(), String> {
        boxed(self).await?;
        Ok(())
    }
}

fn sendable<F: Future + Send>(future: F) -> F {
    future
}

#[async_trait::async_trait]
trait Evaluate {
    async fn evaluate(&self, n: u32) -> Result<u32, String>;
}

#[async_trait::async_trait]
impl Evaluate for Model {
    #[track_stage("async_trait", err)]
    async fn evaluate(&self, n: u32) -> Result<u32, String> {
        if n == 0 {
            return Err("zero".to_owned());
        }
        unit().await;
        Ok(n)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut model = Model(vec![1.0]);
    *sendable(model.fit(1)).await.unwrap() += 1.0;
    model.fit(0).await.unwrap_err();
    assert!(number(2_u8).await > 1.0);
    assert_eq!(text("a", "b").await, Some("a"));
    assert_eq!(sendable(block(1)).await, Ok(2));
    block(0).await.unwrap_err();
    assert_eq!(boxed(&model).await, Ok(2.0));
    model.train().await.unwrap();
    assert_eq!(model.evaluate(1).await, Ok(1));
    model.evaluate(0).await.unwrap_err();
}
