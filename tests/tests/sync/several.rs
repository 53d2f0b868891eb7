//! Several logs of one run, and several runs at the same time.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use ups_track::log::record::{Item, Kind, Summary};
use ups_track::{Resume, Run, RunBuilder};
use ups_track_tests::normalized::assert_same;
use ups_track_tests::server::{self, Fault, Place, RunKey, Server};

use crate::{Recorded, marker, on, record, record_with, records, sync};

/// Moves run directories below one `wandb` directory; gives the directory above and the logs.
pub(crate) fn together(recorded: &[Recorded]) -> (TempDir, Vec<PathBuf>) {
    let root = tempfile::tempdir().unwrap();
    let wandb = root.path().join("wandb");
    let logs = recorded.iter().enumerate().map(|(at, recorded)| {
        // Runs of one id and second would have the same name.
        let name = recorded.dir.file_name().unwrap().to_str().unwrap();
        let to = wandb.join(format!("{name}-{at}"));
        fs::create_dir_all(&wandb).unwrap();
        fs::rename(&recorded.dir, &to).unwrap();
        to.join(recorded.log.file_name().unwrap())
    });
    let logs = logs.collect();
    (root, logs)
}

fn part(id: &str, resume: bool, config: &[(&str, f64)], play: impl FnOnce(&Run)) -> Recorded {
    let configure = |builder: RunBuilder| {
        let builder = builder.config(config);
        if resume { builder.resume(Resume::Allow) } else { builder }
    };
    record_with(id, configure, play)
}

/// The summary without times, and without the step of the last row that had one.
fn summary(server: &Server, id: &str) -> Value {
    let mut summary = on(server, id).summary();
    summary.retain(|key, _| !["_timestamp", "_runtime", "_wandb", "step"].contains(&key.as_str()));
    Value::Object(summary)
}

#[test]
fn logs_of_one_run_add_up() {
    for resume in [false, true] {
        let server = Server::start();
        let orchestrator = part("parts", false, &[("lr", 0.5), ("both", 1.0)], |run| {
            for step in 0..3_u32 {
                run.log(step, &[("loss", 1.0)]);
            }
            run.summarize(&[("stages", 4.0), ("status", 0.0)]);
        });
        let evaluator = part("parts", resume, &[("beam", 8.0), ("both", 2.0)], |run| {
            for step in 0..2_u32 {
                run.log(step, &[("nrmse", 0.1)]);
            }
            run.summarize(&[("status", 1.0)]);
        });
        let logs = [&orchestrator.log, &evaluator.log];
        for log in logs {
            assert_eq!(sync(&server, log, &[]).code, 0);
        }
        let expected = json!({
            "loss": 1.0, "stages": 4.0, "status": 1.0, "nrmse": 0.1, "_step": 4,
        });
        assert_eq!(summary(&server, "parts"), expected, "{resume}");
        let config = json!({"lr": 0.5, "both": 2.0, "beam": 8.0});
        assert_eq!(Value::Object(on(&server, "parts").config()), config, "{resume}");

        // The same log again changes nothing.
        let before = on(&server, "parts");
        let said = sync(&server, &evaluator.log, &["--include-synced"]);
        assert_eq!(said.code, 0, "{said:?}");
        assert_same(&before, &on(&server, "parts"));
        // Nor does the earlier one but for what it says itself; the last row stays the last.
        assert_eq!(sync(&server, &orchestrator.log, &["--include-synced"]).code, 0);
        let mut expected = expected;
        expected["status"] = json!(0.0);
        assert_eq!(summary(&server, "parts"), expected);
        assert_eq!(on(&server, "parts").history().len(), 5);
        assert_eq!(server.violations(), []);
    }
}

/// What the server knows of a metric: its step, its options and the words of its summary.
fn defined(server: &Server, id: &str, name: &str) -> (Option<String>, Vec<String>, Vec<String>) {
    let metrics = on(server, id).metrics();
    let mut found = metrics.iter().filter(|metric| metric.name == name);
    let metric = found.next().unwrap_or_else(|| panic!("no `{name}` in {metrics:?}"));
    assert!(found.next().is_none(), "{metrics:?}");
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect();
    (metric.step_metric.clone(), list(&metric.options), list(&metric.summary))
}

