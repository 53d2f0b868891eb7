//! The soak: uploads in bad weather, killed now and again, leave what an upload in good weather leaves.
//!
//! A round has a seed, which says the weather and the kills. `tests/sync/soak.rs` plays a few rounds; the program `soak` plays
//! them for minutes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use fastrand::Rng;
use serde_json::Value;
use tempfile::TempDir;
use ups_track::{Alert, AlertLevel, FilePolicy, Run, Stream};

use crate::log::Log;
use crate::normalized::NormalizedRun;
use crate::server::{self, API_KEY, RunKey, Server, Storm};

/// The run's id.
const ID: &str = "soak";

const ROWS: u32 = 2_000;

/// Uploads that may be begun before the weather gets good.
const ATTEMPTS: u32 = 15;

/// Far more than an upload needs.
const PATIENCE: Duration = Duration::from_mins(4);

/// How a run gets to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Recorded offline, and `ups-track sync`, which is killed now and again.
    Sync,
    /// While it is recorded, and `ups-track sync` for what has not arrived.
    Live,
    /// Two or three sessions of one run, each offline or while it is recorded, some of them killed, with `ups-track sync`
    /// between and after.
    Sessions,
}

/// What happened in a round.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Requests that reached the server.
    pub requests: usize,
    /// Those of them that met a fault.
    pub faults: usize,
    /// Uploads that were begun.
    pub attempts: u32,
    /// Those of them that were killed.
    pub kills: u32,
}

/// What all rounds need.
#[derive(Debug)]
pub struct Soak {
    program: PathBuf,
    expected: NormalizedRun,
    /// A run that was recorded offline.
    recorded: TempDir,
}

/// Records the run that the soak is about: so much of everything that it takes many requests.
///
/// # Errors
///
/// If a file cannot be written, or the log.
pub fn play() -> Result<(), Box<dyn std::error::Error>> {
    let run = Run::builder().name("in all weathers").tags(["x"]).config(&[("lr", 0.5)]).init()?;
    let mut random = Rng::with_seed(1);
    for number in 0..8 {
        let path = format!("part-{number}.bin");
        let bytes: Vec<u8> = (0..random.usize(0..100_000)).map(|_| random.u8(..)).collect();
        fs::write(&path, bytes)?;
        run.save_file(&path, FilePolicy::Now)?;
    }
    for step in 0..ROWS {
        let row: Vec<_> =
            (0..8).map(|key| (format!("metric-{key}"), random.f64() * f64::from(step))).collect();
        run.log(step, &row);
        let stream = if step % 3 == 0 { Stream::Stderr } else { Stream::Stdout };
        run.write_console(stream, format!("{step}: {}\n", "text ".repeat(random.usize(0..800))));
        if step % 400 == 7 {
            let level = [AlertLevel::Info, AlertLevel::Warn, AlertLevel::Error][step as usize % 3];
            run.alert(Alert::new(format!("alert {step}")).text("a text").level(level));
            run.update_config(&[("step", step)]);
        }
        // Online, so that requests are many; it is no matter how many.
        if step % 100 == 99 && run.mode() == ups_track::Mode::Online {
            thread::sleep(Duration::from_millis(20));
        }
    }
    run.summarize(&[("nrmse", 0.09)]);
    run.set_notes("and its end");
    run.finish_with(3)?;
    Ok(())
}

impl Soak {
    /// Records a run, and looks what becomes of it in good weather. `program` is the executable `soak`.
    ///
    /// # Errors
    ///
    /// If that already fails.
    pub fn new(program: impl Into<PathBuf>) -> Result<Self, String> {
        let recorded = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut soak =
            Self { program: program.into(), expected: normalized(&server::Run::default()), recorded };
        let server = Server::start();
        let ended = soak.program(&server, soak.recorded.path(), "offline").arg("play").output();
        let ended = ended.map_err(|e| e.to_string())?;
        if !ended.status.success() {
            return Err(format!("cannot record: {}", String::from_utf8_lossy(&ended.stderr)));
        }
        let place = soak.copied()?;
        soak.upload(&server, place.path(), &mut Rng::with_seed(0), false, &mut Tally::default())?;
        let run = server.run(&key()).ok_or("the server knows no run")?;
        if run.history().len() != ROWS as usize || !run.complete || run.files.len() < 8 {
            return Err("not even in good weather everything arrives".to_owned());
        }
        soak.expected = normalized(&run);
        Ok(soak)
    }

