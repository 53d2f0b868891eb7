//! What `sync --prune` deletes, and above all what not.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use ups_track::Run;
use ups_track::log::record::{Kind, Unread};
use ups_track_tests::server::{self, Server, Stream};

use crate::{Recorded, Said, command, marker, on, record, record_with, records, said, sync};

#[track_caller]
pub(crate) fn prune(server: &Server, path: &Path, options: &[&str]) -> Said {
    let home = tempfile::tempdir().unwrap();
    let mut command = command(server, home.path());
    said(command.arg("sync").arg("--prune").args(options).arg(path).stdin(Stdio::null()))
}

fn uploaded(server: &Server, id: &str) -> Recorded {
    let recorded = record(id, 20);
    assert_eq!(sync(server, &recorded.log, &[]).code, 0);
    recorded
}

#[track_caller]
fn assert_kept(server: &Server, recorded: &Recorded, reason: &str) {
    let said = prune(server, &recorded.dir, &["--yes"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("kept") && said.out.contains(reason), "{reason}: {said:?}");
    assert!(recorded.log.exists());
}

#[test]
fn what_is_on_the_server_is_deleted_with_its_links() {
    let server = Server::start();
    let recorded = uploaded(&server, "gone");
    let wandb = recorded.dir.parent().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("mine"), "x").unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(elsewhere.path(), recorded.dir.join("logs/elsewhere")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), wandb.join("other-link")).unwrap();
        assert!(wandb.join("latest-run").is_symlink());
    }
    let said = prune(&server, wandb, &["--dry-run"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("would delete 1 run") && recorded.log.exists(), "{said:?}");

    let said = prune(&server, wandb, &[]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("--yes") && recorded.log.exists(), "{said:?}");

    // Written a moment ago.
    let said = prune(&server, wandb, &["--yes", "--older-than", "1"]);
    assert!(said.code == 0 && said.out.contains("nothing to delete") && recorded.log.exists(), "{said:?}");

    let said = prune(&server, wandb, &["--yes"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("20 rows, all on the server") && said.out.contains("deleted 1 run"),
        "{said:?}"
    );
    assert!(!recorded.dir.exists() && !wandb.join("latest-run").is_symlink());
    assert!(elsewhere.path().join("mine").exists());
    #[cfg(unix)]
    assert!(wandb.join("other-link").is_symlink());
    assert_eq!(on(&server, "gone").history().len(), 20);
    assert_eq!(server.violations(), []);
}

#[test]
fn what_is_not_uploaded_is_kept() {
    let server = Server::start();
    let recorded = record("kept", 20);
    assert_kept(&server, &recorded, "is not uploaded");
    // A mark alone is no proof.
    File::create(marker(&recorded.log)).unwrap();
    assert_kept(&server, &recorded, "the server has no run");
    assert_eq!(server.violations(), []);
}

#[test]
fn a_server_that_has_less_is_told() {
    let server = Server::start();
    let recorded = record("less", 20);
    // Somebody else's upload of this run, of fewer rows; and W&B's tool keeps no files in its state.
    assert_eq!(sync(&server, &record("less", 10).log, &[]).code, 0);
    File::create(marker(&recorded.log)).unwrap();
    assert_kept(&server, &recorded, "has 20 rows, and row 1 is not");

    // Another server.
    let other = Server::start();
    let recorded = uploaded(&other, "elsewhere");
    assert_kept(&server, &recorded, "was uploaded to");
    assert_eq!(prune(&other, &recorded.dir, &["--yes"]).code, 0);
    assert_eq!(server.violations(), []);
}

/// As many rows are no proof: they must be these.
#[test]
fn rows_are_compared_one_by_one() {
    let server = Server::start();
    let recorded = uploaded(&server, "compared");
    let run = on(&server, "compared");
    let tampered = |change: fn(&mut Vec<String>)| {
        let mut history = run.lines(Stream::History).to_vec();
        change(&mut history);
        let summary = &run.lines(Stream::Summary)[0];
        let mut other = server::Run::with(run.key().clone(), run.config(), summary, history);
        (other.files, other.complete, other.storage_id) = (run.files.clone(), true, run.storage_id.clone());
        server.insert(other);
    };
    tampered(|rows| rows[7] = rows[7].replace("\"loss\":0.125", "\"loss\":0.5"));
    assert_kept(&server, &recorded, "row 8 is not as it is here");
    tampered(|rows| drop(rows.remove(12)));
    assert_kept(&server, &recorded, "row 13 is not as it is here");
    tampered(|rows| rows.push(rows[0].replace("\"_step\":0", "\"_step\":20")));
    let said = prune(&server, &recorded.dir, &["--yes"]);
    assert!(said.code == 0 && !recorded.dir.exists(), "{said:?}");
}

/// Each goes behind what was there, with steps of its own, and is found there again.
#[test]
fn logs_of_one_run_are_each_compared() {
    let server = Server::start();
    let recorded = [3, 5, 2].map(|rows| record("each", rows));
    for at in [1, 0, 2] {
        assert_eq!(sync(&server, &recorded[at].log, &[]).code, 0);
    }
    for (recorded, rows) in recorded.iter().zip([3, 5, 2]) {
        let said = prune(&server, &recorded.dir, &["--yes"]);
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.out.contains(&format!("{rows} rows, all on the server")), "{said:?}");
        assert!(!recorded.dir.exists());
    }
    assert_eq!(on(&server, "each").history().len(), 10);
    assert_eq!(server.violations(), []);
}