#[test]
fn definitions_of_several_logs_add_up() {
    for resume in [false, true] {
        let server = Server::start();
        let first = part("defined", false, &[], |run| {
            run.define_metric("loss").step("epoch").summary("min").send();
            run.define_metric("val/*").step("epoch").send();
            run.define_metric("secret").hidden().send();
            run.log(0_u32, &[("loss", 1.0), ("epoch", 0.0)]);
        });
        let second = part("defined", resume, &[], |run| {
            run.define_metric("loss").step("batch").summary("max").send();
            run.define_metric("test/*").step("batch").send();
            run.log(0_u32, &[("loss", 0.5), ("batch", 0.0)]);
        });
        for log in [&first.log, &second.log] {
            assert_eq!(sync(&server, log, &[]).code, 0);
        }
        let (step, options, words) = defined(&server, "defined", "loss");
        // Flags add up, and a later step takes the place.
        assert_eq!(step.as_deref(), Some("batch"));
        assert_eq!(
            (options, words),
            (vec!["defined".into(), "step_sync".into()], vec!["max".into(), "min".into()])
        );
        assert_eq!(defined(&server, "defined", "val/*").0.as_deref(), Some("epoch"));
        assert_eq!(defined(&server, "defined", "test/*").0.as_deref(), Some("batch"));
        assert_eq!(defined(&server, "defined", "secret").1, ["defined", "hidden"]);

        let before = on(&server, "defined").metrics();
        assert_eq!(sync(&server, &second.log, &["--include-synced"]).code, 0);
        assert_eq!(on(&server, "defined").metrics(), before);
        assert_eq!(server.violations(), []);
    }
}

/// Custom charts and class labels, which programs of W&B's client make.
#[test]
fn charts_of_earlier_logs_stay() {
    let server = Server::start();
    let config = json!({"_wandb": {
        "t": {"5": "0.31.0"}, "m": [],
        "viz": {"old": {"id": "a"}},
        "visualize": {"pr": {"panel_type": "Vega2"}},
        "mask/class_labels": {"seen": {"type": "classes"}},
        "other": {"of": "theirs"},
    }});
    let key = RunKey::new("test-entity", "p", "charts");
    server.insert(server::Run::with(key, config.as_object().unwrap().clone(), "{}", Vec::new()));
    let recorded = part("charts", true, &[], |run| run.log(0_u32, &[("loss", 1.0)]));
    assert_eq!(sync(&server, &recorded.log, &[]).code, 0);
    let internal = on(&server, "charts").internal();
    for key in ["viz", "visualize", "mask/class_labels"] {
        assert_eq!(internal.get(key), config.pointer("/_wandb").unwrap().get(key), "{key}");
    }
    assert_eq!(internal.get("other"), None);
    assert_eq!(server.violations(), []);
}

/// What a later log takes out of the summary is not there any more.
#[test]
fn a_later_log_removes_a_summary_key() {
    let server = Server::start();
    let first = part("removed", false, &[], |run| run.summarize(&[("kept", 1.0), ("gone", 2.0)]));
    let second = part("removed", true, &[], |run| run.log(0_u32, &[("loss", 1.0)]));
    // No call of ours removes a summary value; W&B's client has one.
    let gone = Item { key: "gone".into(), nested_key: Vec::new(), value_json: String::new() };
    let gone = Kind::Summary(Summary { update: Vec::new(), remove: vec![gone] });
    records::insert(&second.log, gone);
    for log in [&first.log, &second.log] {
        assert_eq!(sync(&server, log, &[]).code, 0);
    }
    let summary = on(&server, "removed").summary();
    assert!(summary.contains_key("kept") && !summary.contains_key("gone"), "{summary:?}");
    assert_eq!(server.violations(), []);
}

