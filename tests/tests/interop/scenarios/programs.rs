//! Running a program of either side.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use ups_track_tests::server::{API_KEY, Run, RunKey, Server};
use ups_track_tests::wandb::{self, Error};

use super::Way;
use crate::run_id;

/// Far more than anything here needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// The run of a program on a server, of which nothing may be wrong.
#[track_caller]
pub(super) fn on(server: &Server, program: &str) -> Run {
    assert_eq!(server.violations(), []);
    let run = server.run(&RunKey::new("test-entity", "interop", run_id(program)));
    run.unwrap_or_else(|| panic!("{program}: no such run among {:?}", server.runs()))
}

/// Waits until the server has what is asked for.
#[track_caller]
pub(super) fn until(server: &Server, program: &str, enough: impl Fn(&Run) -> bool) {
    let key = RunKey::new("test-entity", "interop", run_id(program));
    let began = Instant::now();
    while !server.run(&key).is_some_and(|run| enough(&run)) {
        assert!(began.elapsed() < PATIENCE, "{program}: {:?}", server.run(&key));
        thread::sleep(Duration::from_millis(20));
    }
}

/// Programs that the real client plays in one process, as it takes seconds to start and most of them do not care; each
/// list is played beside the others.
const TOGETHER: [&[&str]; 3] = [
    &[
        "plain",
        "gaps",
        "backwards",
        "several",
        "not_finite",
        "big_integers",
        "nested_config",
        "config_updates",
        "described",
        "unicode",
        "exit_code",
    ],
    &[
        "summary_only",
        "summary_set",
        "aggregates",
        "hidden",
        "glob",
        "odd_keys",
        "stages",
        "console",
        "alerts",
        "files",
        "changing_file",
        "long_text",
        "no_data",
    ],
    &["many_rows"],
];

/// The run that the real client makes of a program of [`TOGETHER`].
#[track_caller]
pub(super) fn theirs(program: &str) -> Run {
    static SERVERS: [OnceLock<Server>; TOGETHER.len()] = [const { OnceLock::new() }; TOGETHER.len()];
    let list = TOGETHER.iter().position(|list| list.contains(&program)).unwrap();
    let server = SERVERS[list].get_or_init(|| {
        let server = Server::start();
        python(&server, TOGETHER[list], &[], 0);
        server
    });
    on(server, program)
}

/// Runs programs of the real client in one process, which must end with this code.
#[track_caller]
pub(super) fn python(server: &Server, programs: &[&str], more: &[(&str, &str)], code: i32) {
    let dir = tempfile::tempdir().unwrap();
    let mut arguments = vec![dir.path().as_os_str()];
    arguments.extend(programs.iter().map(OsStr::new));
    let access = [("WANDB_BASE_URL", server.url()), ("WANDB_API_KEY", API_KEY), ("WANDB_MODE", "online")];
    let ended = wandb::run_script("programs.py", &arguments, &[&access, more].concat());
    match ended {
        Ok(_) if code == 0 => {}
        Err(Error::Failed { status, .. }) if status.code() == Some(code) => {}
        other => panic!("{programs:?}: {other:?}"),
    }
}

/// A program of the real client that runs until it is killed.
#[track_caller]
pub(super) fn python_running(server: &Server, program: &str, home: &Path) -> Child {
    let mut command = wandb::script("programs.py").unwrap();
    command.arg(home).arg(program).env("HOME", home).env("TMPDIR", home).env("WANDB_MODE", "online");
    command.env("WANDB_BASE_URL", server.url()).env("WANDB_API_KEY", API_KEY);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Where one of our programs runs.
pub(super) struct Place<'server> {
    server: &'server Server,
    way: Way,
    pub(super) dir: TempDir,
}

impl<'server> Place<'server> {
    pub(super) fn new(server: &'server Server, way: Way) -> Self {
        Self { server, way, dir: tempfile::tempdir().unwrap() }
    }

    /// One of our executables with nothing but what the environment of a user says.
    fn command(&self, executable: &str) -> Command {
        let mut command = Command::new(executable);
        command.env_clear().current_dir(self.dir.path()).env("HOME", self.dir.path());
        command.env("WANDB_BASE_URL", self.server.url()).env("WANDB_API_KEY", API_KEY);
        command.env("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "0.2").stdin(Stdio::null());
        command
    }

    fn program(&self, program: &str, more: &[(&str, &str)]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_interop-programs"));
        command.arg(program).env("WANDB_PROJECT", "interop").env("WANDB_RUN_ID", run_id(program));
        // As the other side: what the program says to a person is no console of the run.
        command.env("WANDB_CONSOLE", "off").env("WANDB_DISABLE_GIT", "true");
        command.env("WANDB_MODE", if self.way == Way::Live { "online" } else { "offline" });
        command.envs(more.iter().copied());
        command
    }

    /// Runs a program to its end, which must have this code, and uploads what is not there yet.
    #[track_caller]
    pub(super) fn play(&self, program: &str, more: &[(&str, &str)], code: i32) {
        let ended = self.program(program, more).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{program}: {ended:?}");
        if self.way == Way::Synced {
            self.sync(0);
        }
    }

    /// Starts a program, waits until it says that it is ready, and kills it.
    #[track_caller]
    pub(super) fn kill(&self, program: &str) {
        let mut child = self.program(program, &[]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(said.trim(), "ready");
    }

    /// Uploads the logs of this place.
    #[track_caller]
    pub(super) fn sync(&self, code: i32) {
        let mut command = self.command(env!("CARGO_BIN_EXE_command"));
        let ended = command.args(["sync", "--include-online", "wandb"]).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
    }

    /// The directories of runs.
    pub(super) fn runs(&self) -> usize {
        let is_run = |name: &str| name.starts_with("run-") || name.starts_with("offline-run-");
        let entries = fs::read_dir(self.dir.path().join("wandb")).unwrap().flatten();
        entries.filter(|entry| is_run(&entry.file_name().to_string_lossy())).count()
    }
}

/// The run that ours makes of a program.
#[track_caller]
pub(super) fn ours(program: &str, way: Way, more: &[(&str, &str)], code: i32) -> Run {
    let server = Server::start();
    let place = Place::new(&server, way);
    place.play(program, more, code);
    assert_eq!(place.runs(), 1);
    on(&server, program)
}
