//! Several processes on several hosts that write one run: W&B's mode shared.

use std::thread;
use std::time::{Duration, Instant};

use ups_track::log::Reader;
use ups_track::log::record::Kind;
use ups_track_tests::server::{Fault, Server};

use crate::player::{Player, Playing, eventually, run_dir, sync};

fn rank(server: &Server, rank: &str) -> Playing {
    // Each on a disk of its own.
    let player = Player::new(server.url(), "shared").env("RANK", rank).env("WORLD_SIZE", "2");
    player.env("MASTER_ADDR", "h").env("MASTER_PORT", "1").env("UPS_TRACK_RANKS", "shared").start()
}

#[test]
fn ranks_write_one_run_together() {
    let server = Server::start();
    let (mut first, mut second) = (rank(&server, "0"), rank(&server, "1"));
    assert_eq!((first.tell("mode"), second.tell("mode")), ("shared".to_owned(), "shared".to_owned()));
    first.tell("rows 30");
    second.tell("rows 20");
    first.tell("console one");
    second.tell("console two");
    second.tell("summary of_second 2");
    let both = |run: &ups_track_tests::server::Run| {
        let mut rows: Vec<_> = run.writers().map(|writer| writer.history().len()).collect();
        rows.sort_unstable();
        rows == [20, 30]
    };
    assert!(!eventually(&server, "shared", both).complete);
    // The end of another rank is not the end of the run.
    assert_eq!(second.tell("finish 1"), "20 true");
    second.end();
    assert!(!eventually(&server, "shared", both).complete);
    assert_eq!(first.tell("finish 0"), "30 true");
    let played = first.end();
    let run = eventually(&server, "shared", |run| run.complete);
    assert_eq!(run.exit_code, Some(0));
    assert!(run.history().is_empty());
    for name in ["config.yaml", "wandb-summary.json", "output_rank0.log", "output_rank1.log"] {
        assert!(run.files.contains_key(name), "{name}: {:?}", run.files.keys());
    }
    for writer in run.writers() {
        // Steps of each from 0, with its rank.
        let rows = writer.history();
        assert!(rows.iter().enumerate().all(|(at, row)| row.get("_step").unwrap() == at));
        assert!(rows.iter().all(|row| row.contains_key("rank")));
        // The label, once.
        let line = writer.console().remove(0);
        assert!(["[rank0] one", "[rank1] two"].contains(&line.text.as_str()), "{line:?}");
    }
    assert_eq!(server.violations(), []);
    // It is uploaded: nothing is sent again.
    let said = sync(&server, played.dir.path());
    assert!(said.contains("uploaded before"), "{said}");
}

/// Who it is, is known before the server hears of it.
#[test]
fn a_writer_that_never_reached_the_server_is_one_nevertheless() {
    let server = Server::start();
    let mut first = rank(&server, "0");
    first.tell("rows 30");
    assert_eq!(first.tell("finish 0"), "30 true");
    first.end();
    server.fail_always(Some(Fault::DropBefore));
    let mut second = rank(&server, "1");
    second.tell("rows 20");
    let log = run_dir(second.dir.path()).join("run-shared.wandb");
    let known = run_dir(second.dir.path()).join("run-shared.wandb.syncstate");
    let rows = || {
        let entries = Reader::open(&log).into_iter().flat_map(|reader| reader.map_while(Result::ok));
        entries.filter(|entry| matches!(entry.record.kind, Some(Kind::History(_)))).count()
    };
    let end = Instant::now() + Duration::from_mins(1);
    while !known.exists() || rows() < 20 {
        assert!(Instant::now() < end, "nothing is remembered of the writer");
        thread::sleep(Duration::from_millis(5));
    }
    let dir = second.kill();
    server.fail_always(None);
    sync(&server, dir.path());
    let run = eventually(&server, "shared", |run| run.writers().count() == 2);
    let mut rows: Vec<_> = run.writers().map(|writer| writer.history().len()).collect();
    rows.sort_unstable();
    assert_eq!(rows, [20, 30]);
    assert!(run.history().is_empty());
    assert_eq!(server.violations(), []);
}

#[test]
fn what_a_killed_writer_has_left_is_sent_as_its_own() {
    let server = Server::start();
    let mut second = rank(&server, "1");
    second.tell("rows 20");
    eventually(&server, "shared", |run| run.writers().any(|writer| writer.history().len() == 20));
    server.fail_always(Some(Fault::DropBefore));
    second.tell("rows 20");
    thread::sleep(Duration::from_millis(300));
    let dir = second.kill();
    server.fail_always(None);
    sync(&server, dir.path());
    let run = eventually(&server, "shared", |run| run.writers().any(|writer| writer.history().len() == 40));
    assert!(!run.complete && run.writers().count() == 1);
    assert_eq!(server.violations(), []);
    assert!(run_dir(dir.path()).join("run-shared.wandb.synced").exists());
}

