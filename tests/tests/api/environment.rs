//! What environment, settings files and netrc say, in a process that has its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, json};
use ups_track::api::{Api, Error};
use ups_track_tests::server::{API_KEY, DEFAULT_ENTITY, Fault, Place, Run, RunKey, Server};

use crate::{asked, run};

/// What the process of this environment shall do.
const ROLE: &str = "UPS_TRACK_TEST_ROLE";

/// Plays a role in a process with nothing but this environment, and gives what it printed. It must succeed.
#[track_caller]
fn play(role: &str, home: &Path, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["environment::the_other_process", "--exact", "--nocapture"]);
    command.env_clear().current_dir(home).env("HOME", home).env(ROLE, role);
    let output = command.envs(environment.iter().copied()).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    said
}

/// Not a test of its own: does nothing unless it has a role.
#[test]
fn the_other_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    match role.as_str() {
        "default entity" => {
            let api = Api::from_env().unwrap();
            assert_eq!(api.run("p/r").unwrap().entity(), DEFAULT_ENTITY);
            assert_eq!(api.runs("p").list().unwrap().count(), 1);
            assert_eq!(api.default_entity().unwrap(), DEFAULT_ENTITY);
            let error = api.run("r").unwrap_err();
            assert!(error.to_string().contains("WANDB_PROJECT"), "{error}");
        }
        "defaults" => {
            let run = Api::from_env().unwrap().run("r").unwrap();
            println!("{}/{}", run.entity(), run.project());
        }
        "no key" => {
            let error = Api::from_env().unwrap_err();
            assert!(matches!(error, Error::NoKey { .. }), "{error:?}");
            println!("{error}");
        }
        "retries" => println!("{}", Api::from_env().unwrap().run("e/p/r").unwrap_err()),
        other => unreachable!("{other}"),
    }
}

#[test]
fn the_entity_is_that_of_the_key_if_none_is_set() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    server.insert(Run::with(RunKey::new(DEFAULT_ENTITY, "p", "r"), Map::new(), "{}", Vec::new()));
    play("default entity", home.path(), &[("WANDB_BASE_URL", server.url()), ("WANDB_API_KEY", API_KEY)]);
    assert_eq!(asked(&server, "Viewer"), 1);
    assert_eq!(server.violations(), []);
}

#[test]
fn variables_go_before_files() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    server.insert(run("r", &json!({}), &json!({})));
    server.insert(Run::with(RunKey::new("me", "other", "r"), Map::new(), "{}", Vec::new()));
    let machine = server.url().strip_prefix("http://").unwrap();
    fs::write(home.path().join(".netrc"), format!("machine {machine}\n  login user\n  password {API_KEY}\n"))
        .unwrap();
    fs::create_dir_all(home.path().join(".config/wandb")).unwrap();
    let settings = format!("[default]\nbase_url = {}\nentity = me\nproject = other\n", server.url());
    fs::write(home.path().join(".config/wandb/settings"), settings).unwrap();
    assert!(play("defaults", home.path(), &[]).contains("me/other"));
    assert!(play("defaults", home.path(), &[("WANDB_PROJECT", "p")]).contains("me/p"));
    assert_eq!(server.violations(), []);
}

#[test]
fn without_a_key_it_is_said_how_to_get_one() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let said = play("no key", home.path(), &[("WANDB_BASE_URL", server.url())]);
    assert!(said.contains("ups-track login") && said.contains(server.url()), "{said}");
    assert_eq!(server.requests(), []);
}

#[test]
fn settings_of_wandb_change_the_patience() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    server.fail(Place::Operation("Run"), &Fault::Status(503, None), 3);
    let environment = [
        ("WANDB_BASE_URL", server.url()),
        ("WANDB_API_KEY", API_KEY),
        ("WANDB_X_GRAPHQL_RETRY_MAX", "2"),
        ("WANDB_X_GRAPHQL_RETRY_WAIT_MIN_SECONDS", "0.01"),
    ];
    let said = play("retries", home.path(), &environment);
    assert!(said.contains("gave up after 3 attempts"), "{said}");
    assert_eq!(server.faults_left(), 0);
}
