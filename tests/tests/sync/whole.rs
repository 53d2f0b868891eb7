//! What arrives.

use std::fs;

use serde_json::{Value, json};
use ups_track_tests::server::Server;

use crate::{marker, on, record, record_with, sync};

#[test]
fn everything_arrives_once() {
    let server = Server::start();
    let recorded = record("whole", 100);
    let said = sync(&server, recorded.root.path(), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("100 rows in the log, 100 on the server"), "{said:?}");
    assert!(said.out.contains(&format!("{}/test-entity/p/runs/whole", server.url())), "{said:?}");
    assert!(marker(&recorded.log).exists());

    assert_eq!(server.violations(), []);
    let run = on(&server, "whole");
    assert_eq!(run.history().len(), 100);
    assert_eq!(run.history()[99]["loss"], json!(0.01));
    assert_eq!((run.complete, run.exit_code), (true, Some(3)));
    assert_eq!((run.display_name.as_deref(), &run.tags[..]), (Some("a name"), &["x".to_owned()][..]));
    assert_eq!(Value::Object(run.config()), json!({"lr": 0.5}));
    assert_eq!(run.summary()["nrmse"], json!(0.09));
    assert_eq!(run.summary()["_step"], json!(99));
    let console: Vec<_> = run.console().into_iter().map(|line| line.text).collect();
    assert_eq!(console, ["one", "two"]);
    assert_eq!(run.files["weights.bin"], vec![7; 300_000]);
    assert_eq!(run.files["output.log"], b"one\ntwo\n");
    for file in ["config.yaml", "wandb-metadata.json", "wandb-summary.json"] {
        assert_eq!(fs::read(recorded.dir.join("files").join(file)).unwrap(), run.files[file], "{file}");
    }
    assert!(run.reported_files.iter().eq(run.files.keys()));
    assert!(run.internal()["t"]["5"].is_string());

    let requests = server.requests().len();
    let said = sync(&server, &recorded.dir, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("--include-synced"), "{said:?}");
    assert_eq!(server.requests().len(), requests);
}

#[test]
fn a_dry_run_needs_no_server_and_changes_nothing() {
    let server = Server::start();
    let recorded = record("dry", 7);
    let said = sync(&server, &recorded.log, &["--dry-run", "--project", "q"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("would upload 7 rows to (default entity)/q/dry"), "{said:?}");
    assert!(server.requests().is_empty() && !marker(&recorded.log).exists());
}

#[test]
fn names_can_be_chosen() {
    let server = Server::start();
    let recorded = record("chosen", 3);
    let options = ["--quiet", "--id", "other", "--project", "q", "--entity", "team"];
    let said = sync(&server, &recorded.log, &options);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
    let [run] = &server.runs()[..] else { unreachable!() };
    assert_eq!(run.key().to_string(), "team/q/other");

    let said = sync(&server, &recorded.log, &["--id", "a?b"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("a?b"), "{said:?}");
}

#[test]
fn several_runs_of_one_directory() {
    let server = Server::start();
    let root = tempfile::tempdir().unwrap();
    for id in ["a", "b", "c"] {
        let recorded = record(id, 4);
        let to = root.path().join("wandb").join(recorded.dir.file_name().unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(&recorded.dir, to).unwrap();
    }
    let said = sync(&server, root.path(), &["--id", "x"]);
    assert_eq!(said.code, 2, "{said:?}");
    let said = sync(&server, root.path(), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(server.runs().len(), 3);
    assert!(server.runs().iter().all(|run| run.complete && run.history().len() == 4));
    assert_eq!(server.violations(), []);
}

#[test]
fn a_torn_log_is_sent_up_to_there_and_not_marked() {
    let server = Server::start();
    let recorded = record("torn", 2000);
    let bytes = fs::read(&recorded.log).unwrap();
    fs::write(&recorded.log, &bytes[..bytes.len() / 2]).unwrap();
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("ends inside a record"), "{said:?}");
    assert!(!marker(&recorded.log).exists());
    let run = on(&server, "torn");
    assert_eq!((run.complete, run.exit_code), (true, Some(1)));
    let rows = run.history().len();
    assert!((100..2000).contains(&rows), "{rows}");

    // The rest comes after all, from wherever.
    fs::write(&recorded.log, &bytes).unwrap();
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains(&format!("({rows} of them since an earlier upload)")), "{said:?}");
    let run = on(&server, "torn");
    assert_eq!((run.history().len(), run.exit_code), (2000, Some(3)));
    assert_eq!(server.violations(), []);
}

#[test]
fn damage_in_the_middle_and_no_run_are_said() {
    let server = Server::start();
    let recorded = record("damaged", 2000);
    let mut bytes = fs::read(&recorded.log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&recorded.log, &bytes).unwrap();
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.out.contains("only up to where it is whole"), "{said:?}");
    assert!(!marker(&recorded.log).exists() && on(&server, "damaged").complete);

    // Damage before its run record.
    bytes[13] ^= 0xff;
    fs::write(&recorded.log, &bytes).unwrap();
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("no run record"), "{said:?}");
    assert_eq!(server.violations(), []);
}

#[test]
fn a_run_that_is_being_recorded_is_left_alone() {
    let server = Server::start();
    let mut code = None;
    let recorded = record_with(
        "live",
        |builder| builder,
        |run| {
            run.log(0_u32, &[("loss", 1.0)]);
            code = Some(sync(&server, run.dir().unwrap(), &[]));
        },
    );
    let said = code.unwrap();
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("still being written"), "{said:?}");
    assert!(server.runs().is_empty());
    assert_eq!(sync(&server, &recorded.dir, &[]).code, 0);
    assert_eq!(on(&server, "live").history().len(), 1);
}

#[test]
fn the_help_tells_what_there_is() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let said = crate::said(crate::command(&server, home.path()).args(["sync", "--help"]));
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    for option in
        ["--jobs", "--prune", "--yes", "--older-than", "--job-type", "--replace-tags", "--include-online"]
    {
        assert!(said.out.contains(option), "{option}: {said:?}");
    }
    assert!(said.out.contains("Exit code: 0 all is uploaded"), "{said:?}");
    for wrong in [&["--yes"][..], &["--older-than", "2"], &["--prune", "--id", "x"], &["--jobs", "0"]] {
        let said = sync(&server, home.path(), wrong);
        assert_eq!(said.code, 2, "{wrong:?}: {said:?}");
    }
    assert!(server.requests().is_empty());
}
