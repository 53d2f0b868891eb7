//! `kill -9` at random moments: what was recorded a while before is there, no log is damaged, shards are merged once.
//!
//! A round is a run with four threads, two attached children and saved files. Some of the three processes are killed, the
//! others come to their end, and then it is looked what there is. Each thread tells what it has recorded in a file of its own,
//! which outlives its process.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests end by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use rustix::process::{Pid, Signal, kill_process};
use ups_track::log::record::Kind;
use ups_track::{Child, FilePolicy, Run, TrackCommand as _};

use crate::log::Log;

/// Who records: the parent's threads, and the children.
const THREADS: [&str; 4] = ["t0", "t1", "t2", "t3"];
const CHILDREN: [&str; 2] = ["a", "b"];

/// What may be lost at most.
const INTERVAL: u64 = 100_000;

/// Time between two looks at how long the writer had no turn.
const LOOK: Duration = Duration::from_millis(5);

/// What happened in some rounds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Rounds.
    pub rounds: u64,
    /// Processes that were killed.
    pub kills: u64,
    /// Rows and files that were told.
    pub told: u64,
    /// Those of them that are not there.
    pub missing: u64,
    /// Microseconds before the kill at which the oldest of these was recorded.
    pub oldest: u64,
    /// Rounds in which that was more than 100 ms, as the system gave the writer no processor for as long.
    pub stalled: u64,
}

/// Microseconds since 1970.
fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// The processes of a round: `parent`, or a child's name.
///
/// # Errors
///
/// If the run cannot be started or finished.
pub fn play(who: &str) -> Result<(), Box<dyn std::error::Error>> {
    fs::write(format!("pid-{who}"), std::process::id().to_string())?;
    let run = Run::from_env()?;
    let stop = AtomicBool::new(false);
    let threads: &[&str] = if who == "parent" { &THREADS } else { &[who] };
    let mut children = Vec::new();
    if who == "parent" {
        for name in CHILDREN {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["play", name]);
            children.push(command.track(&run, Child::Attached.name(name)).spawn()?);
        }
    }
    thread::scope(|scope| {
        let watch = scope.spawn(|| look(who, &stop));
        for name in threads {
            let (run, stop) = (&run, &stop);
            scope.spawn(move || record(run, name, stop));
        }
        watch.join().unwrap();
    });
    for child in &mut children {
        child.wait()?;
    }
    run.finish()?;
    Ok(())
}

/// Tells, until the round says that it is enough, how long the system has let the writer wait for a processor.
fn look(who: &str, stop: &AtomicBool) {
    let mut told = File::create(format!("waited-{who}")).unwrap();
    let mut states = File::create(format!("states-{who}")).unwrap();
    let writer = writer_thread().unwrap_or_default();
    while !Path::new("stop").exists() {
        let waited = waited(&writer.join("schedstat"));
        told.write_all(&[now().to_le_bytes(), waited.to_le_bytes()].concat()).unwrap();
        // For people who wonder what the writer was doing.
        let read = |name| fs::read_to_string(writer.join(name)).unwrap_or_default().trim().to_owned();
        writeln!(states, "{} in {}, system call {}", now(), read("wchan"), read("syscall")).unwrap();
        thread::sleep(LOOK);
    }
    stop.store(true, Ordering::Relaxed);
}

/// Where the system tells of the thread that writes the log.
fn writer_thread() -> Option<PathBuf> {
    let threads = fs::read_dir("/proc/self/task").ok()?.flatten().map(|thread| thread.path());
    let is_writer =
        |path: &PathBuf| fs::read_to_string(path.join("comm")).is_ok_and(|name| name == "ups-track\n");
    threads.into_iter().find(is_writer)
}

/// Microseconds for which a thread had to wait for a processor. A build that is not optimised is also excused for those in which
/// it had one.
fn waited(statistics: &Path) -> u64 {
    let text = fs::read_to_string(statistics).unwrap_or_default();
    let mut numbers = text.split_whitespace().map(|number| number.parse::<u64>().unwrap_or(0));
    let (ran, waited) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    (waited + if cfg!(debug_assertions) { ran } else { 0 }) / 1000
}

/// Records rows, and a file now and again, and tells of each when it was recorded.
fn record(run: &Run, name: &str, stop: &AtomicBool) {
    let mut told = File::create(format!("told-{name}")).unwrap();
    let mut told_files = File::create(format!("files-{name}")).unwrap();
    let key = format!("{name}/value");
    for step in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        run.log(step, &[(key.as_str(), step as f64)]);
        told.write_all(&now().to_le_bytes()).unwrap();
        if step % 64 == 32 {
            let number = step / 64;
            let file = format!("{name}-{number}.bin");
            fs::write(&file, &file).unwrap();
            let policy =
                [FilePolicy::Now, FilePolicy::End, FilePolicy::Live][usize::try_from(number % 3).unwrap()];
            run.save_file(&file, policy).unwrap();
            told_files.write_all(&now().to_le_bytes()).unwrap();
        }
        thread::sleep(Duration::from_micros(300));
    }
}