#[test]
fn files_have_to_be_there() {
    let server = Server::start();
    let recorded = uploaded(&server, "files");
    let files = recorded.dir.join("files");
    fs::write(files.join("later.bin"), "x").unwrap();
    assert_kept(&server, &recorded, "`later.bin` is not on the server");
    fs::remove_file(files.join("later.bin")).unwrap();
    let weights = fs::read(files.join("weights.bin")).unwrap();
    // As long, but other bytes.
    fs::write(files.join("weights.bin"), vec![8; weights.len()]).unwrap();
    assert_kept(&server, &recorded, "`weights.bin` was changed");
    fs::write(files.join("weights.bin"), weights).unwrap();
    fs::write(recorded.dir.join("mine.txt"), "x").unwrap();
    assert_kept(&server, &recorded, "`mine.txt` in it is no part of a run");
    fs::remove_file(recorded.dir.join("mine.txt")).unwrap();
    // As after `wandb sync`, which does not remember files: the server is asked.
    for ending in ["syncstate", "sent"] {
        fs::remove_file(format!("{}.{ending}", recorded.log.display())).unwrap();
    }
    assert_eq!(prune(&server, &recorded.dir, &["--yes"]).code, 0);
    assert_eq!(server.violations(), []);
}

#[test]
fn damaged_and_unknown_logs_are_kept() {
    let server = Server::start();
    let recorded = uploaded(&server, "hurt");
    let bytes = fs::read(&recorded.log).unwrap();
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 0xff;
    fs::write(&recorded.log, damaged).unwrap();
    assert_kept(&server, &recorded, "");
    fs::write(&recorded.log, &bytes[..bytes.len() - 3]).unwrap();
    assert_kept(&server, &recorded, "ends inside a record");
    // Another log of the same directory.
    fs::write(&recorded.log, &bytes).unwrap();
    fs::write(recorded.dir.join("run-second.wandb"), &bytes).unwrap();
    assert_kept(&server, &recorded, "is not uploaded");
    fs::remove_file(recorded.dir.join("run-second.wandb")).unwrap();
    // A directory that is none of a run.
    let other = recorded.root.path().join("documents");
    fs::rename(&recorded.dir, &other).unwrap();
    let said = prune(&server, &other, &["--yes"]);
    assert!(said.code == 1 && said.out.contains("no run directory") && other.exists(), "{said:?}");
}

/// What this version does not upload, no server has confirmed, whoever has marked the log.
#[test]
fn artifacts_and_tensorboard_are_kept() {
    let odd = [
        (Kind::Artifact(Unread {}), "has artifacts"),
        (Kind::TensorBoard(Unread {}), "has TensorBoard files"),
    ];
    for (kind, reason) in odd {
        let server = Server::start();
        let recorded = record("more", 20);
        records::insert(&recorded.log, kind);
        let said = sync(&server, &recorded.log, &[]);
        assert!(said.code == 1 && said.out.contains("not uploaded, which this version cannot"), "{said:?}");
        assert!(!marker(&recorded.log).exists());
        assert_kept(&server, &recorded, "is not uploaded");
        // As after `wandb sync`.
        File::create(marker(&recorded.log)).unwrap();
        assert_kept(&server, &recorded, reason);
        assert_eq!(on(&server, "more").history().len(), 20);
        assert_eq!(server.violations(), []);
    }
}

