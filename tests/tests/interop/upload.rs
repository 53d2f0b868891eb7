//! The real `wandb sync` and `ups-track sync` on the same logs leave the same on the server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, thread};

use ups_track::{FilePolicy, Resume, Stream};
use ups_track_tests::normalized::{Meant, Side, assert_same, assert_same_but};
use ups_track_tests::server::{API_KEY, Run, Server};
use ups_track_tests::wandb;

use crate::twin::Recorded;
use crate::{SCENARIOS, finished, run_id, synced, twin};

/// What `ups-track sync` says; it must end with this code.
#[track_caller]
fn ups_track_sync(path: &Path, server: &Server, code: i32) -> String {
    ups_track_sync_with(path, server, code, &[])
}

/// The same, with additions to the environment.
#[track_caller]
fn ups_track_sync_with(path: &Path, server: &Server, code: i32, environment: &[(&str, &str)]) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = ups_track_command(server);
    command.env("HOME", home.path()).envs(environment.iter().copied());
    let output = command.arg("sync").arg(path).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// The command `ups-track` with access to the server.
pub(crate) fn ups_track_command(server: &Server) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_command"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WANDB_") {
            command.env_remove(name);
        }
    }
    command.env("WANDB_BASE_URL", server.url()).env("WANDB_API_KEY", API_KEY);
    command
}

/// A copy of a run directory, with its name.
pub(crate) fn copy(dir: &Path, below: &Path) -> PathBuf {
    let to = below.join(dir.file_name().unwrap());
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            copy(&path, &to);
        } else if path.exists() {
            // Not a link to a log of the client itself, in a home that is gone.
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
    to
}

/// What both tools make of a run directory: the real one's first.
#[track_caller]
fn by_both(dir: &Path, id: &str) -> (Run, Run) {
    let root = tempfile::tempdir().unwrap();
    // It may be the link `latest-run`.
    let dir = &fs::canonicalize(dir).unwrap();
    let own = copy(dir, root.path());
    let theirs = synced(dir, id);
    let server = Server::start();
    ups_track_sync(&own, &server, 0);
    assert!(own.join(format!("run-{id}.wandb.synced")).exists());
    (theirs, finished(&server, id))
}

