//! Tables: what arrives, under which key.

use serde_json::json;
use ups_track::testing::capture;
use ups_track::{EvalSummary, Key, TableRow, eval_summary, metric, table, track_stage};

#[derive(TableRow)]
struct Case {
    name: String,
    #[track(rename = "relative L2")]
    rel_l2: f64,
    seconds: Option<u32>,
}

fn cases() -> Vec<Case> {
    vec![
        Case { name: "disk".into(), rel_l2: 0.25, seconds: Some(3) },
        Case { name: "ring \"ö\"".into(), rel_l2: f64::NAN, seconds: None },
    ]
}

#[test]
fn rows_arrive_as_they_are() {
    let captured = capture(|| table!("eval/cases" = cases()));
    let [table] = captured.tables.as_slice() else { panic!("{:?}", captured.tables) };
    assert_eq!(table.key, "eval/cases");
    assert_eq!(table.columns, ["name", "relative L2", "seconds"]);
    assert_eq!(json!(table.rows), json!([["disk", 0.25, 3], ["ring \"ö\"", null, null]]));
    assert!(captured.rows.is_empty(), "a table is no row of metrics");
    let summary = captured.summary("eval/cases").unwrap();
    assert_eq!(
        (&summary["_type"], &summary["nrows"], &summary["ncols"]),
        (&json!("table-file"), &json!(2), &json!(3))
    );
    let (path, policy) = captured.files.first().unwrap();
    assert!(path.starts_with("media/table/eval/cases_0_") && path.ends_with(".table.json"), "{path}");
    assert_eq!((summary["path"].as_str(), *policy), (Some(path.as_str()), "now"));
}

#[test]
fn a_table_belongs_to_the_run_not_to_a_stage() {
    const WORST: Key = Key::new("worst");
    #[track_stage("operator")]
    fn stage() {
        let loss = 0.5;
        metric!(step = 1, loss);
        table!({ WORST } = &cases()[1..]);
        metric!(step = 2, loss);
    }
    let captured = capture(stage);
    assert_eq!(captured.tables[0].key, "worst");
    assert_eq!(captured.tables[0].rows.len(), 1);
    assert_eq!(captured.metric("operator/step"), [1.0, 2.0]);
}

#[test]
fn the_latest_table_counts() {
    let captured = capture(|| {
        let mut growing = ups_track::Table::new();
        for case in cases() {
            growing.push(case);
            table!(growing);
        }
    });
    assert_eq!(captured.tables.iter().map(|table| table.rows.len()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(captured.summary("growing").unwrap()["nrows"], 2);
}

#[test]
fn more_rows_than_are_shown_are_left_out_and_counted() {
    let row = || Case { name: String::new(), rel_l2: 0.0, seconds: None };
    let captured = capture(|| table!(many = std::iter::repeat_with(row).take(10_001).collect::<Vec<_>>()));
    assert_eq!((captured.tables[0].rows.len(), captured.refused), (10_000, 1));
}

#[derive(EvalSummary)]
struct Scores {
    #[track(goal = "min")]
    nrmse: f64,
    verdict: &'static str,
    #[track(flatten, prefix = "physics")]
    physics: Physics,
}

#[derive(EvalSummary)]
struct Physics {
    gap: Option<f64>,
}

#[test]
fn scores_are_a_table_of_one_row_too() {
    #[eval_summary(prefix = "eval/ttc", table, baseline = "run abc")]
    fn below_the_prefix() -> Scores {
        Scores { nrmse: 0.25, verdict: "good", physics: Physics { gap: Some(0.5) } }
    }
    #[eval_summary(table = "scores")]
    fn under_a_key() -> Result<Scores, ()> {
        Err(())
    }
    let captured = capture(|| {
        below_the_prefix();
        assert!(under_a_key().is_err());
    });
    let [table] = captured.tables.as_slice() else { panic!("{:?}", captured.tables) };
    assert_eq!(table.key, "eval/ttc/table");
    assert_eq!(table.columns, ["nrmse", "verdict", "physics/gap"]);
    assert_eq!(json!(table.rows), json!([[0.25, "good", 0.5]]));
    assert_eq!(captured.summary("eval/ttc/nrmse"), Some(&json!(0.25)));
}
