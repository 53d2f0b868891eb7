//! What the jobs of one `sync` share: the client with its connections, what lets it in, the limit.

use std::time::{Duration, Instant};

use ups_track_tests::server::{Fault, Place, Server};

use crate::several::together;
use crate::{command, on, record, said, sync};

#[test]
fn jobs_share_connections_credentials_and_what_is_known() {
    let server = Server::start();
    server.trust("eyJ.a.b", 3600);
    let recorded: Vec<_> = (0..12).map(|n| record(&format!("shared-{n}"), 50)).collect();
    let (root, _) = together(&recorded);
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("token"), "eyJ.a.b").unwrap();
    let mut command = command(&server, home.path());
    command.env_remove("WANDB_API_KEY").env("WANDB_IDENTITY_TOKEN_FILE", home.path().join("token"));
    // Nobody may keep a token for the others in a file.
    command.env("WANDB_CREDENTIALS_FILE", home.path().join("none/such/file"));
    let said = said(command.args(["sync", "--jobs", "3"]).arg(root.path()));
    assert_eq!(said.code, 0, "{said:?}");
    for n in 0..12 {
        assert_eq!(on(&server, &format!("shared-{n}")).history().len(), 50);
    }
    assert_eq!(server.tokens(), 1);
    let asked = server
        .requests()
        .iter()
        .filter(|asked| asked.operation.as_deref() == Some("ServerFeaturesQuery"))
        .count();
    assert_eq!(asked, 1);
    let (most, all) = server.connections();
    assert!(most <= 6 && all <= 12, "{most} {all}");
    assert_eq!(server.violations(), []);
}

/// The limit is that of the command, however many jobs it has.
#[test]
fn jobs_share_the_limit() {
    let server = Server::start();
    let recorded: Vec<_> = (0..4).map(|n| record(&format!("limited-{n}"), 5)).collect();
    let (root, _) = together(&recorded);
    let home = tempfile::tempdir().unwrap();
    let mut command = command(&server, home.path());
    // A file of 300 kB each.
    command.env("UPS_TRACK_UPLOAD_LIMIT", "400k").args(["sync", "--jobs", "4"]).arg(root.path());
    let began = Instant::now();
    let said = said(&mut command);
    let took = began.elapsed();
    assert_eq!(said.code, 0, "{said:?}");
    // 1.2 MB at 400 kB each second; with a limit for each job it would take no second.
    assert!(took >= Duration::from_millis(2500), "{took:?}");
    assert_eq!(server.violations(), []);
}

#[test]
fn what_is_tried_again_is_said_with_its_cause() {
    let server = Server::start();
    let recorded = record("patient", 5);
    server.fail(Place::Operation("UpsertBucket"), &Fault::Status(409, None), 2);
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let line = said.err.lines().find(|line| line.contains("next attempt in")).unwrap_or_default();
    assert!(line.contains("run-patient.wandb: ") && line.contains("answered 409"), "{said:?}");
    assert!(said.err.contains("run-patient.wandb: goes on"), "{said:?}");
    let quiet = {
        server.fail(Place::Operation("UpsertBucket"), &Fault::Status(409, None), 1);
        sync(&server, &record("quiet", 5).log, &["--quiet"])
    };
    assert_eq!((quiet.code, quiet.err.as_str()), (0, ""));
    assert_eq!(server.violations(), []);
}

#[cfg(unix)]
#[test]
fn a_bar_says_what_is_wrong() {
    use ups_track_tests::terminal::Terminal;

    let server = Server::start();
    let recorded = record("troubled", 5);
    server.fail(Place::Stream, &Fault::Status(503, Some("600")), 1);
    let home = tempfile::tempdir().unwrap();
    let mut command = command(&server, home.path());
    command.env("TERM", "xterm").arg("sync").arg(&recorded.log);
    let mut terminal = Terminal::start(&mut command);
    terminal.wait_for("again in 10 min 00 s: ");
    terminal.wait_for("answered 503");
    drop(terminal.process.kill());
}