    /// Plays one round.
    ///
    /// # Errors
    ///
    /// Where the run on the server is another one than in good weather, or what the server has to object to.
    pub fn round(&self, way: Way, seed: u64) -> Result<Tally, String> {
        let mut random = Rng::with_seed(seed);
        let server = Server::start();
        let likelihood = 0.05 + 0.35 * random.f64();
        let storm = Storm::new(random.u64(..), likelihood);
        // A command ends then, and a run goes on.
        server.weather(Some(if way == Way::Live { storm.with_refusals() } else { storm }));
        let mut tally = Tally::default();
        let place = match way {
            Way::Sync => self.copied()?,
            Way::Live => self.live(&server)?,
            Way::Sessions => {
                self.sessions(&server, &mut random, &mut tally)?;
                tally.requests = server.requests().len();
                return Ok(tally);
            }
        };
        self.upload(&server, place.path(), &mut random, way == Way::Sync, &mut tally)?;
        tally.requests = server.requests().len();
        tally.faults += server.weather(None).map_or(0, |storm| storm.met());
        self.compare(&server)?;
        Ok(tally)
    }

    /// Records in bad weather; what has not arrived in the end is in the log.
    fn live(&self, server: &Server) -> Result<TempDir, String> {
        let place = tempfile::tempdir().map_err(|e| e.to_string())?;
        let ended = self.program(server, place.path(), "online").arg("play").output();
        let ended = ended.map_err(|e| e.to_string())?;
        if ended.status.success() {
            return Ok(place);
        }
        Err(format!("the program failed: {}", String::from_utf8_lossy(&ended.stderr)))
    }

    /// Plays sessions in bad weather, sends what each has left in good weather, and compares.
    fn sessions(&self, server: &Server, random: &mut Rng, tally: &mut Tally) -> Result<(), String> {
        let mut places: Vec<TempDir> = Vec::new();
        for _ in 0..random.usize(2..4) {
            let place = tempfile::tempdir().map_err(|e| e.to_string())?;
            let mode = if random.u8(0..3) == 0 { "offline" } else { "online" };
            let kill_after = (random.u8(0..3) == 0).then(|| server.requests().len() + random.usize(3..60));
            let mut command = self.program(server, place.path(), mode);
            command.arg("play").env("WANDB_RESUME", "allow").env("UPS_TRACK_FINISH_PATIENCE", "0.5");
            let killed = ended(command, place.path(), server, kill_after)?.is_none();
            tally.attempts += 1;
            tally.kills += u32::from(killed);
            places.push(place);
            while random.bool() {
                let place = places[random.usize(..places.len())].path();
                if !place.join("wandb").exists() {
                    continue;
                }
                let kill_after = random.bool().then(|| server.requests().len() + random.usize(0..40));
                tally.attempts += 1;
                tally.kills += u32::from(self.sync(server, place, kill_after)?.is_none());
            }
        }
        tally.faults += server.weather(None).map_or(0, |storm| storm.met());
        random.shuffle(&mut places);
        for place in places.iter().filter(|place| place.path().join("wandb").exists()) {
            // One that was killed has no end.
            match self.sync(server, place.path(), None)? {
                Some((0 | 1, _)) => {}
                ended => return Err(format!("in good weather, `sync` ends with {ended:?}")),
            }
        }
        compare_sessions(server, &places)
    }

    /// Uploads until everything is there. The weather gets good after some attempts, or nothing would ever end.
    fn upload(
        &self,
        server: &Server,
        place: &Path,
        random: &mut Rng,
        kill: bool,
        tally: &mut Tally,
    ) -> Result<(), String> {
        loop {
            tally.attempts += 1;
            if tally.attempts == ATTEMPTS {
                tally.faults += server.weather(None).map_or(0, |storm| storm.met());
            }
            let kill_after = (kill && tally.attempts < ATTEMPTS && random.bool())
                .then(|| server.requests().len() + random.usize(0..40));
            match self.sync(server, place, kill_after)? {
                None => tally.kills += 1,
                Some((0, _)) => return Ok(()),
                Some((code, said)) if tally.attempts > ATTEMPTS + 2 => {
                    return Err(format!("in good weather, `sync` ends with {code}: {said}"));
                }
                Some(_) => {}
            }
        }
    }

    /// One `ups-track sync`: exit code and what it said; none if it was killed, which it is after so many requests.
    fn sync(
        &self,
        server: &Server,
        place: &Path,
        kill_after: Option<usize>,
    ) -> Result<Option<(i32, String)>, String> {
        let mut command = self.program(server, place, "offline");
        command.args(["sync", "--include-online", "wandb"]);
        ended(command, place, server, kill_after)
    }

    fn compare(&self, server: &Server) -> Result<(), String> {
        let violations = server.violations();
        if !violations.is_empty() {
            return Err(format!("the server objects: {violations:?}"));
        }
        let run = server.run(&key()).ok_or("the server knows no run")?;
        let differences = self.expected.differences(&normalized(&run));
        if differences.is_empty() {
            return Ok(());
        }
        let shown: Vec<_> = differences.iter().take(10).map(ToString::to_string).collect();
        Err(format!("{} differences from good weather:\n{}", differences.len(), shown.join("\n")))
    }

