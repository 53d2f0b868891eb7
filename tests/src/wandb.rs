//! The real W&B client, which the interoperability tests compare with. It needs a Python with the pinned
//! version of the client; [`PYTHON`] says where.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use thiserror::Error;

use crate::server::{API_KEY, Server};

/// The environment variable with the path of a Python that has the client.
pub const PYTHON: &str = "UPS_TRACK_PYTHON";

/// How long one call of the client may take.
const TIME_LIMIT: Duration = Duration::from_mins(2);

/// Why the client could not do what it was asked to.
#[derive(Debug, Error)]
pub enum Error {
    /// Nothing says where the client is.
    #[error(
        "{PYTHON} must be the path of a Python that has the W&B client: \
         `export {PYTHON}=\"$(tests/interop/setup.sh)\"`"
    )]
    NoPython,
    /// The Python has another version of the client, or none.
    #[error("{PYTHON} has wandb {found:?}, but the tests compare with {}", version())]
    OtherVersion {
        /// What the Python says about its version.
        found: String,
    },
    /// The operating system did not let us.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The client did not end in time.
    #[error("no end after {TIME_LIMIT:?}\n{output}")]
    TimedOut {
        /// What it had printed.
        output: String,
    },
    /// The client failed.
    #[error("{status}\n{output}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// What it had printed.
        output: String,
    },
}

/// The version of the client that the tests compare with.
fn version() -> &'static str {
    include_str!("../interop/requirements.txt").trim().trim_start_matches("wandb==")
}

/// What the client printed while it synced a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncOutput {
    /// stdout and stderr.
    pub text: String,
}

/// Uploads a run directory to the server with `wandb sync`.
///
/// # Errors
///
/// If the client is not there, fails or does not end.
pub fn sync(run_dir: &Path, server: &Server) -> Result<SyncOutput, Error> {
    sync_all(&[run_dir], server)
}

/// Uploads a run directory to the server with `wandb sync`, with additions to its environment.
///
/// # Errors
///
/// If the client is not there, fails or does not end.
pub fn sync_with(run_dir: &Path, server: &Server, environment: &[(&str, &str)]) -> Result<SyncOutput, Error> {
    let mut command = python()?;
    command.args(["-m", "wandb", "sync"]).arg(run_dir).envs(access(server));
    command.envs(environment.iter().copied());
    Ok(SyncOutput { text: run(command)? })
}

/// Uploads several directories to the server with one `wandb sync`.
///
/// # Errors
///
/// If the client is not there, fails or does not end.
pub fn sync_all(dirs: &[impl AsRef<Path>], server: &Server) -> Result<SyncOutput, Error> {
    let mut command = client()?;
    command.arg("sync").args(dirs.iter().map(AsRef::as_ref)).envs(access(server));
    Ok(SyncOutput { text: run(command)? })
}

/// Reads a log with the client's own offline reader, `wandb leet inspect`, and returns what it printed: one JSON
/// object per record, or with `summary` one for the whole run.
///
/// # Errors
///
/// If the client is not there, fails or does not end.
pub fn inspect(run_dir: &Path, summary: bool) -> Result<String, Error> {
    let mut command = python()?;
    command.args(["-m", "wandb", "leet", "inspect", "--json"]);
    if summary {
        command.arg("--summary");
    }
    command.arg(run_dir);
    run(command)
}

/// Plays a scenario of `interop/scenarios.py` below `dir`, offline, and returns the run directory.
///
/// # Errors
///
/// If the client is not there, fails or does not end.
pub fn record(scenario: &str, dir: &Path) -> Result<PathBuf, Error> {
    run_script("scenarios.py", &[scenario.as_ref(), dir.as_ref()], &[("WANDB_MODE", "offline")])?;
    Ok(fs::canonicalize(dir.join("wandb").join("latest-run"))?)
}

/// Plays a scenario of `interop/scenarios.py` below `dir`, online, against the server.
///
/// # Errors
///
/// If the client is not there, fails or does not end.
pub fn record_online(scenario: &str, dir: &Path, server: &Server) -> Result<(), Error> {
    let [url, key] = access(server);
    let environment = [("WANDB_MODE", "online"), url, key];
    run_script("scenarios.py", &[scenario.as_ref(), dir.as_ref()], &environment).map(drop)
}

/// Reads all runs of a project with the client's public API, as `interop/read.py` says, and returns what it printed: one
/// JSON object.
///
/// # Errors
///
/// If the client is not there, fails or does not end.
pub fn read(project: &str, queries: &str, server: &Server) -> Result<String, Error> {
    let [url, key] = access(server);
    run_script("read.py", &[project.as_ref(), queries.as_ref()], &[url, key, ("WANDB_SILENT", "true")])
}

/// The environment that gives the client access to the server.
fn access(server: &Server) -> [(&str, &str); 2] {
    [("WANDB_BASE_URL", server.url()), ("WANDB_API_KEY", API_KEY)]
}

/// Runs a script of the folder `interop` with these arguments and additions to the environment, and returns
/// what it printed.
///
/// # Errors
///
/// If Python is not there, or the script fails or does not end.
pub fn run_script(name: &str, arguments: &[&OsStr], environment: &[(&str, &str)]) -> Result<String, Error> {
    let mut command = script(name)?;
    command.args(arguments).envs(environment.iter().copied());
    run(command)
}

/// The command that runs a script of the folder `interop`.
///
/// # Errors
///
/// If the client is not there.
pub fn script(name: &str) -> Result<Command, Error> {
    let mut command = python()?;
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("interop").join(name));
    Ok(command)
}

/// The client's own command.
///
/// # Errors
///
/// If the client is not there.
pub fn client() -> Result<Command, Error> {
    let mut command = python()?;
    command.args(["-m", "wandb"]);
    Ok(command)
}

/// The Python with the client; nothing of the caller's own W&B settings reaches it.
fn python() -> Result<Command, Error> {
    static CHECKED: OnceLock<()> = OnceLock::new();

    let path = env::var_os(PYTHON).filter(|path| !path.is_empty()).ok_or(Error::NoPython)?;
    if CHECKED.get().is_none() {
        let code = "from importlib.metadata import version; print(version('wandb'), end='')";
        let answer = Command::new(&path).args(["-c", code]).output()?;
        let found = String::from_utf8_lossy(&answer.stdout).into_owned();
        if found != version() {
            return Err(Error::OtherVersion { found });
        }
        CHECKED.get_or_init(|| ());
    }
    let mut command = Command::new(path);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("WANDB_") {
            command.env_remove(name);
        }
    }
    command.env("WANDB_ERROR_REPORTING", "false").env("PYTHONDONTWRITEBYTECODE", "1");
    // By default the client waits 15 s between two requests with rows.
    command.env("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "0.2");
    Ok(command)
}

/// Runs the command to its end, in a home directory of its own.
fn run(mut command: Command) -> Result<String, Error> {
    let home = tempfile::tempdir()?;
    // A file, not a pipe: the client's helper processes may hold it longer than the client lives.
    let printed = home.path().join("printed");
    let stdout = File::create(&printed)?;
    let stderr = stdout.try_clone()?;
    let mut child = command
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .current_dir(home.path())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()?;

    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() > TIME_LIMIT {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let output = String::from_utf8_lossy(&fs::read(&printed)?).into_owned();
    match status {
        Some(status) if status.success() => Ok(output),
        Some(status) => Err(Error::Failed { status, output }),
        None => Err(Error::TimedOut { output }),
    }
}
