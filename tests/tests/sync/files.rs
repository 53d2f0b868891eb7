//! Which files go, and what of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ups_track::FilePolicy;
use ups_track_tests::server::{Fault, Place, Server};

use crate::{Recorded, command, files_below, on, record, record_with, said, sync};

#[test]
fn ignored_files_stay_here() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let recorded = record("ignored", 5);
    fs::create_dir_all(home.path().join(".config/wandb")).unwrap();
    fs::write(home.path().join(".config/wandb/settings"), "[default]\nignore_globs = *.bin, output.*\n")
        .unwrap();
    let said = said(command(&server, home.path()).arg("sync").arg(&recorded.log));
    assert_eq!(said.code, 0, "{said:?}");
    let run = on(&server, "ignored");
    let files: Vec<_> = run.files.keys().map(String::as_str).collect();
    assert_eq!(files, ["config.yaml", "wandb-metadata.json", "wandb-summary.json"]);
    assert!(run.reported_files.iter().eq(run.files.keys()));
    // Asked for later, they go as well.
    assert_eq!(sync(&server, &recorded.log, &["--include-synced"]).code, 0);
    assert!(on(&server, "ignored").files.contains_key("weights.bin"));
}

const LENGTH: usize = 3_000_000;

/// A run with a file of one letter, and where that file is.
fn with_file(id: &str) -> (Recorded, PathBuf) {
    let recorded = record_with(
        id,
        |builder| builder,
        |run| {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("state.bin");
            fs::write(&file, vec![b'a'; LENGTH]).unwrap();
            run.save_file(&file, FilePolicy::Now).unwrap();
        },
    );
    let file = recorded.dir.join("files/state.bin");
    assert_eq!(fs::metadata(&file).unwrap().len(), LENGTH as u64);
    (recorded, file)
}

/// Whether a file is one version: all its bytes are the same.
fn is_whole(bytes: &[u8]) -> bool {
    bytes.len() == LENGTH && bytes.iter().all(|byte| *byte == bytes[0])
}

/// Changes a file all the time while something else is done.
fn while_changing<T>(mut change: impl FnMut(u8) + Send, work: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for letter in (b'a'..=b'z').cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                change(letter);
            }
        });
        let done = work();
        stop.store(true, Ordering::Relaxed);
        done
    })
}

/// A copy that is renamed into its place, as those do who write checkpoints well.
fn replaced(file: &Path, letter: u8) {
    let new = file.with_extension("new");
    fs::write(&new, vec![letter; LENGTH]).unwrap();
    fs::rename(&new, file).unwrap();
}

#[test]
fn a_file_that_is_replaced_all_the_time_goes_as_one_version() {
    let server = Server::start();
    let (recorded, file) = with_file("replaced");
    let said = while_changing(|letter| replaced(&file, letter), || sync(&server, &recorded.log, &[]));
    assert_eq!(said.code, 0, "{said:?}");
    assert!(is_whole(&on(&server, "replaced").files["state.bin"]));
    // What is remembered is what was sent: the last version goes, and then no more.
    replaced(&file, b'!');
    let puts = || server.requests().iter().filter(|request| request.method == "PUT").count();
    assert_eq!(sync(&server, &recorded.log, &["--include-synced"]).code, 0);
    assert_eq!(on(&server, "replaced").files["state.bin"], vec![b'!'; LENGTH]);
    let before = puts();
    assert_eq!(sync(&server, &recorded.log, &["--include-synced"]).code, 0);
    assert_eq!(puts(), before);
    assert!(!files_below(&recorded.dir).iter().any(|file| file.contains(".upload-")));
}

#[test]
fn a_file_that_is_overwritten_all_the_time_never_goes_as_a_mixture() {
    use std::io::{Seek as _, Write as _};

    let server = Server::start();
    let (recorded, file) = with_file("overwritten");
    let mut writer = fs::OpenOptions::new().write(true).open(&file).unwrap();
    let overwrite = |letter| {
        writer.rewind().unwrap();
        writer.write_all(&vec![letter; LENGTH]).unwrap();
    };
    let said = while_changing(overwrite, || sync(&server, &recorded.log, &[]));
    match server.run(&ups_track_tests::server::RunKey::new("test-entity", "p", "overwritten")) {
        Some(run) if run.files.contains_key("state.bin") => {
            // A version between two writes, if there was time for one.
            assert!(said.code == 0, "{said:?}");
        }
        _ => {
            assert_eq!(said.code, 2, "{said:?}");
            assert!(said.out.contains("`state.bin`: it keeps changing while it is read"), "{said:?}");
        }
    }
    // When it holds still it goes.
    assert_eq!(sync(&server, &recorded.log, &["--include-synced"]).code, 0);
    assert_eq!(on(&server, "overwritten").files["state.bin"], fs::read(&file).unwrap());
    assert!(!files_below(&recorded.dir).iter().any(|file| file.contains(".upload-")));
}