/// Plays a round of a seed. `program` is the executable `kills`.
///
/// # Errors
///
/// Where something is missing, damaged or there twice.
pub fn round(program: &Path, seed: u64, tally: &mut Tally) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        Round::play(program, dir.path(), seed).check(tally)
    }));
    match played {
        Ok(Ok(())) => Ok(()),
        Ok(Err(e)) => Err(format!("{e}\nkept in {}", dir.keep().display())),
        Err(_) => Err(format!("a check has panicked; kept in {}", dir.keep().display())),
    }
}

struct Round {
    dir: PathBuf,
    program: PathBuf,
    /// When each of the processes was killed.
    killed: BTreeMap<&'static str, u64>,
    /// What the processes said.
    said: String,
}

impl Round {
    fn play(program: &Path, dir: &Path, seed: u64) -> Self {
        let mut round = Self {
            dir: dir.to_owned(),
            program: program.to_owned(),
            killed: BTreeMap::new(),
            said: String::new(),
        };
        let mut random = Rng::with_seed(seed);
        let mut parent = round.command(&["play", "parent"]);
        let mut parent = parent.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = parent.stderr.take().unwrap();
        let said = thread::spawn(move || {
            let mut said = Vec::new();
            stderr.read_to_end(&mut said).unwrap();
            String::from_utf8_lossy(&said).into_owned()
        });
        let mut order = ["parent", CHILDREN[0], CHILDREN[1]];
        random.shuffle(&mut order);
        for who in order.into_iter().take(random.usize(1..=3)) {
            thread::sleep(Duration::from_micros(random.u64(0..600_000)));
            round.kill(who);
        }
        // The others come to their end.
        fs::write(dir.join("stop"), "").unwrap();
        parent.wait().unwrap();
        // To the end of what is said: then none of the processes is there any more.
        round.said = said.join().unwrap();
        round
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().current_dir(&self.dir).stdin(Stdio::null());
        command.env("WANDB_DIR", &self.dir).env("HOME", &self.dir).env("WANDB_MODE", "offline");
        command
    }

    fn pid(&self, who: &str) -> Option<Pid> {
        let pid = fs::read_to_string(self.dir.join(format!("pid-{who}"))).ok()?;
        Pid::from_raw(pid.parse().ok()?)
    }

    /// Kills a process, if it has begun.
    fn kill(&mut self, who: &'static str) {
        if let Some(pid) = self.pid(who)
            && kill_process(pid, Signal::KILL).is_ok()
        {
            self.killed.insert(who, now());
        }
    }

    /// The times that a thread or process has told.
    fn times(&self, file: &str) -> Vec<u64> {
        let bytes = fs::read(self.dir.join(file)).unwrap_or_default();
        bytes.chunks_exact(8).map(|time| u64::from_le_bytes(time.try_into().unwrap())).collect()
    }

    fn merge(&self) -> Result<String, String> {
        let ended = self.command(&["merge", "wandb"]).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        if ended.status.success() { Ok(said) } else { Err(format!("merge: {said}")) }
    }

    fn check(&self, tally: &mut Tally) -> Result<(), String> {
        tally.rounds += 1;
        tally.kills += self.killed.len() as u64;
        let told = THREADS.iter().chain(&CHILDREN).map(|name| (*name, self.times(&format!("told-{name}"))));
        let told: BTreeMap<_, _> = told.collect();
        if !self.dir.join("wandb").exists() || Log::all(&self.dir).is_empty() {
            let is_early = told.values().all(Vec::is_empty) && self.killed.contains_key("parent");
            return if is_early { Ok(()) } else { Err(format!("there is no log\n{}", self.said)) };
        }
        self.merge()?;
        let log = self.log()?;
        let before = fs::read(&log.path).unwrap();
        self.merge()?;
        if fs::read(&log.path).unwrap() != before {
            return Err("what was merged is merged again".to_owned());
        }
        check_sound(&log)?;
        let mut oldest = 0;
        for (name, told) in &told {
            let there = rows_of(&log, name)?;
            self.compare(name, "rows", told, there, tally, &mut oldest)?;
            let told = self.times(&format!("files-{name}"));
            let there = self.files_of(&log, name)?;
            self.compare(name, "files", &told, there, tally, &mut oldest)?;
        }
        tally.oldest = tally.oldest.max(oldest);
        tally.stalled += u64::from(oldest > INTERVAL);
        Ok(())
    }