#[test]
fn one_command_sends_the_logs_of_a_run_as_they_began() {
    let server = Server::start();
    let first = record("ordered", 3);
    thread::sleep(Duration::from_millis(2));
    let second = part("ordered", false, &[], |run| run.log(0_u32, &[("late", 1.0)]));
    // By its name the second comes first.
    let (root, logs) = together(&[second, first]);
    let said = sync(&server, root.path(), &["--jobs", "8"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(logs.iter().all(|log| marker(log).exists()));
    let history = on(&server, "ordered").history();
    let late: Vec<_> = history.iter().map(|row| row.contains_key("late")).collect();
    assert_eq!(late, [false, false, false, true], "{history:?}");
    assert_eq!(server.violations(), []);
}

#[test]
fn runs_go_side_by_side() {
    let server = Server::start();
    let recorded: Vec<_> = (0..6).map(|n| record(&format!("side-{n}"), 5 + n)).collect();
    let (root, logs) = together(&recorded);
    // One of them stands still, and the others come to their end nevertheless.
    server.fail(Place::Stream, &Fault::Slow(600_000), 1);
    let home = tempfile::tempdir().unwrap();
    let mut command = crate::command(&server, home.path());
    let mut child = command.args(["sync", "--jobs", "3"]).arg(root.path()).spawn().unwrap();
    let until = Instant::now() + Duration::from_mins(2);
    while logs.iter().filter(|log| marker(log).exists()).count() < 5 {
        assert!(Instant::now() < until && child.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let said = sync(&server, root.path(), &["--include-synced", "--jobs", "3"]);
    assert_eq!(said.code, 0, "{said:?}");
    for n in 0..6 {
        let run = on(&server, &format!("side-{n}"));
        assert_eq!((run.history().len(), run.complete), (5 + n, true));
    }
    assert_eq!(server.violations(), []);
    // What is said of a run stands together.
    let lines: Vec<_> = said.out.lines().collect();
    assert_eq!(lines.len(), 18, "{said:?}");
    for three in lines.chunks(3) {
        let [head, rows, files] = three else { unreachable!() };
        let n: usize = head.split("side-").nth(1).unwrap()[..1].parse().unwrap();
        assert!(head.contains("uploaded"), "{head}");
        assert!(rows.starts_with(&format!("  {} rows in the log", 5 + n)), "{three:?}");
        assert!(files.contains("files, exit code 3"), "{files}");
    }
}

#[test]
fn what_fails_for_one_run_is_not_in_the_way_of_the_others() {
    let server = Server::start();
    let recorded: Vec<_> = (0..4).map(|n| record(&format!("one-{n}"), 5)).collect();
    let (root, logs) = together(&recorded);
    server.fail(Place::Stream, &Fault::Status(403, None), 1);
    let said = sync(&server, root.path(), &["--jobs", "2"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert_eq!(said.err.matches("does not allow it").count(), 1, "{said:?}");
    assert_eq!(logs.iter().filter(|log| marker(log).exists()).count(), 3);
    assert_eq!(sync(&server, root.path(), &[]).code, 0);
    assert_eq!(server.violations(), []);
}

#[test]
fn without_a_key_it_is_said_once() {
    let server = Server::start();
    let recorded: Vec<_> = (0..4).map(|n| record(&format!("key-{n}"), 1)).collect();
    let (root, _) = together(&recorded);
    let home = tempfile::tempdir().unwrap();
    let mut command = crate::command(&server, home.path());
    let said = crate::said(command.env_remove("WANDB_API_KEY").arg("sync").arg(root.path()));
    assert_eq!(said.code, 2, "{said:?}");
    assert_eq!(said.err.matches("no API key").count(), 1, "{said:?}");
    assert!(server.requests().is_empty());
}

#[test]
fn job_type_and_tags_can_be_changed() {
    let server = Server::start();
    let configure = |builder: RunBuilder| builder.tags(["a", "b", "c"]).job_type("train");
    let recorded = record_with("changed", configure, |run| run.log(0_u32, &[("loss", 1.0)]));
    let options = ["--job-type", "eval", "--replace-tags", "a=x,c=b"];
    let said = sync(&server, &recorded.log, &options);
    assert_eq!(said.code, 0, "{said:?}");
    let run = on(&server, "changed");
    assert_eq!(
        (run.job_type.as_deref(), &run.tags[..]),
        (Some("eval"), &["x".to_owned(), "b".to_owned()][..])
    );
    let said = sync(&server, &recorded.log, &["--replace-tags", "a"]);
    assert!(said.code == 2 && said.err.contains("OLD=NEW"), "{said:?}");
}

#[test]
fn logs_of_online_runs() {
    let server = Server::start();
    let recorded = record("online", 4);
    let online = recorded.root.path().join("run-20260101_000000-online");
    fs::rename(&recorded.dir, &online).unwrap();
    let log = online.join("run-online.wandb");
    // One of W&B's client: the same log, by another producer.
    let theirs = recorded.root.path().join("run-20260101_000000-theirs");
    fs::create_dir_all(&theirs).unwrap();
    let foreign = theirs.join("run-theirs.wandb");
    fs::write(&foreign, crate::foreign(&fs::read(&log).unwrap())).unwrap();
    let said = sync(&server, &foreign, &[]);
    assert!(said.out.contains("--include-online"), "{said:?}");
    assert!(server.runs().is_empty());

    let said = sync(&server, &log, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(on(&server, "online").history().len(), 4);
    assert!(sync(&server, &log, &[]).out.contains("uploaded before"));
    assert_eq!(sync(&server, &foreign, &["--include-online"]).code, 0);
    assert!(marker(&foreign).exists());
}