#[test]
fn ranks_need_an_id_that_they_have_in_common() {
    let server = Server::start();
    let player =
        Player::new(server.url(), "x").without("WANDB_RUN_ID").env("RANK", "1").env("WORLD_SIZE", "2");
    let player = player.env("MASTER_ADDR", "h").env("MASTER_PORT", "1").env("UPS_TRACK_RANKS", "shared");
    let played = player.start().end();
    assert_eq!(played.code, Some(2));
    assert!(played.said.contains("set WANDB_RUN_ID"), "{}", played.said);
}

#[test]
fn a_run_that_another_host_has_is_joined() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let context = dir.path().join("context.json");
    std::fs::write(&context, r#"{"run_id": "far", "project": "p", "entity": "test-entity", "url": null}"#)
        .unwrap();
    let mut owner = Player::new(server.url(), "far").start();
    owner.tell("rows 5");
    eventually(&server, "far", |run| run.history().len() == 5);
    let member = Player::new(server.url(), "x").without("WANDB_RUN_ID").without("WANDB_PROJECT");
    let mut member = member.env("WANDB_CONTEXT_FILE", context.to_str().unwrap()).start();
    assert_eq!(member.tell("mode"), "shared");
    member.tell("rows 7");
    assert_eq!(member.tell("finish 0"), "7 true");
    member.end();
    owner.tell("rows 5");
    owner.tell("finish 0");
    let run = eventually(&server, "far", |run| run.complete);
    assert_eq!(
        (run.history().len(), run.writers().map(|writer| writer.history().len()).sum::<usize>()),
        (10, 7)
    );
    assert_eq!(server.violations(), []);
}

/// A run that has ended, with tags, definitions and config, and a process elsewhere that joins it.
fn joined(code: &str, more: &[(&str, &str)]) -> ups_track_tests::server::Run {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let context = dir.path().join("context.json");
    std::fs::write(&context, r#"{"run_id": "far", "project": "p", "entity": "test-entity", "url": null}"#)
        .unwrap();
    let owner = Player::new(server.url(), "far").env("WANDB_TAGS", "a,b").env("WANDB_NAME", "owner");
    let mut owner = owner.env("WANDB_JOB_TYPE", "pipeline").env("WANDB_HOST", "far").start();
    for order in ["define loss min", "config lr 1", "rows 5", "notes ours"] {
        owner.tell(order);
    }
    owner.tell(&format!("finish {code}"));
    owner.end();
    eventually(&server, "far", |run| run.complete && run.history().len() == 5);

    let member = Player::new(server.url(), "x").without("WANDB_RUN_ID").without("WANDB_PROJECT");
    let member = member.env("WANDB_CONTEXT_FILE", context.to_str().unwrap()).env("WANDB_TAGS", "c");
    let member =
        member.env("WANDB_NAME", "member").env("WANDB_JOB_TYPE", "eval").env("WANDB_NOTES", "theirs");
    let member = more.iter().fold(member, |member, (name, value)| member.env(name, value));
    let mut member = member.start();
    for order in ["define acc max", "config samples 2", "rows 7", "tag d", "finish 4"] {
        member.tell(order);
    }
    let played = member.end();
    if !more.is_empty() {
        sync(&server, played.dir.path());
    }
    assert_eq!(server.violations(), []);
    eventually(&server, "far", |run| run.tags.len() == 4)
}

fn assert_owners(run: &ups_track_tests::server::Run, state: &str) {
    assert_eq!(run.state(), state);
    assert_eq!(run.tags, ["a", "b", "c", "d"]);
    let described = [&run.display_name, &run.notes, &run.job_type, &run.host].map(|text| text.as_deref());
    assert_eq!(described, [Some("owner"), Some("ours"), Some("pipeline"), Some("far")]);
    let defined: Vec<_> = run.metrics().into_iter().map(|metric| metric.name).collect();
    for name in ["loss", "acc"] {
        assert!(defined.contains(&name.to_owned()), "{defined:?}");
    }
    let config = run.config();
    assert_eq!((&config["lr"], &config["samples"]), (&"1".into(), &"2".into()));
}

#[test]
fn who_joins_a_run_that_has_ended_takes_nothing_from_it() {
    assert_owners(&joined("0", &[]), "finished");
    assert_owners(&joined("3", &[]), "failed");
}

#[test]
fn who_has_joined_offline_takes_nothing_from_the_run_either() {
    let offline = [("WANDB_MODE", "offline"), ("WANDB_HOST", "far")];
    assert_owners(&joined("0", &offline), "finished");
    assert_owners(&joined("3", &offline), "failed");
}