#[cfg(unix)]
#[test]
fn runs_with_shards_that_are_not_merged_are_kept() {
    let server = Server::start();
    let mut child = None;
    let recorded = record_with(
        "family",
        |builder| builder,
        |run| {
            run.log(0_u32, &[("loss", 1.0)]);
            child = Some(Run::builder().context(&run.context()).global(false).start().unwrap());
        },
    );
    let (child, shards) = (child.unwrap(), recorded.dir.join("shards"));
    child.log(0_u32, &[("nrmse", 0.5)]);
    assert!(child.flush());
    let before = fs::read(&recorded.log).unwrap();
    let said = sync(&server, &recorded.log, &[]);
    assert!(said.code == 1 && said.out.contains("children still write"), "{said:?}");
    File::create(marker(&recorded.log)).unwrap();
    assert_kept(&server, &recorded, "children still write");
    // As if the child had been killed: its end merges, and what was before is put back.
    child.finish().unwrap();
    assert!(fs::read(&recorded.log).unwrap() != before);
    fs::write(&recorded.log, &before).unwrap();
    assert_kept(&server, &recorded, "attached children have left what is not in the log");
    // A shard that nobody can read is in the way, too.
    fs::create_dir(shards.join("none of ours")).unwrap();
    assert_kept(&server, &recorded, "attached children have left what is not in the log");
    fs::remove_dir(shards.join("none of ours")).unwrap();

    assert_eq!(sync(&server, &recorded.log, &[]).code, 0);
    assert_eq!(on(&server, "family").history().len(), 2);
    assert_eq!(prune(&server, &recorded.dir, &["--yes"]).code, 0);
    assert!(!recorded.dir.exists());
    assert_eq!(server.violations(), []);
}

#[test]
fn live_runs_are_kept() {
    let server = Server::start();
    let mut said = None;
    record_with(
        "alive",
        |builder| builder,
        |run| {
            run.log(0_u32, &[("loss", 1.0)]);
            let dir = run.dir().unwrap();
            File::create(marker(&dir.join("run-alive.wandb"))).unwrap();
            said = Some(prune(&server, dir, &["--yes"]));
            assert!(dir.exists());
        },
    );
    let said = said.unwrap();
    assert!(said.code == 1 && said.out.contains("still being written"), "{said:?}");
}

/// Nothing is held for each of them while the others are looked at.
#[cfg(unix)]
#[test]
fn many_runs_take_no_more_descriptors_than_one() {
    let server = Server::start();
    let recorded: Vec<_> = (0..60).map(|n| record_with(&format!("many-{n}"), |it| it, |_| ())).collect();
    let (root, logs) = crate::several::together(&recorded);
    let wandb = root.path().join("wandb");
    assert_eq!(sync(&server, &wandb, &["--quiet"]).code, 0);
    let home = tempfile::tempdir().unwrap();
    let ours = command(&server, home.path());
    let mut limited = std::process::Command::new("sh");
    limited.arg("-c").arg("ulimit -n 64; exec \"$@\"").arg("sh").arg(ours.get_program());
    limited.env_clear().current_dir(home.path());
    limited.envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let said = said(limited.args(["sync", "--prune", "--yes"]).arg(&wandb));
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("deleted 60 runs"), "{said:?}");
    assert!(!logs.iter().any(|log| log.exists()));
    // Two for each of the four jobs.
    let (most, _) = server.connections();
    assert!(most <= 8, "{most}");
    assert_eq!(server.violations(), []);
}

/// While a person is asked nobody is kept from writing; what has changed since is looked at once more.
#[cfg(unix)]
#[test]
fn what_changes_after_it_was_looked_at_is_looked_at_again() {
    use ups_track_tests::terminal::Terminal;

    let server = Server::start();
    let recorded: Vec<_> = ["same", "touched", "grown"].map(|id| uploaded(&server, id)).into();
    let (root, logs) = crate::several::together(&recorded);
    let home = tempfile::tempdir().unwrap();
    let mut command = command(&server, home.path());
    command.env("TERM", "xterm").args(["sync", "--prune"]).arg(root.path().join("wandb"));
    let mut terminal = Terminal::start(&mut command);
    terminal.wait_for("delete 3 runs from this disk? [y/N]");
    for (log, file) in [(&logs[1], "wandb-summary.json"), (&logs[2], "later.bin")] {
        fs::write(log.parent().unwrap().join("files").join(file), "{}").unwrap();
    }
    terminal.write(b"y\n");
    terminal.wait_for("deleted 2 runs");
    let status = terminal.process.wait().unwrap();
    assert_eq!(status.code(), Some(1), "{}", terminal.seen);
    assert!(terminal.seen.contains("`later.bin` is not on the server"), "{}", terminal.seen);
    assert_eq!(logs.iter().map(|log| log.exists()).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(server.violations(), []);
}
