//! Odd homes, directories, names and files: what nobody asked for does not stop a program, and what was asked for is used
//! as it is.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

use super::ROWS;
use super::program::{Ended, Program};
use ups_track_tests::log::Log;

/// Bytes that are no character.
const NOT_UNICODE: &[u8] = b"caf\xe9";

/// The program as another user, where this one may become one; all that the script has made is then that user's. As an
/// ordinary user already, it is simply started.
fn as_nobody(script: &str) -> Program {
    let nobody = if rustix::process::geteuid().is_root() {
        "chown -R 65534 \"$here\" && exec setpriv --reuid 65534 --clear-groups \"$@\""
    } else {
        "exec \"$@\""
    };
    Program::in_shell(&format!("here=$PWD; {script} && {nobody}"), "attribute-ok")
}

/// Makes it readable again, to look at it and to remove it.
fn open_up(ended: &Ended) {
    assert!(Command::new("chmod").args(["-R", "u+rwx"]).arg(ended.dir.path()).status().unwrap().success());
}

#[track_caller]
fn check_recorded(ended: &Ended, warnings: usize) {
    check_recorded_in(ended, ended.dir.path(), warnings);
}

#[track_caller]
fn check_recorded_in(ended: &Ended, dir: &Path, warnings: usize) {
    ended.assert_code(0);
    assert_eq!(ended.warnings().len(), warnings, "{}", ended.stderr);
    let logs = Log::all(dir);
    let [log] = logs.as_slice() else { panic!("one run; {}", ended.stderr) };
    log.assert_work(ROWS);
    log.assert_ends_with(0);
}

/// The home of another user: neither settings nor keys can be read.
#[test]
fn a_home_that_may_not_be_read() {
    let script =
        "mkdir -p home/.config/wandb && echo '[default]' > home/.config/wandb/settings && touch home/.netrc";
    for (closed, warnings) in [("chmod 0 home", 1), ("chmod 0 home/.config", 1), ("chmod 0 home/.netrc", 1)] {
        let program = as_nobody(&format!("{script} && {closed}"));
        let home = program.dir.path().join("home");
        let ended = program.env("HOME", home).run();
        open_up(&ended);
        check_recorded(&ended, warnings);
        assert!(ended.stderr.contains("home/.") || closed.ends_with("home"), "{}", ended.stderr);
    }
}

#[test]
fn homes_that_are_none() {
    for home in ["", "relative", "/dev/null", "/nowhere/at/all"] {
        let program = Program::new("attribute-ok").env("HOME", home);
        // Nobody's keys and settings are below the directory in which a program is started.
        for dir in ["", "relative"] {
            let dir = program.dir.path().join(dir);
            fs::create_dir_all(dir.join(".config/wandb")).unwrap();
            fs::write(dir.join(".config/wandb/settings"), "[default]\nmode = disabled\n").unwrap();
            fs::write(dir.join(".netrc"), "machine api.wandb.ai password short\n").unwrap();
        }
        check_recorded(&program.run(), 0);
    }
    let program = Program::new("attribute-ok");
    let home = program.dir.path().join(OsStr::from_bytes(NOT_UNICODE));
    check_recorded(&program.env("HOME", home).run(), 0);
}

/// The same where a person has named the place: it is told that nothing comes from there.
#[test]
fn a_config_directory_that_may_not_be_read() {
    let program = as_nobody("mkdir config && chmod 0 config");
    let config = program.dir.path().join("config");
    let ended = program.env("WANDB_CONFIG_DIR", config).run();
    open_up(&ended);
    check_recorded(&ended, 1);
}

fn pipe(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Opening a pipe to read from it would wait for whoever writes into it.
#[test]
fn pipes_in_the_place_of_files() {
    for (path, warnings) in [
        ("wandb/settings", 1),
        (".config/wandb/settings", 1),
        (".netrc", 1),
        (".git/HEAD", 0),
        (".git/config", 0),
        (".git", 0),
        ("wandb/wandb-resume.json", 0),
    ] {
        let program = Program::new("attribute-ok").env("WANDB_RESUME", "auto");
        pipe(&program.dir.path().join(path));
        check_recorded(&program.run(), warnings);
    }
    for name in ["WANDB_CONFIG_PATHS", "WANDB_SWEEP_PARAM_PATH", "WANDB_CONTEXT_FILE"] {
        let program = Program::new("attribute-ok").env(name, "pipe");
        pipe(&program.dir.path().join("pipe"));
        let ended = program.run();
        assert_ne!(ended.status.code(), Some(0), "{name}");
        assert!(
            ended.stderr.contains("pipe") && ended.stderr.contains("not a regular file"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn arguments_that_are_not_unicode() {
    let argument = OsStr::from_bytes(b"model-\xff.bin");
    let ended = Program::new("attribute-ok").arg(argument).run();
    check_recorded(&ended, 0);
    let metadata = fs::read_to_string(ended.log().path.with_file_name("files/wandb-metadata.json")).unwrap();
    assert!(metadata.contains("model-\u{fffd}.bin"), "{metadata}");
}

#[test]
fn variables_that_are_not_unicode() {
    let value = OsStr::from_bytes(NOT_UNICODE);
    let program =
        Program::new("attribute-ok").env("WANDB_DIR", value).env("WANDB_NAME", value).env("NOBODYS", value);
    fs::create_dir(program.dir.path().join(value)).unwrap();
    let ended = program.run();
    let place = ended.dir.path().join(value);
    check_recorded_in(&ended, &place, 0);
    assert_eq!(Log::all(&place).pop().unwrap().run().display_name, "caf\u{fffd}");
    let ended = Program::new("attribute-ok").env("WANDB_MODE", value).run();
    ended.assert_code(78);
    assert!(ended.stderr.contains("must be online"), "{}", ended.stderr);
}

#[test]
fn a_directory_that_is_gone() {
    let gone = "mkdir gone && cd gone && rmdir ../gone && exec \"$@\"";
    check_recorded(&Program::in_shell(gone, "attribute-ok").run(), 0);
    let ended = Program::in_shell(gone, "attribute-ok").without("WANDB_DIR").run();
    assert_ne!(ended.status.code(), Some(0));
    assert!(ended.stderr.contains("WANDB_DIR"), "{}", ended.stderr);
}

/// Where a run can go is for a person to say.
#[test]
fn a_directory_that_may_not_be_written() {
    let ended = as_nobody("mkdir closed && chmod 555 closed && cd closed").without("WANDB_DIR").run();
    open_up(&ended);
    assert_ne!(ended.status.code(), Some(0));
    for words in ["closed", "Permission denied", "WANDB_DIR"] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    // Reading it is not needed.
    let ended = as_nobody("mkdir closed && chmod 311 closed && cd closed").without("WANDB_DIR").run();
    open_up(&ended);
    check_recorded_in(&ended, &ended.dir.path().join("closed"), 0);
}