/// Where ours is meant to differ.
fn meant(scenario: &str) -> Vec<Meant> {
    const REASON: &str = "an integer beyond 63 bits keeps its digits";
    let meant = |path: &str| Meant::other(path, 18_446_744_073_709_551_616.0, u64::MAX, REASON);
    match scenario {
        "odd_values" => vec![meant(r#"config["u64_max"]"#), meant(r#"summary["s_u64_max"]"#)],
        _ => Vec::new(),
    }
}

#[test]
fn logs_of_the_python_client_arrive_the_same() {
    thread::scope(|scope| {
        for scenario in SCENARIOS {
            scope.spawn(move || {
                let root = tempfile::tempdir().unwrap();
                let dir = wandb::record(scenario, root.path()).unwrap();
                let (theirs, own) = by_both(&dir, &run_id(scenario));
                assert_same_but(&theirs, &own, &meant(scenario));
                // What the comparison leaves out, as it differs between clients: here the log is one.
                assert_eq!(theirs.files.keys().collect::<Vec<_>>(), own.files.keys().collect::<Vec<_>>());
                let metadata = |run: &Run| -> serde_json::Value {
                    serde_json::from_slice(&run.files["wandb-metadata.json"]).unwrap()
                };
                assert_eq!(metadata(&theirs), metadata(&own), "{scenario}");
                // 12 is the version of the tool that uploads, flag 76 that it is the client's new one.
                let telemetry = |run: &Run| {
                    let mut telemetry = run.internal()["t"].as_object().unwrap().clone();
                    telemetry.remove("12");
                    for flags in telemetry.values_mut().filter_map(serde_json::Value::as_array_mut) {
                        flags.retain(|flag| *flag != 76);
                        flags.sort_by_key(serde_json::Value::as_u64);
                    }
                    telemetry
                };
                assert_eq!(telemetry(&theirs), telemetry(&own), "{scenario}");
                assert_eq!(theirs.internal()["cli_version"], own.internal()["cli_version"]);
                assert_eq!(theirs.host, own.host);
                assert_eq!((&theirs.commit, &theirs.repo), (&own.commit, &own.repo));
            });
        }
    });
}

#[test]
fn our_logs_arrive_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("report.txt");
    fs::write(&file, "naïve").unwrap();
    let recorded = twin::record_ending(
        "ours",
        |builder| {
            let builder = builder.name("A name").notes("notes").tags(["a", "b"]).group("g").job_type("train");
            builder.config(&[("lr", 1e-3)])
        },
        3,
        |run| {
            for step in 0..500_u32 {
                let loss = 1.0 / (f64::from(step) + 1.0);
                run.log(step, &[("loss", loss), ("nan", f64::NAN), ("deep/key", loss * 1e300)]);
            }
            run.summarize(&[("nrmse", 0.09)]);
            run.write_console(Stream::Stdout, "out\r\npro\rgress 10%\rprogress 90%\n");
            run.write_console(Stream::Stderr, "err");
            run.write_console(Stream::Stdout, "later\n");
            run.alert(ups_track::Alert::new("a title").text("a text"));
            run.save_file(&file, FilePolicy::End).unwrap();
        },
    );
    let (theirs, own) = by_both(&recorded.path, &recorded.id);
    assert_same(&theirs, &own);
    assert_eq!(theirs.files.keys().collect::<Vec<_>>(), own.files.keys().collect::<Vec<_>>());
}

#[test]
fn torn_logs_arrive_the_same() {
    let recorded = twin::record(
        "torn-log",
        |builder| builder,
        |run| {
            for step in 0..3000_u32 {
                run.log(step, &[("loss", f64::from(step))]);
            }
        },
    );
    let bytes = fs::read(recorded.log()).unwrap();
    fs::write(recorded.log(), &bytes[..bytes.len() - 1000]).unwrap();
    let root = tempfile::tempdir().unwrap();
    let copied = copy(&recorded.path, root.path());
    let (theirs, own) = (Server::start(), Server::start());
    // It sends what is there, and says that it could not read on.
    let said = wandb::sync(&recorded.path, &theirs).unwrap();
    assert!(!recorded.path.join("run-torn-log.wandb.synced").exists(), "{said:?}");
    ups_track_sync(&copied, &own, 1);
    assert!(!copied.join("run-torn-log.wandb.synced").exists());
    let run = |server: &Server| {
        assert_eq!(server.violations(), []);
        let [run] = <[Run; 1]>::try_from(server.runs()).unwrap();
        run
    };
    assert_same(&run(&theirs), &run(&own));
}

#[test]
fn either_tool_skips_what_the_other_has_uploaded() {
    let recorded = twin::record("skipped", |builder| builder, |run| run.log(0_u32, &[("loss", 1.0)]));
    let root = tempfile::tempdir().unwrap();
    let copied = copy(&recorded.path, root.path());
    let server = Server::start();
    ups_track_sync(&recorded.path, &server, 0);
    let before = server.requests().len();
    // Without anything to do it does not call it an error, or it does: what counts is what it sends.
    drop(wandb::sync(&recorded.path, &server));
    let sent: Vec<_> = server.requests().split_off(before);
    assert!(sent.iter().all(|request| request.operation.as_deref() != Some("UpsertBucket")), "{sent:?}");

    wandb::sync(&copied, &server).unwrap();
    let before = server.requests().len();
    assert!(ups_track_sync(&copied, &server, 0).contains("uploaded before"));
    assert_eq!(server.requests().len(), before);
}

#[test]
fn a_server_with_features_and_settings_for_both() {
    let root = tempfile::tempdir().unwrap();
    let dir = wandb::record("console", root.path()).unwrap();
    let id = run_id("console");
    let own_root = tempfile::tempdir().unwrap();
    let own = copy(&dir, own_root.path());
    for structured in [false, true] {
        let (theirs_server, our_server) = (Server::start(), Server::start());
        for server in [&theirs_server, &our_server] {
            server.enable(&["FILESTREAM_GZIP"]);
            if structured {
                server.enable(&["STRUCTURED_CONSOLE_LOGS"]);
            }
        }
        // The real client compresses only if it is asked to.
        let settings = [
            ("WANDB_X_LABEL", "rank_1"),
            ("WANDB_IGNORE_GLOBS", "*.yaml,output*.log"),
            ("WANDB_X_FILE_STREAM_NO_GZIP", "false"),
            ("WANDB_USERNAME", "ada"),
        ];
        for (dir, ending) in [(&dir, "synced"), (&own, "synced"), (&own, "syncstate")] {
            drop(fs::remove_file(dir.join(format!("run-{id}.wandb.{ending}"))));
        }
        wandb::sync_with(&dir, &theirs_server, &settings).unwrap();
        ups_track_sync_with(&own, &our_server, 0, &settings);
        let (theirs, ours) = (finished(&theirs_server, &id), finished(&our_server, &id));
        assert_same(&theirs, &ours);
        // The real client says when a line was uploaded, ours when it was written.
        let console = |run: &Run| -> Vec<String> {
            let lines = run.lines(ups_track_tests::server::Stream::Console).iter();
            lines.zip(run.console()).map(|(line, parsed)| line.replace(&parsed.time, "TIME")).collect()
        };
        assert_eq!(console(&theirs), console(&ours));
        assert!(console(&ours).iter().all(|line| line.contains("rank_1")));
        assert!(
            theirs.files.keys().eq(ours.files.keys()),
            "{:?} {:?}",
            theirs.files.keys(),
            ours.files.keys()
        );
        let packed = |server: &Server| {
            server.received().iter().any(|request| request.header("content-encoding") == Some("gzip"))
        };
        assert!(packed(&theirs_server) && packed(&our_server));
        for server in [&theirs_server, &our_server] {
            let people = |request: &ups_track_tests::server::Received| {
                request.header("x-wandb-username").map(str::to_owned)
            };
            assert!(server.received().iter().any(|request| people(request).as_deref() == Some("ada")));
        }
    }
}

#[test]
fn identity_tokens_and_their_cache_are_the_same_for_both() {
    let identity = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwb2QtMSJ9.c2lnbmF0dXJlLW9mLXRoZS10ZXN0";
    for theirs_first in [true, false] {
        let root = tempfile::tempdir().unwrap();
        let [one, other] = ["metadata", "summary_only"]
            .map(|scenario| wandb::record(scenario, &root.path().join(scenario)).unwrap());
        let (token, cache) = (root.path().join("token"), root.path().join("credentials.json"));
        fs::write(&token, identity).unwrap();
        let settings = [
            ("WANDB_API_KEY", ""),
            ("WANDB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
            ("WANDB_CREDENTIALS_FILE", cache.to_str().unwrap()),
        ];
        let server = Server::start();
        server.trust(identity, 3600);
        let theirs = || drop(wandb::sync_with(&one, &server, &settings).unwrap());
        let ours = || drop(ups_track_sync_with(&other, &server, 0, &settings));
        if theirs_first {
            theirs();
            ours();
        } else {
            ours();
            theirs();
        }
        let runs = server.runs();
        assert!(runs.len() == 2 && runs.iter().all(|run| run.complete));
        assert_eq!(server.violations(), []);
        // The second one has found the token of the first.
        assert_eq!(server.tokens(), 1);
    }
}

/// Two logs, one after the other, by both tools, each to a server of its own: all runs that are there then.
#[track_caller]
fn one_after_the_other(first: &Recorded, second: &Recorded) -> (Vec<Run>, Vec<Run>) {
    let root = tempfile::tempdir().unwrap();
    let (theirs, own) = (Server::start(), Server::start());
    for recorded in [first, second] {
        let copied = copy(&recorded.path, root.path());
        let said = wandb::sync(&recorded.path, &theirs).unwrap();
        let mark = format!("run-{}.wandb.synced", recorded.id);
        assert!(recorded.path.join(&mark).exists(), "{said:?}");
        ups_track_sync(&copied, &own, 0);
        assert!(copied.join(&mark).exists());
        // Of one id they may have one name.
        fs::remove_dir_all(&copied).unwrap();
    }
    assert_eq!((theirs.violations(), own.violations()), (vec![], vec![]));
    (theirs.runs(), own.runs())
}

/// A run of so many rows.
fn attempt(
    scenario: &str,
    rows: u32,
    loss: f64,
    configure: impl FnOnce(ups_track::RunBuilder) -> ups_track::RunBuilder,
) -> Recorded {
    twin::record(scenario, configure, |run| {
        for step in 0..rows {
            run.log(step, &[("loss", loss)]);
        }
        run.write_console(Stream::Stdout, "a line\n");
        run.summarize(&[(format!("of_{rows}_rows"), loss)]);
    })
}

fn steps(run: &Run) -> Vec<i64> {
    run.history().iter().map(|row| row["_step"].as_i64().unwrap()).collect()
}

#[test]
fn resumed_runs_arrive_the_same() {
    for resume in [Resume::Allow, Resume::Must] {
        let first = attempt("resumed", 8, 1.0, |builder| {
            builder.name("a name").notes("notes").tags(["a"]).config(&[("lr", 0.5), ("only", 1.0)])
        });
        let second = attempt("resumed", 3, 2.0, |builder| builder.resume(resume).config(&[("lr", 0.25)]));
        let (theirs, own) = one_after_the_other(&first, &second);
        assert_eq!(steps(&own[0]), (0..11).collect::<Vec<_>>());
        let reason = "of a summary that a resumed run does not set, W&B's tool keeps nothing";
        let kept = Meant::extra(r#"summary["of_8_rows"]"#, Side::Is(1.into()), reason);
        assert_same_but(&theirs[0], &own[0], &[kept]);
    }
}

#[test]
fn rewound_runs_arrive_the_same() {
    let first = attempt("rewound", 8, 1.0, |builder| builder.config(&[("lr", 0.5), ("only", 1.0)]));
    let rewind = |builder: ups_track::RunBuilder| builder.resume_from("rewound?_step=4");
    let second = attempt("rewound", 3, 2.0, |builder| rewind(builder).config(&[("lr", 0.25)]));
    let (theirs, own) = one_after_the_other(&first, &second);
    assert_eq!(steps(&own[0]), (0..8).collect::<Vec<_>>());
    assert_eq!((theirs[0].rewinds, own[0].rewinds), (1, 1));
    assert_same(&theirs[0], &own[0]);
    assert!(own[0].branch_point.is_some());
}

#[test]
fn forked_runs_arrive_the_same() {
    let first = attempt("origin", 8, 1.0, |builder| builder.config(&[("lr", 0.5)]));
    let second = attempt("forked", 3, 2.0, |builder| builder.fork_from("origin?_step=4"));
    let (theirs, own) = one_after_the_other(&first, &second);
    for (theirs, own) in theirs.iter().zip(&own) {
        assert_same(theirs, own);
    }
    // An online run of W&B's client says it; its tool for logs leaves it out, and the fork has no origin.
    assert_eq!(own[0].branch_point, Some(serde_json::json!({"run_id": "origin", "step": 4})));
    assert_eq!(own.iter().map(steps).collect::<Vec<_>>(), [vec![5, 6, 7], (0..8).collect()]);
}
