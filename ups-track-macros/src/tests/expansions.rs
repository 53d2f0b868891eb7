//! Five expansions as they are: a change of generated code is seen in review. What they do is tested by running them, in
//! `tests/tests/rules`.
//!
//! After a change: `UPDATE_EXPECT=1 cargo test -p ups-track-macros expansions`, then read the diff.

use expect_test::{ExpectFile, expect_file};
use quote::quote;

use super::{pretty, tokens};
use crate::{calls, derives, functions};

#[expect(clippy::needless_pass_by_value, reason = "made for this one call")]
fn check(expansion: proc_macro2::TokenStream, expected: ExpectFile) {
    expected.assert_eq(&pretty(&expansion));
}

#[test]
fn stage() {
    let function = "
        /// Trains.
        pub fn train(&mut self, epochs: u64) -> Result<Model, Error> {
            let loss = self.epoch()?;
            Ok(Model { loss })
        }";
    let arguments = "\"operator\", best(loss = \"min\"), err";
    check(functions::track_stage(&tokens(arguments), &tokens(function)), expect_file!["expansions/stage.rs"]);
}

#[test]
fn stage_async() {
    let function = "async fn train<M: Model>(model: M) -> M { model.fit().await }";
    check(
        functions::track_stage(&tokens("\"operator\""), &tokens(function)),
        expect_file!["expansions/stage_async.rs"],
    );
}

#[test]
fn eval_summary() {
    let function = "fn evaluate(model: &Model) -> Result<Scores, Error> { Ok(model.scores()?) }";
    check(
        functions::eval_summary(tokens("prefix = \"eval/ttc\""), &tokens(function)),
        expect_file!["expansions/eval_summary.rs"],
    );
}

#[test]
fn derive_metrics() {
    let structure = "
        struct Losses<T> {
            data: T,
            #[track(rename = \"reg/l2\", unit = \"1\")]
            regularisation: Option<f64>,
            #[track(flatten, prefix = \"physics\")]
            physics: Residuals,
            #[track(skip)]
            scratch: Vec<f64>,
        }";
    check(derives::metrics(tokens(structure)), expect_file!["expansions/derive_metrics.rs"]);
}

/// No step and a key that W&B keeps for itself: both are said, and the values are still checked.
#[test]
fn metric_with_two_faults() {
    let call = calls::metric(tokens("loss = losses.mean(), _rank = rank"));
    check(quote!(fn call() { #call }), expect_file!["expansions/metric_with_two_faults.rs"]);
}
