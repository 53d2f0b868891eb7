//! Saved files: a run holds what they were, and nothing of the user's is written to, linked over or cut.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use ups_track::{FilePolicy, Mode, Run, RunBuilder, RunGuard};

fn builder(dir: &Path) -> RunBuilder {
    Run::builder().mode(Mode::Offline).dir(dir).quiet(true).global(false)
}

fn begin(dir: &Path) -> (RunGuard, PathBuf) {
    let run = builder(dir).start().unwrap();
    let path = run.dir().unwrap().to_owned();
    (run, path)
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

/// What is left of drafts.
fn drafts(dir: &Path) -> Vec<PathBuf> {
    let mut drafts = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            drafts.extend(self::drafts(&entry.path()));
        } else if entry.file_name().to_string_lossy().contains("partial") {
            drafts.push(entry.path());
        }
    }
    drafts
}

#[test]
fn each_run_of_a_sweep_has_its_own_weights() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ckpt.bin");
    let mut runs = Vec::new();
    for weights in ["one", "two", "three"] {
        let (run, path) = begin(dir.path());
        fs::write(&file, "not yet").unwrap();
        run.save_file(&file, FilePolicy::Live).unwrap();
        fs::write(&file, weights).unwrap();
        run.finish().unwrap();
        runs.push(path.join("files/ckpt.bin"));
    }
    assert_eq!(runs.map_text(), ["one", "two", "three"]);
    assert_eq!(fs::metadata(&file).unwrap().nlink(), 1);
    assert_eq!(drafts(dir.path()), [] as [PathBuf; 0]);
}

trait MapText {
    fn map_text(&self) -> Vec<String>;
}

impl MapText for Vec<PathBuf> {
    fn map_text(&self) -> Vec<String> {
        self.iter().map(text).collect()
    }
}

#[test]
fn what_each_policy_holds() {
    let dir = tempfile::tempdir().unwrap();
    let (run, path) = begin(dir.path());
    for (name, policy) in [("now", FilePolicy::Now), ("end", FilePolicy::End), ("live", FilePolicy::Live)] {
        let file = dir.path().join(name);
        fs::write(&file, "first").unwrap();
        run.save_file(&file, policy).unwrap();
        fs::write(&file, "last").unwrap();
    }
    run.finish().unwrap();
    for name in ["now", "end", "live"] {
        fs::write(dir.path().join(name), "later").unwrap();
    }
    let held = ["now", "end", "live"].map(|name| text(path.join("files").join(name)));
    assert_eq!(held, ["first", "last", "last"]);
}

#[test]
fn files_that_differ_in_what_follows_the_dot_do_not_meet() {
    let dir = tempfile::tempdir().unwrap();
    let (run, path) = begin(dir.path());
    let names = ["model.bin", "model.json", "model.ups-track-partial", "model.bin.partial"];
    for name in names {
        fs::write(dir.path().join(name), name).unwrap();
        let saved = run.save_file(dir.path().join(name), FilePolicy::End);
        assert_eq!(saved.is_ok(), !name.ends_with("ups-track-partial"), "{name}");
    }
    run.finish().unwrap();
    for name in names {
        assert_eq!(text(dir.path().join(name)), name);
        if !name.ends_with("ups-track-partial") {
            assert_eq!(text(path.join("files").join(name)), name);
        }
    }
}

/// Our own files are written while the user's files with such names are links in the same folder.
#[test]
fn our_files_are_never_written_through_the_users() {
    let dir = tempfile::tempdir().unwrap();
    let (run, path) = begin(dir.path());
    let ours = ["config.yaml", "wandb-summary.json", "wandb-metadata.json", "output.log"];
    for name in ours {
        fs::write(dir.path().join(name), name).unwrap();
        run.save_file(dir.path().join(name), FilePolicy::Live).unwrap_err();
        for ending in ["partial", "new", "tmp", "ups-track"] {
            let file = dir.path().join(format!("{name}.{ending}"));
            fs::write(&file, "the user's").unwrap();
            run.save_file(&file, FilePolicy::Live).unwrap();
        }
        // Put there by hand.
        drop(fs::remove_file(path.join("files").join(name)));
        std::os::unix::fs::symlink(dir.path().join(name), path.join("files").join(name)).unwrap();
    }
    run.update_config(&[("rate", 0.1)]);
    run.log(1, &[("loss", 0.5)]);
    run.write_console(ups_track::Stream::Stdout, "a line\n");
    run.finish().unwrap();
    for name in ours {
        assert_eq!(text(dir.path().join(name)), name);
        for ending in ["partial", "new", "tmp", "ups-track"] {
            assert_eq!(text(dir.path().join(format!("{name}.{ending}"))), "the user's");
            assert_eq!(text(path.join("files").join(format!("{name}.{ending}"))), "the user's");
        }
    }
}

