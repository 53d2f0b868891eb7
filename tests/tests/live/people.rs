//! A person renames, tags, annotates and edits config on the page of a run while it is recorded, and before it is gone on
//! with or sent again: nothing of theirs is undone.

use std::path::Path;

use serde_json::{Value, json};
use ups_track_tests::server::{Run, RunKey, Server};

use crate::player::{Player, Playing, command, eventually};

fn start(server: &Server, dir: &Path) -> Playing {
    Player::new(server.url(), "edited")
        .env("WANDB_DIR", dir.to_str().unwrap())
        .env("WANDB_NAME", "ours")
        .env("WANDB_NOTES", "ours")
        .env("WANDB_TAGS", "a,b")
        .env("WANDB_RESUME", "allow")
        .start()
}

fn edit(server: &Server, edit: impl FnOnce(&mut Run)) {
    server.edit(&RunKey::new("test-entity", "p", "edited"), edit);
}

/// Name, notes, tags, config.
fn description(run: &Run) -> (Option<&str>, Option<&str>, Vec<&str>, Value) {
    let mut tags: Vec<_> = run.tags.iter().map(String::as_str).collect();
    tags.sort_unstable();
    (run.display_name.as_deref(), run.notes.as_deref(), tags, Value::Object(run.config()))
}

#[test]
fn nothing_of_theirs_is_undone() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let mut program = start(&server, dir.path());
    for order in ["config lr 1", "config gone 1", "config keep 1", "rows 3"] {
        program.tell(order);
    }
    eventually(&server, "edited", |run| run.config().len() == 3);
    edit(&server, |run| {
        run.display_name = Some("theirs".to_owned());
        run.notes = Some("theirs".to_owned());
        run.tags = vec!["b".to_owned(), "person".to_owned()];
        run.set_config("lr", json!("9"));
        run.set_config("person", json!({"a": [1.5]}));
        run.set_config("gone", Value::Null);
    });
    // The program goes on, with things of its own to say.
    for order in ["config keep 2", "config more 1", "tag c", "rows 3"] {
        program.tell(order);
    }
    let live = eventually(&server, "edited", |run| run.tags.contains(&"c".to_owned()));
    let expected = json!({"lr": "9", "keep": "2", "more": "1", "person": {"a": [1.5]}});
    assert_eq!(
        description(&live),
        (Some("theirs"), Some("theirs"), vec!["b", "c", "person"], expected.clone())
    );
    assert_eq!(program.tell("finish 0"), "6 true");
    program.end();
    let run = eventually(&server, "edited", |run| run.complete);
    assert_eq!(description(&run), (Some("theirs"), Some("theirs"), vec!["b", "c", "person"], expected));

    // Edited once more, and gone on with by the same program.
    edit(&server, |run| {
        run.display_name = Some("again".to_owned());
        run.notes = Some("again".to_owned());
        run.tags = vec!["person".to_owned(), "more".to_owned()];
        run.set_config("lr", json!("10"));
    });
    let mut program = start(&server, dir.path());
    for order in ["config lr 1", "config keep 3", "tag c", "tag d", "rows 3"] {
        program.tell(order);
    }
    assert_eq!(program.tell("finish 0"), "3 true");
    program.end();
    let run = eventually(&server, "edited", |run| run.history().len() == 9 && run.complete);
    let expected = json!({"lr": "10", "keep": "3", "more": "1", "person": {"a": [1.5]}});
    let tags = vec!["d", "more", "person"];
    assert_eq!(description(&run), (Some("again"), Some("again"), tags.clone(), expected.clone()));

    // What the program changes itself is changed.
    let mut program = start(&server, dir.path());
    for order in ["name new", "notes new", "config lr 3", "finish 0"] {
        program.tell(order);
    }
    program.end();
    let run = eventually(&server, "edited", |run| run.complete && run.notes.as_deref() == Some("new"));
    let (name, _, all, config) = description(&run);
    assert_eq!((name, all, &config["lr"]), (Some("new"), tags, &json!("3")));
    assert_eq!(server.violations(), []);
}

/// All logs below a directory, sent again though they were sent before.
fn sync_again(server: &Server, dir: &Path) {
    let mut sync = command(env!("CARGO_BIN_EXE_command"), server.url(), dir);
    sync.args(["sync", "--include-online", "--include-synced"]).arg(dir.join("wandb"));
    let output = sync.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_log_that_is_sent_again_undoes_nothing() {
    for forgets in [false, true] {
        let server = Server::start();
        let dir = tempfile::tempdir().unwrap();
        let mut program = start(&server, dir.path());
        for order in ["config lr 1", "tag c", "name later", "rows 3", "finish 0"] {
            program.tell(order);
        }
        program.end();
        eventually(&server, "edited", |run| run.complete && run.history().len() == 3);
        edit(&server, |run| {
            run.display_name = Some("theirs".to_owned());
            run.notes = Some("theirs".to_owned());
            run.tags = vec!["b".to_owned(), "person".to_owned()];
            run.set_config("lr", json!("9"));
        });
        if forgets {
            // As W&B's client, or an older version, has sent it.
            for entry in std::fs::read_dir(dir.path().join("wandb")).unwrap() {
                drop(std::fs::remove_file(entry.unwrap().path().join("run-edited.wandb.told")));
            }
        }
        sync_again(&server, dir.path());
        let run = eventually(&server, "edited", |run| run.complete);
        let expected = (Some("theirs"), Some("theirs"), vec!["b", "person"], json!({"lr": "9"}));
        assert_eq!(description(&run), expected, "{forgets}");
        assert_eq!(run.history().len(), 3);
        assert_eq!(server.violations(), []);
    }
}

#[test]
fn an_upload_that_is_killed_and_begun_again_undoes_nothing() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let mut program = start(&server, dir.path());
    for order in ["config lr 1", "config lr 2", "name later", "tag c", "rows 3"] {
        program.tell(order);
    }
    let is_told = |run: &Run| run.tags.contains(&"c".to_owned()) && run.history().len() == 3;
    eventually(&server, "edited", is_told);
    // It is remembered behind the answer.
    let told = || {
        let dirs = std::fs::read_dir(dir.path().join("wandb")).unwrap();
        let texts = dirs.filter_map(|dir| {
            std::fs::read_to_string(dir.unwrap().path().join("run-edited.wandb.told")).ok()
        });
        texts.collect::<String>().contains("later")
    };
    while !told() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    edit(&server, |run| {
        run.display_name = Some("theirs".to_owned());
        run.tags = vec!["person".to_owned()];
        run.set_config("lr", json!("9"));
    });
    program.kill();
    sync_again(&server, dir.path());
    let run = eventually(&server, "edited", |run| run.complete);
    let (name, _, tags, config) = description(&run);
    assert_eq!((name, tags, config), (Some("theirs"), vec!["person"], json!({"lr": "9"})));
    assert_eq!(server.violations(), []);
}