    fn log(&self) -> Result<Log, String> {
        let mut logs = Log::all(&self.dir);
        if logs.len() != 1 {
            return Err(format!("{} logs", logs.len()));
        }
        let log = logs.remove(0);
        match &log.fault {
            Some(fault) if !fault.is_torn() || !self.killed.contains_key("parent") => Err(fault.to_string()),
            _ => Ok(log),
        }
    }

    /// Compares what was told with how much of it is there.
    fn compare(
        &self,
        name: &str,
        what: &str,
        told: &[u64],
        there: usize,
        tally: &mut Tally,
        oldest: &mut u64,
    ) -> Result<(), String> {
        let who = if THREADS.contains(&name) { "parent" } else { name };
        tally.told += told.len() as u64;
        let missing = told.get(there..).unwrap_or_default();
        let Some(first) = missing.first() else { return Ok(()) };
        let Some(killed) = self.killed.get(who).copied() else {
            return Err(format!(
                "{name} was not killed, and lacks {} of {} {what}\n{}",
                missing.len(),
                told.len(),
                self.said
            ));
        };
        let age = killed.saturating_sub(*first);
        let allowed = INTERVAL + self.stall(who, first.saturating_sub(INTERVAL));
        tally.missing += missing.len() as u64;
        *oldest = age.max(*oldest);
        if age > allowed {
            return Err(format!(
                "{name}: {} of {} {what} are missing, the oldest {age} µs before the kill, where {allowed} µs are allowed\n{}",
                missing.len(),
                told.len(),
                self.said
            ));
        }
        Ok(())
    }

    /// How long the writer of a process waited for a processor, from the time at which what is missing should have been written.
    fn stall(&self, who: &str, since: u64) -> u64 {
        let told = self.times(&format!("waited-{who}"));
        let looks: Vec<(u64, u64)> = told.chunks_exact(2).map(|look| (look[0], look[1])).collect();
        let before = looks.iter().rev().find(|(time, _)| *time <= since).or(looks.first());
        let last = looks.last();
        // It does not end its turn when nobody looks any more.
        last.zip(before).map_or(0, |(last, before)| last.1 - before.1)
            + 2 * u64::try_from(LOOK.as_micros()).unwrap()
    }

    /// How many files of a thread the log names, one after the other. Each is there, and as it was.
    fn files_of(&self, log: &Log, name: &str) -> Result<usize, String> {
        let named = log.records.iter().filter_map(|kind| match kind {
            Kind::Files(files) => Some(files.files.iter().map(|file| file.path.clone())),
            _ => None,
        });
        let named: BTreeSet<String> = named.flatten().collect();
        let mut count = 0;
        while named.contains(&format!("{name}-{count}.bin")) {
            let file = format!("{name}-{count}.bin");
            for path in [self.dir.join(&file), log.path.with_file_name("files").join(&file)] {
                if fs::read_to_string(&path).ok().as_deref() != Some(&*file) {
                    return Err(format!("`{}` is not what it was", path.display()));
                }
            }
            count += 1;
        }
        let own = named.iter().filter(|file| file.starts_with(&format!("{name}-"))).count();
        if own == count { Ok(count) } else { Err(format!("{name}: files with a gap")) }
    }
}

/// `_step` counts the rows, and no record came twice out of a shard.
fn check_sound(log: &Log) -> Result<(), String> {
    for (step, row) in (0_u64..).zip(log.rows()) {
        if row.get("_step") != Some(&step.into()) {
            return Err(format!("row {step} is {row:?}"));
        }
    }
    let mut seen = BTreeMap::new();
    for uuid in log.uuids.iter().filter(|uuid| !uuid.is_empty()) {
        let (shard, number) = uuid.rsplit_once('/').ok_or("a uuid of another form")?;
        let number: u64 = number.parse().map_err(|_| "a uuid of another form")?;
        if seen.insert(shard.to_owned(), number).is_some_and(|last| last >= number) {
            return Err(format!("record {uuid} came twice or too late"));
        }
    }
    Ok(())
}

/// How many rows of a thread are there: the first ones, each once.
fn rows_of(log: &Log, name: &str) -> Result<usize, String> {
    let key = format!("{name}/value");
    let mut count = 0_usize;
    for value in log.rows().iter().filter_map(|row| row.get(&key)) {
        if value.as_f64() != Some(count as f64) {
            return Err(format!("{name}: row {count} is {value}"));
        }
        count += 1;
    }
    Ok(count)
}