#[test]
fn a_file_that_is_written_where_it_will_be_stays_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let (run, path) = begin(dir.path());
    let file = path.join("files/notes.txt");
    for policy in [FilePolicy::Now, FilePolicy::Live] {
        let mut open = fs::File::create(&file).unwrap();
        run.save_file(&file, policy).unwrap();
        std::io::Write::write_all(&mut open, b"later").unwrap();
        assert_eq!(text(&file), "later");
    }
    // A copy takes the place of a link to the same file.
    let other = dir.path().join("other");
    fs::write(&other, "one").unwrap();
    run.save_file(&other, FilePolicy::Live).unwrap();
    run.save_file(&other, FilePolicy::Now).unwrap();
    fs::write(&other, "two").unwrap();
    run.finish().unwrap();
    assert_eq!(text(path.join("files/other")), "one");
}

#[test]
fn what_is_too_large_is_told_and_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let run = builder(dir.path()).copy_limit(10).start().unwrap();
    let path = run.dir().unwrap().to_owned();
    for (name, length) in [("a.bin", 8), ("b.bin", 9), ("c.bin", 100)] {
        fs::write(dir.path().join(name), "x".repeat(length)).unwrap();
        run.save_file(dir.path().join(name), FilePolicy::Live).unwrap();
    }
    run.finish().unwrap();
    let said = text(path.join("logs/debug.log"));
    if said.contains("does not hold") {
        assert!(said.contains("2 saved files, `b.bin`, `c.bin` (109 B)"), "{said}");
        assert!(said.contains("UPS_TRACK_COPY_LIMIT") && said.contains("does not hold them"), "{said}");
        let log = path.join(format!("run-{}.wandb.files", run.id()));
        assert!(text(log).contains("\"b.bin\""));
        assert_eq!(fs::metadata(dir.path().join("c.bin")).unwrap().nlink(), 2);
    } else {
        eprintln!("this file system shares blocks: nothing needs to be copied");
    }
    assert_eq!(fs::metadata(path.join("files/a.bin")).unwrap().nlink(), 1);
    // Removed or replaced, it is still there.
    fs::remove_file(dir.path().join("c.bin")).unwrap();
    assert_eq!(fs::metadata(path.join("files/c.bin")).unwrap().len(), 100);
}

#[test]
fn a_pipe_in_the_place_of_a_file_does_not_hold_up_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (run, path) = begin(dir.path());
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    run.save_file(&file, FilePolicy::End).unwrap();
    fs::remove_file(&file).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &file, rustix::fs::Mode::RWXU).unwrap();
    run.finish().unwrap();
    assert!(text(path.join("logs/debug.log")).contains("could not be kept"));
}

/// Attached children, or ranks, that end together with the run.
#[test]
fn two_that_end_together_empty_nothing() {
    const FILES: usize = 100;
    for round in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let (run, path) = begin(dir.path());
        let context = run.save_context(dir.path().join("context.json")).unwrap();
        let names: Vec<_> = (0..FILES).map(|n| dir.path().join(format!("{n}.bin"))).collect();
        for file in &names {
            fs::write(file, "weights").unwrap();
        }
        let context = ups_track::Context::load(&context).unwrap();
        let member = Run::builder().context(&context).global(false).start().unwrap();
        for file in &names {
            run.save_file(file, FilePolicy::Live).unwrap();
            member.save_file(file, FilePolicy::Live).unwrap();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| member.finish().unwrap());
            scope.spawn(|| run.finish().unwrap());
        });
        for file in &names {
            assert_eq!(text(file), "weights", "round {round}");
            let held = path.join("files").join(file.file_name().unwrap());
            assert!(!held.is_symlink());
            assert_eq!(text(held), "weights", "round {round}");
        }
        assert_eq!(drafts(dir.path()), [] as [PathBuf; 0]);
    }
}

#[test]
fn a_child_that_goes_on_keeps_its_own_files_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let (run, path) = begin(dir.path());
    let context = run.save_context(dir.path().join("context.json")).unwrap();
    let context = ups_track::Context::load(&context).unwrap();
    let member = Run::builder().context(&context).global(false).start().unwrap();
    for name in ["parents", "childs"] {
        fs::write(dir.path().join(name), "at the end of the run").unwrap();
    }
    run.save_file(dir.path().join("parents"), FilePolicy::End).unwrap();
    member.save_file(dir.path().join("childs"), FilePolicy::End).unwrap();
    run.finish().unwrap();
    for name in ["parents", "childs"] {
        fs::write(dir.path().join(name), "at the end of the child").unwrap();
    }
    member.finish().unwrap();
    assert_eq!(text(path.join("files/parents")), "at the end of the run");
    assert_eq!(text(path.join("files/childs")), "at the end of the child");
}

/// Who takes the lock of a run finds its files in place.
#[test]
fn the_lock_is_free_when_the_files_are_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let (run, path) = begin(dir.path());
    let file = dir.path().join("large");
    fs::File::create(&file).unwrap().set_len(64 << 20).unwrap();
    run.save_file(&file, FilePolicy::End).unwrap();
    let lock = fs::File::options().read(true).write(true).open(path.join("writer.lock")).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            lock.lock().unwrap();
            !path.join("files/large").is_symlink()
        });
        run.finish().unwrap();
        assert!(waiting.join().unwrap());
    });
}
