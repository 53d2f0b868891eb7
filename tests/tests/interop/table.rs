//! Tables. The Python client also puts each into an artifact, which the test server does not have: its log and files are
//! read where they are.

use std::path::Path;

use serde_json::{Map, Value, json};
use ups_track::log::Reader;
use ups_track::log::record::{Item, Kind};
use ups_track::{TableRow, metric, table};
use ups_track_tests::wandb;

use crate::reading::log_of;
use crate::{run_id, twin};

#[derive(TableRow)]
struct Case {
    name: &'static str,
    #[track(rename = "relative L2")]
    rel_l2: Option<f64>,
    converged: bool,
    steps: u64,
}

fn ours() -> twin::Recorded {
    twin::record(
        "table",
        |builder| builder,
        |_| {
            let cases = [
                Case { name: "disk", rel_l2: Some(0.25), converged: true, steps: 3 },
                Case { name: "ring \"ö\"", rel_l2: None, converged: false, steps: 1 << 53 },
            ];
            metric!(step = 0_u8, loss = f64::from(1_u8));
            table!("eval/cases" = cases);
            metric!(step = 1_u8, loss = f64::from(1_u8) / 2.0);
        },
    )
}

/// The value of an item, at its path.
fn insert(into: &mut Value, item: &Item) {
    let path: Vec<_> = item.path().collect();
    let place = path.iter().fold(into, |place, name| {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        &mut place[*name]
    });
    *place = serde_json::from_str(&item.value_json).unwrap();
}

/// The values of the table in history and summary, and the content of its file.
#[track_caller]
fn table_in(run_dir: &Path) -> (Value, Value, Value) {
    let (mut row, mut summary, mut announced) = (Value::Null, Value::Null, Vec::new());
    for entry in Reader::open(&log_of(run_dir, &run_id("table"))).unwrap() {
        match entry.unwrap().record.kind {
            Some(Kind::History(history))
                if history.item.iter().any(|item| item.path().next() == Some("eval/cases")) =>
            {
                history.item.iter().for_each(|item| insert(&mut row, item));
            }
            Some(Kind::Summary(changes)) => changes.update.iter().for_each(|item| insert(&mut summary, item)),
            Some(Kind::Files(files)) => announced.extend(files.files),
            _ => {}
        }
    }
    assert_eq!(row["_step"], 1);
    let value = row["eval/cases"].take();
    let path = value["path"].as_str().unwrap();
    let file = announced.iter().find(|file| file.path == path).unwrap();
    assert_eq!(file.policy, 0, "{file:?}");
    let content = std::fs::read(run_dir.join("files").join(path)).unwrap();
    assert_eq!(value["size"], content.len());
    assert!(path.contains(&value["sha256"].as_str().unwrap()[..20]), "{value}");
    (value, summary["eval/cases"].take(), serde_json::from_slice(&content).unwrap())
}

/// What depends on how the content is spelled, and on the artifact.
fn comparable(mut value: Value) -> Value {
    let object = value.as_object_mut().unwrap();
    let path = object.remove("path").unwrap();
    let (name, _) = path.as_str().unwrap().rsplit_once('_').unwrap();
    object.insert("name".into(), name.into());
    for key in ["sha256", "size", "artifact_path", "_latest_artifact_path"] {
        object.remove(key);
    }
    value
}

#[test]
fn a_table_looks_as_that_of_the_python_client() {
    let dir = tempfile::tempdir().unwrap();
    let theirs = table_in(&wandb::record("table", dir.path()).unwrap());
    let ours = table_in(&ours().path);
    assert_eq!(
        theirs.2,
        json!({"columns": ["name", "relative L2", "converged", "steps"],
        "data": [["disk", 0.25, true, 3], ["ring \"ö\"", null, false, 9_007_199_254_740_992_u64]]})
    );
    assert_eq!(ours.2, theirs.2);
    assert_eq!(comparable(ours.0.clone()), comparable(theirs.0));
    assert_eq!((comparable(ours.1), ours.0["_type"].as_str()), (comparable(theirs.1), Some("table-file")));
}

#[test]
fn a_table_is_synced_with_its_file() {
    let recorded = ours();
    let run = recorded.synced();
    let value = run.history()[1]["eval/cases"].clone();
    assert_eq!(run.summary()["eval/cases"], value);
    let content = &run.files[value["path"].as_str().unwrap()];
    let content: Value = serde_json::from_slice(content).unwrap();
    assert_eq!(content["data"].as_array().unwrap().len(), 2);
}
