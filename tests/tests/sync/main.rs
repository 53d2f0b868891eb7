//! `ups-track sync`, `login` and `status` as a user runs them, against the test server.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests end by panicking")]

mod again;
mod begun;
mod branches;
mod deep;
mod faults;
mod features;
mod files;
mod headers;
mod hostile;
mod identity;
mod keys;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[cfg(target_os = "linux")]
mod lockless;
mod login;
#[cfg(target_os = "linux")]
mod memory;
mod prune;
mod records;
mod secrets;
mod several;
mod shared;
mod soak;
#[cfg(unix)]
mod terminal;
mod tls;
mod watch;
mod whole;

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use ups_track::{FilePolicy, Mode, Run, RunBuilder, Stream};
use ups_track_tests::server::{self, API_KEY, RunKey, Server};

/// Exit code, standard output, standard error.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

/// The command in a home of its own, with a server, a key and short waits.
fn command(server: &Server, home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_command"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("WANDB_")
            || name.starts_with("UPS_TRACK_")
            || name.to_ascii_lowercase().ends_with("_proxy")
        {
            command.env_remove(&*name);
        }
    }
    command.env_remove("NETRC").env("HOME", home).current_dir(home);
    command.env("WANDB_BASE_URL", server.url()).env("WANDB_API_KEY", API_KEY);
    for client in ["GRAPHQL", "FILE_STREAM", "FILE_TRANSFER"] {
        command.env(format!("WANDB_X_{client}_RETRY_WAIT_MIN_SECONDS"), "0.01");
        command.env(format!("WANDB_X_{client}_RETRY_WAIT_MAX_SECONDS"), "0.05");
    }
    command
}

#[track_caller]
fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let said =
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) };
    // Whatever happens, nobody says the key.
    assert!(!said.out.contains(API_KEY) && !said.err.contains(API_KEY), "{said:?}");
    said
}

#[track_caller]
fn sync(server: &Server, path: &Path, options: &[&str]) -> Said {
    let home = tempfile::tempdir().unwrap();
    said(command(server, home.path()).arg("sync").args(options).arg(path))
}

/// A recorded run.
struct Recorded {
    dir: PathBuf,
    log: PathBuf,
    root: TempDir,
}

/// Records a run of project `p`.
fn record_with(
    id: &str,
    configure: impl FnOnce(RunBuilder) -> RunBuilder,
    play: impl FnOnce(&Run),
) -> Recorded {
    let root = tempfile::tempdir().unwrap();
    let builder =
        Run::builder().mode(Mode::Offline).dir(root.path()).id(id).project("p").quiet(true).global(false);
    let run = configure(builder).start().unwrap();
    play(&run);
    let dir = run.finish_with(3).unwrap().dir().unwrap().to_owned();
    Recorded { log: dir.join(format!("run-{id}.wandb")), dir, root }
}

/// A run with a bit of everything and so many rows.
fn record(id: &str, rows: u32) -> Recorded {
    let configure = |builder: RunBuilder| builder.name("a name").tags(["x"]).config(&[("lr", 0.5)]);
    record_with(id, configure, |run| {
        for step in 0..rows {
            run.log(step, &[("loss", 1.0 / (f64::from(step) + 1.0)), ("grad", f64::INFINITY)]);
        }
        run.summarize(&[("nrmse", 0.09)]);
        run.write_console(Stream::Stdout, "one\n\rtwo");
        let file = tempfile::tempdir().unwrap();
        let file = file.path().join("weights.bin");
        std::fs::write(&file, vec![7; 300_000]).unwrap();
        run.save_file(&file, FilePolicy::Now).unwrap();
    })
}

/// The run on the server.
#[track_caller]
fn on(server: &Server, id: &str) -> server::Run {
    server.run(&RunKey::new("test-entity", "p", id)).unwrap()
}

/// Every file below a directory, links apart.
fn files_below(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    found
}

/// Whether bytes have these in them.
fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The marker of an uploaded log.
fn marker(log: &Path) -> PathBuf {
    PathBuf::from(format!("{}.synced", log.display()))
}

/// A log as if another program had recorded it: the first record says who.
fn foreign(log: &[u8]) -> Vec<u8> {
    let mut log = log.to_vec();
    // 7 bytes of the file, then checksum, length and type of the first record.
    let length = usize::from(u16::from_le_bytes([log[11], log[12]]));
    let record = &mut log[13..14 + length];
    let at = record.windows(9).position(|bytes| bytes == b"ups-track").unwrap();
    record[at..at + 9].copy_from_slice(b"wandbcore");
    let checksum = crc32fast::hash(record).to_le_bytes();
    log[7..11].copy_from_slice(&checksum);
    log
}
