//! Nothing secret is written or sent, but the key to where it belongs.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tracing_subscriber::layer::SubscriberExt as _;
use ups_track::{Alert, Stream, TableRow};
use ups_track_tests::server::{API_KEY, Received, Server};

use crate::{command, files_below, has, said};

/// What must be nowhere.
const PLANTED: &str = "planted";

const CONFIG: &str = "\
api_key: planted-in-config
db:
  password: planted-password
  url: postgres://me:planted-in-url@db.invalid:5432/x?a=1
hf_token: [planted-in-list]
data: s3://AKIA:planted-s3@bucket/x
pass: planted-1
pwd: planted-2
passphrase: planted-3
passcode: planted-4
authorization: planted-5
auth: planted-6
bearer: planted-7
cookie: planted-8
connection_string: planted-9
dsn: planted-10
private: planted-11
accesskey: planted-12
ssh_key: planted-13
encryption_key: planted-14
openai_key: planted-15
github_pat: planted-16
credentials: {user: planted-17, more: [planted-18]}
query: https://h.invalid/x?token=planted-19&y=1
query2: https://h.invalid/x?a=1&api_key=planted-20
sas: https://h.invalid/x?sv=1&sig=planted-21
s3: https://h.invalid/x?X-Amz-Signature=planted-22
slashed: postgres://user:planted/23@db.invalid/x
odbc: Server=db;Uid=me;Password=planted-24;
header: 'Authorization: Bearer planted-25'
pem: '-----BEGIN PRIVATE KEY----- planted-26 -----END PRIVATE KEY-----'
shape: use AKIAPLANTEDPLANTED01 now
pad_token: kept-pad
max_tokens: 512
author: kept-author
commit: 0123456789abcdef0123456789abcdef01234567
lr: 0.5
";

/// A run with secrets in all places where people have them, by a process of its own.
fn record(server: &Server, home: &Path, mode: &str) {
    fs::create_dir_all(home.join("repo/.git/refs/heads")).unwrap();
    let git = |name: &str, text: &str| fs::write(home.join("repo/.git").join(name), text).unwrap();
    git("HEAD", "ref: refs/heads/main\n");
    git("refs/heads/main", "0123456789abcdef0123456789abcdef01234567\n");
    git("config", "[remote \"origin\"]\n\turl = https://me:planted-in-remote@git.invalid/me/repo.git\n");
    fs::write(home.join("config.yaml"), CONFIG).unwrap();
    let mut command = command(server, home);
    command.current_dir(home.join("repo")).env("WANDB_DIR", home).env("WANDB_MODE", mode);
    command.env("WANDB_RUN_ID", "secrets").env("WANDB_PROJECT", "p");
    command.env("WANDB_CONFIG_PATHS", home.join("config.yaml"));
    command.env("MY_SERVICE_PASSWORD", "planted-in-env").env("SLURM_JWT", "planted-slurm");
    command.env("SLURM_JOB_NAME", "a-job").env("HF_TOKEN", "planted-hf");
    if mode == "offline" {
        // Who is online sends it, as was asked for.
        command.env("WANDB_X_EXTRA_HTTP_HEADERS", r#"{"X-Gateway": "planted-header"}"#);
    }
    command.args(["run", "--", "true", "--token=planted-argument", "--api-key", "planted-after"]);
    command.args([
        "--pass",
        "planted-a1",
        "--pwd",
        "planted-a2",
        "--auth",
        "planted-a3",
        "--dsn",
        "planted-a4",
    ]);
    command.args([
        "--env=API_KEY=planted-a5",
        "--api-key",
        "-planted-a6",
        "-H",
        "Authorization: Bearer planted-a7",
    ]);
    command.args(["https://h.invalid/?token=planted-a8", "--pad-token=kept-argument"]);
    command.env("WANDB_NOTES", "see https://me:planted-notes@h.invalid/x");
    command
        .env("WANDB_NAME", "run password=planted-name")
        .env("WANDB_TAGS", "https://me:planted-tag@h.invalid");
    command.args([
        "WANDB_API_KEY=planted-assigned",
        "https://me:planted-in-argument@host.invalid/x",
        "--lr=1",
    ]);
    let said = said(&mut command);
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn secrets_are_neither_written_nor_sent_later() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    server.enable(&["FILESTREAM_GZIP"]);
    record(&server, home.path(), "offline");
    let synced: &mut Command = &mut command(&server, home.path());
    let synced = said(synced.arg("sync").arg(home.path().join("wandb")));
    assert_eq!(synced.code, 0, "{synced:?}");
    check_all(&server, home.path());
}

#[test]
fn secrets_are_neither_written_nor_sent_live() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    server.enable(&["FILESTREAM_GZIP"]);
    record(&server, home.path(), "online");
    check_all(&server, home.path());
}