#[test]
fn a_slow_storage_and_many_files() {
    let server = Server::start();
    let recorded = record_with(
        "many",
        |builder| builder,
        |run| {
            let dir = tempfile::tempdir().unwrap();
            for number in 0..40_u8 {
                let file = dir.path().join(format!("{number}.bin"));
                fs::write(&file, vec![number; 10_000]).unwrap();
                run.save_file(&file, FilePolicy::Now).unwrap();
            }
        },
    );
    server.fail(Place::Storage, &Fault::Slow(300), 10);
    server.fail(Place::Storage, &Fault::DropAfter, 5);
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let run = on(&server, "many");
    assert!((0..40_u8).all(|number| run.files[&format!("{number}.bin")] == vec![number; 10_000]));
    assert_eq!((server.violations(), server.faults_left()), (vec![], 0));
}

/// A run that ended with a file larger than what it may copy, and where that file is.
fn with_large_file(id: &str) -> (Recorded, tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ckpt.bin");
    fs::write(&file, "the run's weights").unwrap();
    let recorded = record_with(
        id,
        |builder| builder.copy_limit(0),
        |run| run.save_file(&file, FilePolicy::End).unwrap(),
    );
    (recorded, dir, file)
}

#[test]
fn a_file_that_the_run_does_not_hold_goes_while_it_is_the_same() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let (recorded, _dir, _) = with_large_file("same");
    let said = said(command(&server, home.path()).arg("sync").arg(&recorded.log));
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(on(&server, "same").files["ckpt.bin"], b"the run's weights");
}

#[test]
fn no_later_version_of_a_file_is_taken_for_the_runs() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let (recorded, _dir, file) = with_large_file("later");
    if !fs::exists(recorded.dir.join("run-later.wandb.files")).unwrap() {
        eprintln!("skipped: on this file system the run holds every file");
        return;
    }
    // In place: the run has another name of the same file.
    fs::write(&file, "the weights of another run").unwrap();
    let told = said(command(&server, home.path()).arg("sync").arg(&recorded.log));
    assert!(
        told.code != 0 && told.out.contains("not sent: `ckpt.bin` was written to after the run's end"),
        "{told:?}"
    );
    assert!(!on(&server, "later").files.contains_key("ckpt.bin"));
    // Everything else is there.
    assert!(crate::marker(&recorded.log).exists());
    let pruned = said(command(&server, home.path()).args(["sync", "--prune", "--yes"]).arg(&recorded.log));
    assert_eq!(pruned.code, 0, "{pruned:?}");
    assert!(!recorded.dir.exists() && fs::read_to_string(&file).unwrap() == "the weights of another run");
}

/// A log that was written on Windows names files as they are called there.
#[test]
fn files_of_a_run_on_windows_are_found() {
    use ups_track::log::record::{FileItem, Files, Kind};

    let server = Server::start();
    let recorded = record("windows", 5);
    fs::create_dir_all(recorded.dir.join("files/media/images")).unwrap();
    fs::write(recorded.dir.join("files/media/images/one.png"), "png").unwrap();
    let item = |path: &str| FileItem { path: path.to_owned(), ..FileItem::default() };
    // And one that leads out of the directory.
    let files = vec![item("media\\images\\one.png"), item("..\\run-windows.wandb")];
    crate::records::insert(&recorded.log, Kind::Files(Files { files }));
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(
        on(&server, "windows").files.get("media/images/one.png").map(Vec::as_slice),
        Some(&b"png"[..])
    );
    assert!(!on(&server, "windows").files.keys().any(|name| name.contains("wandb\\") || name.contains("..")));
    let pruned = crate::prune::prune(&server, &recorded.dir, &["--yes"]);
    assert_eq!(pruned.code, 0, "{pruned:?}");
    assert_eq!(server.violations(), []);
}
