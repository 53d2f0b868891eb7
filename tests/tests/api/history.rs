//! Histories: exact and sampled.

use serde_json::json;
use ups_track::api::{Api, Error, Rows, Values};
use ups_track_tests::server::Server;

use crate::{api, asked, with_rows};

/// A server with a run `r` that has rows at these steps: `loss` in all, `eval` in every tenth.
fn server(steps: impl IntoIterator<Item = u64>) -> (Server, Api) {
    let rows = steps.into_iter().map(|step| {
        let eval = if step % 10 == 0 { format!(r#","eval":{step}"#) } else { String::new() };
        let loss = if step == 3 { "NaN".to_owned() } else { format!("{}.5", step * 2) };
        format!(r#"{{"_step":{step},"loss":{loss}{eval}}}"#)
    });
    let server = Server::start();
    server.insert(with_rows("r", &json!({}), &json!({}), rows.collect()));
    let api = api(&server);
    (server, api)
}

fn steps(rows: Rows) -> Vec<u64> {
    rows.map(|row| row.unwrap().value("_step").unwrap()).collect()
}

#[test]
fn every_row_comes_once_and_in_order() {
    let (server, api) = server(0..2500);
    let run = api.run("r").unwrap();
    let rows: Vec<Values> = run.history().rows().unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2500);
    for (step, row) in rows.iter().enumerate() {
        assert_eq!(row.value::<usize>("_step").unwrap(), step);
        let loss: f64 = row.value("loss").unwrap();
        assert!(if step == 3 { loss.is_nan() } else { loss == step as f64 * 2.0 + 0.5 }, "{row:?}");
    }
    assert_eq!(asked(&server, "HistoryPage"), 3);
    for per_page in [1, 7, 2499, 2500, 2501, 100_000] {
        let rows = run.history().per_page(per_page).steps(..60).rows().unwrap();
        assert_eq!(steps(rows), (0..60).collect::<Vec<_>>(), "{per_page}");
    }
    assert_eq!(server.violations(), []);
}

#[test]
fn rows_of_some_keys_and_steps() {
    let (server, api) = server(0..100);
    let run = api.run("r").unwrap();
    let rows = run.history().keys(["eval"]).rows().unwrap();
    let rows: Vec<Values> = rows.map(Result::unwrap).collect();
    assert_eq!(rows.len(), 10);
    assert_eq!(json!(rows[4]), json!({"_step": 40, "eval": 40}));
    let some = |run: &ups_track::api::Run| run.history().keys(["_step", "loss"]).per_page(3);
    assert_eq!(steps(some(&run).steps(2..5).rows().unwrap()), [2, 3, 4]);
    assert_eq!(steps(some(&run).steps(97..).rows().unwrap()), [97, 98, 99]);
    assert_eq!(steps(some(&run).steps(97..=98).rows().unwrap()), [97, 98]);
    assert_eq!(steps(some(&run).steps(..1).rows().unwrap()), [0]);
    assert_eq!(steps(some(&run).steps(5..5).rows().unwrap()), [0; 0]);
    assert_eq!(steps(some(&run).steps(100..u64::MAX).rows().unwrap()), [0; 0]);
    assert!(some(&run).rows().unwrap().nth(3).unwrap().unwrap().value::<f64>("loss").unwrap().is_nan());
    assert_eq!(steps(run.history().keys(["nobody"]).rows().unwrap()), [0; 0]);
    assert_eq!(server.violations(), []);
}

#[test]
fn wide_gaps_are_crossed_and_nothing_in_them_is_lost() {
    let there: Vec<u64> = (0..50)
        .chain([1_000_000])
        .chain(1_000_500..1_000_700)
        .chain((2_000_000..2_002_000).step_by(400))
        .chain([(1 << 53) - 1])
        .collect();
    let (server, api) = server(there.iter().copied());
    let run = api.run("r").unwrap();
    assert_eq!(steps(run.history().per_page(100).rows().unwrap()), there);
    // A request for each hundred steps would be millions of millions.
    assert!(asked(&server, "HistoryPage") < 400, "{}", asked(&server, "HistoryPage"));
    assert_eq!(steps(run.history().keys(["loss"]).per_page(100).rows().unwrap()), there);
    assert_eq!(server.violations(), []);
}

#[test]
fn samples_are_no_more_than_asked_for() {
    let (server, api) = server(0..1000);
    let run = api.run("r").unwrap();
    let rows = run.sampled_history(["loss"], 50).unwrap();
    assert_eq!(rows.len(), 50);
    assert!(rows.iter().all(|row| row.len() == 2 && row.contains_key("_step")), "{rows:?}");
    assert_eq!(run.sampled_history(["eval"], 500).unwrap().len(), 100);
    let whole = run.sampled_history([""; 0], 10).unwrap();
    assert_eq!((whole.len(), whole[0].len()), (10, 3));
    assert_eq!(run.sampled_history(["loss"], 0).unwrap(), []);
    assert_eq!(server.violations(), []);
}

#[test]
fn a_history_without_rows_is_none() {
    let (server, api) = server([]);
    let run = api.run("r").unwrap();
    assert_eq!(steps(run.history().rows().unwrap()), [0; 0]);
    assert_eq!(run.sampled_history(["loss"], 10).unwrap(), []);
    assert_eq!(asked(&server, "HistoryPage"), 0);
    let bad = run.history().per_page(0).rows().unwrap_err();
    assert!(matches!(bad, Error::Argument { what: "per_page", .. }), "{bad:?}");
}