    /// A copy of the recorded run, with nothing uploaded.
    fn copied(&self) -> Result<TempDir, String> {
        let place = tempfile::tempdir().map_err(|e| e.to_string())?;
        copy(&self.recorded.path().join("wandb"), &place.path().join("wandb")).map_err(|e| e.to_string())?;
        Ok(place)
    }

    /// The executable, with short waits and little patience.
    fn program(&self, server: &Server, dir: &Path, mode: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().current_dir(dir).env("HOME", dir).env("WANDB_SILENT", "true");
        command.env("WANDB_BASE_URL", server.url()).env("WANDB_API_KEY", API_KEY).env("WANDB_MODE", mode);
        command.env("WANDB_PROJECT", "p").env("WANDB_RUN_ID", ID).env("WANDB_DISABLE_GIT", "true");
        command.env("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "0.01").stdin(Stdio::null());
        for client in ["GRAPHQL", "FILE_STREAM", "FILE_TRANSFER"] {
            command.env(format!("WANDB_X_{client}_RETRY_WAIT_MIN_SECONDS"), "0.002");
            command.env(format!("WANDB_X_{client}_RETRY_WAIT_MAX_SECONDS"), "0.02");
            command.env(format!("WANDB_X_{client}_TIMEOUT_SECONDS"), "1");
        }
        command
    }
}

/// How a command ends: exit code and what it said; none if it was killed, which it is after so many requests.
fn ended(
    mut command: Command,
    place: &Path,
    server: &Server,
    kill_after: Option<usize>,
) -> Result<Option<(i32, String)>, String> {
    let said = place.join("said");
    let io = |e: io::Error| e.to_string();
    let file = fs::File::create(&said).map_err(io)?;
    command.stderr(file.try_clone().map_err(io)?);
    let mut child = command.stdout(file).spawn().map_err(io)?;
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(io)? {
            let said = fs::read_to_string(&said).map_err(io)?;
            return match status.code() {
                Some(code @ 0..=2) => Ok(Some((code, said))),
                _ => Err(format!("a command ends with {status}: {said}")),
            };
        }
        let late = began.elapsed() > PATIENCE;
        if late || kill_after.is_some_and(|requests| server.requests().len() >= requests) {
            // It may have ended by itself.
            drop(child.kill());
            child.wait().map_err(io)?;
            return if late { Err("a command does not end".to_owned()) } else { Ok(None) };
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// How often each row and each line of the console is there.
#[derive(Default)]
struct Counts {
    rows: BTreeMap<String, usize>,
    lines: BTreeMap<String, usize>,
}

/// Whether the server has what the logs of the sessions hold, once.
fn compare_sessions(server: &Server, places: &[TempDir]) -> Result<(), String> {
    let violations = server.violations();
    if !violations.is_empty() {
        return Err(format!("the server objects: {violations:?}"));
    }
    let (mut recorded, mut there) = (Counts::default(), Counts::default());
    for log in places.iter().flat_map(|place| Log::all(place.path())) {
        for row in log.rows() {
            *recorded.rows.entry(shown(&row["_timestamp"], &row["metric-1"])).or_default() += 1;
        }
        for line in log.console().lines() {
            *recorded.lines.entry(line.trim_end().to_owned()).or_default() += 1;
        }
    }
    if let Some(run) = server.run(&key()) {
        for row in run.history() {
            *there.rows.entry(shown(&row["_timestamp"], &row["metric-1"])).or_default() += 1;
        }
        for line in run.console() {
            *there.lines.entry(line.text.trim_end().to_owned()).or_default() += 1;
        }
    }
    for (what, recorded, there) in
        [("row", &recorded.rows, &there.rows), ("line", &recorded.lines, &there.lines)]
    {
        for (name, count) in recorded {
            let there = there.get(name).copied().unwrap_or(0);
            if there != *count {
                let name: String = name.chars().take(40).collect();
                return Err(format!("a {what} is there {there} times and not {count}: {name}"));
            }
        }
    }
    Ok(())
}

fn shown(time: &Value, value: &Value) -> String {
    format!("{time} {value}")
}

fn key() -> RunKey {
    RunKey::new(server::DEFAULT_ENTITY, "p", ID)
}

/// The run without what does not count. An alert of which nobody knows whether it arrived is sent again rather than lost,
/// and the server sends a title to people once in its time to wait.
fn normalized(run: &server::Run) -> NormalizedRun {
    let mut run = NormalizedRun::from(run);
    run.alerts.values_mut().for_each(Vec::dedup);
    run
}

/// Copies a directory; links to what is in it are not needed.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