#[derive(TableRow)]
struct Case {
    password: String,
    url: String,
}

/// What a program records by itself goes the same way.
#[test]
fn secrets_that_a_program_records_are_not_in_its_log() {
    let recorded = crate::record_with(
        "recorded",
        |builder| builder,
        |run| {
            run.summarize(&[
                ("eval/api_key", "planted-s1"),
                ("where", "s3://me:planted-s2@bucket/x"),
                ("kept", "kept-s"),
            ]);
            run.update_config(&[("deep/password", "planted-c")]);
            run.alert(Alert::new("down: https://me:planted-t@h").text("password=planted-x"));
            run.set_notes("token at https://h/?token=planted-n");
            run.set_name("https://me:planted-m@h");
            run.add_tags(["https://me:planted-g@h"]);
            run.write_console(Stream::Stdout, "api_key: planted-o\nkept-console token: word\n");
            let subscriber = tracing_subscriber::registry().with(run.layer());
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(config.password = "planted two words planted-p", "set");
                tracing::info!(summary.token = "planted-q", "set");
            });
            let url = "see https://me:planted-cell@h".to_owned();
            run.log_table("cases", &[Case { password: "planted-cell".to_owned(), url }]);
        },
    );
    for file in files_below(recorded.root.path()) {
        let bytes = fs::read(&file).unwrap();
        assert!(!has(&bytes, PLANTED.as_bytes()), "{file}: {}", String::from_utf8_lossy(&bytes));
    }
    let log = fs::read(&recorded.log).unwrap();
    assert!(has(&log, b"kept-s") && has(&log, b"kept-console token: word") && has(&log, b"s3://bucket/x"));
}

/// Looks through everything that was written and sent.
#[track_caller]
fn check_all(server: &Server, home: &Path) {
    let root = home.join("wandb");
    let run = server.runs().remove(0);
    // All of it was there to be found.
    assert_eq!(run.config()["lr"], 0.5);
    assert_eq!(run.config()["db"]["url"], "postgres://db.invalid:5432/x?a=1");
    assert_eq!(run.repo.as_deref(), Some("https://git.invalid/me/repo.git"));
    let metadata = String::from_utf8(run.files["wandb-metadata.json"].clone()).unwrap();
    for key in ["pad_token", "author"] {
        assert_eq!(run.config()[key], format!("kept-{}", key.trim_end_matches("_token")));
    }
    assert_eq!(run.config()["commit"], "0123456789abcdef0123456789abcdef01234567");
    assert_eq!(run.notes.as_deref(), Some("see https://h.invalid/x"));
    for words in ["--lr=1", "a-job", "https://host.invalid/x", "--pad-token=kept-argument"] {
        assert!(metadata.contains(words), "{words}: {metadata}");
    }

    let basic = BASE64_STANDARD.encode(format!("api:{API_KEY}"));
    let shape = "AKIAPLANTEDPLANTED01".to_owned();
    let secrets =
        [PLANTED.to_owned(), shape, API_KEY.to_owned(), BASE64_STANDARD.encode(API_KEY), basic.clone()];
    for file in files_below(&root) {
        let bytes = fs::read(&file).unwrap();
        for secret in &secrets {
            assert!(!has(&bytes, secret.as_bytes()) && !file.contains(secret), "{secret} in {file}");
        }
    }
    let received = server.received();
    assert!(received.len() > 5, "{received:?}");
    for request in &received {
        check(request, &secrets, &format!("Basic {basic}"));
    }
    assert_eq!(server.violations(), []);
}

/// Looks through all bytes of a request.
fn check(request: &Received, secrets: &[String], authorization: &str) {
    let Received { method, path, headers, body } = request;
    let storage = path.starts_with("/storage/");
    for secret in secrets {
        let what = format!("{secret} in {method} {path}");
        assert!(!path.contains(secret), "{what}");
        assert!(!has(body, secret.as_bytes()), "{what}");
        assert!(!has(&request.content().unwrap(), secret.as_bytes()), "{what}");
        for (name, value) in headers {
            let belongs = name == "authorization" && value == authorization && !storage;
            assert!(belongs || !value.contains(secret) && !name.contains(secret), "{what}: {name}");
        }
    }
}
