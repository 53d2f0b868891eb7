//! A person renames, tags, annotates and edits config on the page of a run while it is live, before it is resumed, and before its
//! log is synced again: what is left of theirs, by our client and by the real one.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use ups_track_tests::log::run_dirs;
use ups_track_tests::server::{API_KEY, DEFAULT_ENTITY, Run, RunKey, Server};
use ups_track_tests::wandb;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Ours,
    Real,
}

/// A program with the run that is edited, which is told what to do.
struct Playing {
    child: Child,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Playing {
    fn start(client: Client, server: &Server, dir: &Path, more: &[(&str, &str)]) -> Self {
        let mut command = match client {
            Client::Ours => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_live"));
                command.env_clear();
                command
            }
            Client::Real => wandb::script("person.py").unwrap(),
        };
        command.current_dir(dir).env("HOME", dir).env("WANDB_DIR", dir);
        command.env("WANDB_BASE_URL", server.url()).env("WANDB_API_KEY", API_KEY);
        command.env("WANDB_PROJECT", "p").env("WANDB_RUN_ID", "edited").env("WANDB_RESUME", "allow");
        command.env("WANDB_NAME", "program").env("WANDB_NOTES", "program").env("WANDB_TAGS", "a,b");
        command.env("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "0.1").envs(more.iter().copied());
        let output = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = output.spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, answers }
    }

    fn tell(&mut self, orders: &[&str]) {
        for order in orders {
            writeln!(self.child.stdin.as_mut().unwrap(), "{order}").unwrap();
            self.answers.next().unwrap_or_else(|| panic!("no answer to {order}")).unwrap();
        }
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

fn key() -> RunKey {
    RunKey::new(DEFAULT_ENTITY, "p", "edited")
}

/// What the person does.
fn edit(server: &Server) {
    server.edit(&key(), |run| {
        run.display_name = Some("person".to_owned());
        run.notes = Some("person".to_owned());
        run.tags = vec!["b".to_owned(), "person".to_owned()];
        run.set_config("lr", json!("person"));
        run.set_config("person", json!(1));
        run.set_config("gone", Value::Null);
    });
}

/// What of theirs is undone.
fn undone(run: &Run) -> Vec<&'static str> {
    let config = run.config();
    let has = |tag: &str| run.tags.contains(&tag.to_owned());
    let kept = [
        ("name", run.display_name.as_deref() == Some("person")),
        ("notes", run.notes.as_deref() == Some("person")),
        ("tag", has("person")),
        ("removed tag", !has("a")),
        ("config", config.get("lr") == Some(&json!("person"))),
        ("config key", config.get("person") == Some(&json!(1))),
        ("removed config key", !config.contains_key("gone")),
    ];
    kept.into_iter().filter(|(_, kept)| !kept).map(|(what, _)| what).collect()
}

/// A run that has told its config.
fn begun(client: Client, server: &Server, dir: &Path, more: &[(&str, &str)]) -> Playing {
    let mut playing = Playing::start(client, server, dir, more);
    playing.tell(&["config lr 1", "config gone 1", "rows 3"]);
    playing
}

fn live(client: Client) -> Vec<&'static str> {
    let (server, dir) = (Server::start(), tempfile::tempdir().unwrap());
    let mut playing = begun(client, &server, dir.path(), &[]);
    server.run_when(&key(), |run| run.config().len() == 2 && run.history().len() == 3);
    edit(&server);
    playing.tell(&["config more 1", "tag c", "rows 2", "finish 0"]);
    playing.end();
    let run = server.run_when(&key(), |run| run.complete);
    assert!(run.tags.contains(&"c".to_owned()) && run.config().contains_key("more"), "{run:?}");
    undone(&run)
}

fn resumed(client: Client) -> Vec<&'static str> {
    let (server, dir) = (Server::start(), tempfile::tempdir().unwrap());
    let mut playing = begun(client, &server, dir.path(), &[]);
    playing.tell(&["finish 0"]);
    playing.end();
    server.run_when(&key(), |run| run.complete && run.config().len() == 2);
    edit(&server);
    let mut playing = Playing::start(client, &server, dir.path(), &[]);
    playing.tell(&["config more 1", "rows 2", "finish 0"]);
    playing.end();
    let run = server.run_when(&key(), |run| run.complete && run.history().len() == 5);
    assert!(run.config().contains_key("more"), "{run:?}");
    undone(&run)
}

/// The log is synced, by the client that wrote it, and synced again after the edit.
fn synced(client: Client) -> Vec<&'static str> {
    let (server, dir) = (Server::start(), tempfile::tempdir().unwrap());
    let mut playing =
        begun(client, &server, dir.path(), &[("WANDB_MODE", "offline"), ("WANDB_RESUME", "never")]);
    playing.tell(&["finish 0"]);
    playing.end();
    let [run_dir] = &run_dirs(dir.path())[..] else { panic!("one run") };
    let sync = || match client {
        Client::Real => drop(wandb::sync(run_dir, &server).unwrap()),
        Client::Ours => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_command"));
            command.env_clear().env("HOME", dir.path()).args(["sync", "--include-synced"]).arg(run_dir);
            command.env("WANDB_BASE_URL", server.url()).env("WANDB_API_KEY", API_KEY);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
    };
    sync();
    server.run_when(&key(), |run| run.complete && run.config().len() == 2);
    edit(&server);
    if client == Client::Real {
        std::fs::remove_file(run_dir.join("run-edited.wandb.synced")).unwrap();
    }
    sync();
    undone(&server.run(&key()).unwrap())
}

#[test]
fn ours_undoes_nothing() {
    assert_eq!(live(Client::Ours), [""; 0]);
    assert_eq!(resumed(Client::Ours), [""; 0]);
    assert_eq!(synced(Client::Ours), [""; 0]);
}

/// What the real client does is as it was when these tests were written: ours is compared with it, and does more.
#[test]
fn the_real_client_undoes_most() {
    let described = ["name", "notes", "tag", "removed tag"];
    let all: Vec<_> = described.into_iter().chain(["config", "config key", "removed config key"]).collect();
    assert_eq!(live(Client::Real), all);
    // A run that is resumed takes the config of the server.
    assert_eq!(resumed(Client::Real), described);
    assert_eq!(synced(Client::Real), all);
}
