//! What the real client's public API reads, ours reads: the same runs, values, orders and filters.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Map, Value, json};
use ups_track::FilePolicy;
use ups_track::api::{Api, Filter, Order, Run, Values};
use ups_track_tests::server::{API_KEY, Server};
use ups_track_tests::{json as dialect, wandb};

use crate::{SCENARIOS, twin};

const PROJECT: &str = "test-entity/interop";

/// A server with runs of the Python client and of ours, all uploaded by the real client.
fn server() -> Server {
    let server = Server::start();
    let root = tempfile::tempdir().unwrap();
    let (mut dirs, mut kept) = (Vec::new(), Vec::new());
    for scenario in SCENARIOS {
        dirs.push(wandb::record(scenario, &root.path().join(scenario)).unwrap());
    }
    let file = root.path().join("report.txt");
    fs::write(&file, "naïve").unwrap();
    for (number, lr) in [1e-3, 0.1, 3.0].into_iter().enumerate() {
        let recorded = twin::record_ending(
            &format!("ours-{number}"),
            |builder| {
                let builder = builder.name("A name").notes("notes").tags(["baseline", "b"]).group("g");
                builder.job_type("train").config(&[("lr", lr), ("nan", f64::NAN)])
            },
            i32::from(number == 1),
            |run| {
                for step in 0..40_u32 {
                    run.log(step, &[("loss", 1.0 / (f64::from(step) + lr)), ("inf", f64::INFINITY)]);
                }
                run.summarize(&[("nrmse", 0.09 / lr)]);
                run.save_file(&file, FilePolicy::End).unwrap();
            },
        );
        dirs.push(recorded.path.clone());
        kept.push(recorded);
    }
    wandb::sync_all(&dirs, &server).unwrap();
    assert_eq!(server.violations(), []);
    server
}

/// Values in the one form that both can have: numbers as floats, and texts for what JSON has no number for.
fn same_form(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::String(text) => match text.as_str() {
            dialect::NAN => json!("NaN"),
            dialect::INFINITY => json!("Infinity"),
            dialect::NEG_INFINITY => json!("-Infinity"),
            _ => Value::String(text),
        },
        Value::Array(list) => list.into_iter().map(same_form).collect(),
        Value::Object(object) => object.into_iter().map(|(key, value)| (key, same_form(value))).collect(),
        other => other,
    }
}

/// The queries, in our words.
fn queries() -> Vec<(Filter, Order)> {
    let lr = || Filter::config("lr");
    let loss = || Filter::summary("loss");
    let newest = Order::newest_first;
    vec![
        (Filter::everything(), Order::oldest_first()),
        (Filter::everything(), newest()),
        (Filter::state("finished") & Filter::tag("baseline"), newest()),
        (Filter::state("failed"), newest()),
        (lr().lt(1.0), Order::descending_config("lr")),
        (lr().gte(0.1) | Filter::id("exit-code"), Order::ascending_config("lr")),
        (loss().exists(true), Order::ascending_summary("loss")),
        (!loss().exists(true), Order::oldest_first()),
        (Filter::field("displayName").matches("^A (fine )?name$"), Order::descending_summary("nrmse")),
        (Filter::group("g") & !lr().one_of([0.1, 7.0]), newest()),
        (Filter::tag("α"), newest()),
        (Filter::name("nobody"), newest()),
    ]
}

fn ours(run: &Run) -> Value {
    let rows =
        |rows: Vec<Values>| rows.into_iter().map(|row| Value::Object(row.into_map())).collect::<Vec<_>>();
    let history = rows(run.history().per_page(7).rows().unwrap().map(Result::unwrap).collect());
    let keys: BTreeSet<String> =
        history.iter().filter_map(Value::as_object).flat_map(Map::keys).cloned().collect();
    let sampled: BTreeMap<&String, Vec<Value>> = keys
        .iter()
        .filter(|key| *key != "_step")
        .map(|key| (key, rows(run.sampled_history([key], 5).unwrap())))
        .collect();
    let files: BTreeMap<String, Value> = run
        .files()
        .map(|file| {
            let file = file.unwrap();
            (file.name().to_owned(), json!([file.size(), file.md5()]))
        })
        .collect();
    json!({
        "id": run.id(), "name": run.name(), "state": run.state(), "tags": run.tags(), "group": run.group(),
        "job_type": run.job_type(), "notes": run.notes(), "created_at": run.created_at(), "url": run.url(),
        "history_line_count": run.history_line_count(), "config": run.config(), "summary": run.summary(),
        "history": rows(run.sampled_history([""; 0], 100_000).unwrap()), "scanned": history, "sampled": sampled,
        "files": files,
    })
}

#[test]
fn both_read_the_same() {
    let server = server();
    let texts: Vec<Value> = queries()
        .into_iter()
        .map(|(filter, order)| {
            let filters: Value = serde_json::from_str(&filter.to_string()).unwrap();
            json!({"filters": filters, "order": order.to_string()})
        })
        .collect();
    let printed = wandb::read(PROJECT, &Value::Array(texts).to_string(), &server).unwrap();
    let answer = printed.lines().find_map(|line| line.strip_prefix("ANSWER ")).unwrap();
    let theirs = same_form(dialect::parse(answer).unwrap());

    let api = Api::builder().base_url(server.url()).api_key(API_KEY).build().unwrap();
    for (number, (filter, order)) in queries().into_iter().enumerate() {
        let said = format!("{filter} {order}");
        let runs = api.runs(PROJECT).filter(filter).order(order).per_page(3).list().unwrap();
        let ids: Vec<String> = runs.map(|run| run.unwrap().id().to_owned()).collect();
        assert_eq!(json!(ids), theirs["found"][number], "{said}");
    }
    let runs = api.runs(PROJECT).list().unwrap();
    assert_eq!(runs.total(), SCENARIOS.len() as u64 + 3);
    for run in runs {
        let run = run.unwrap();
        let (own, theirs) = (same_form(ours(&run)), &theirs["runs"][run.id()]);
        if run.id().starts_with("ours-") {
            assert_eq!(theirs["scanned"].as_array().unwrap().len(), 40);
        }
        for (what, value) in own.as_object().unwrap() {
            assert_eq!(value, &theirs[what], "{what} of {}", run.id());
        }
    }
    assert_eq!(server.violations(), []);
}
