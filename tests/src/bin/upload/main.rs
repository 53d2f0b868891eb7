//! What uploading costs, against the test server in a process of its own:
//!
//! ```text
//! export UPS_TRACK_PYTHON="$(tests/interop/setup.sh)"
//! cargo run --release -p ups-track-tests --bin upload -- sync 1000000   # `ups-track sync` beside the real `wandb sync`
//! cargo run --release -p ups-track-tests --bin upload -- live 100000    # a run online beside the same run offline
//! cargo run --release -p ups-track-tests --bin upload -- dead 1000000   # a training with the network down beside one offline
//! cargo run --release -p ups-track-tests --bin upload -- start 30       # from the start of a program to its first row
//! cargo run --release -p ups-track-tests --bin upload -- many 10000     # `sync` and `--prune` of so many runs of 100 rows
//! ```
//!
//! A row is three numbers and a step in a stage, as in the bench `cost`. CPU is user and system time of a program and all its
//! descendants, memory that of the largest of them.
#![expect(clippy::print_stdout, reason = "a program for the developers")]

mod many;
mod measure;

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use measure::{Spent, measured};
use ups_track::{Run, metric, track_stage};
use ups_track_tests::server::{API_KEY, Fault, Server};
use ups_track_tests::wandb;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        // What the programs below are made of.
        ["serve"] => serve(),
        ["rows", rows] => log(rows, 0),
        ["training", rows] => log(rows, WORK),
        ["silence"] => silence(),
        ["down"] => down(),
        ["first"] => first(),
        ["measure", report, program, arguments @ ..] => measure::run(report, program, arguments),
        // The command itself is told apart by its path.
        ["sync", .., path] if Path::new(path).exists() => return ups_track::cli::main(),
        ["sync", rows] => sync(rows),
        ["live", rows] => live(rows),
        ["dead", rows] => dead(rows),
        ["start", runs] => start(runs),
        ["record", runs] => many::record(runs),
        ["many", runs] => many::many(runs),
        other => {
            let known = "`sync ROWS`, `live ROWS`, `dead ROWS`, `start RUNS` or `many RUNS`";
            Err(format!("{known}, not {other:?}").into())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}

/// A test server in this process: says its address, and for a line on standard input what it has.
fn serve() -> Result {
    let server = Server::start();
    println!("{}", server.url());
    for line in std::io::stdin().lock().lines() {
        line?;
        let rows: usize = server.runs().iter().map(|run| run.history().len()).sum();
        let (most, all) = server.connections();
        println!("{rows} {} {most} {all}", server.violations().len());
    }
    Ok(())
}

/// Steps of arithmetic between two rows of a training: some 20 µs, which is fast for an epoch.
const WORK: u32 = 10_000;

/// Logs rows in the run that the environment says, with so much work between two of them.
fn log(rows: &str, work: u32) -> Result {
    #[track_stage("operator")]
    fn train(rows: u64, work: u32) {
        let mut state = 1.0_f64;
        for step in 0..rows {
            for _ in 0..work {
                state = std::hint::black_box(state * 1.000_000_1 + 1e-9);
            }
            let x = 1.0 / (step as f64 + 1.0);
            metric!(step = step, loss = x, lr = 1e-3 * x, grad_norm = 0.5 + x);
        }
    }
    let rows = rows.parse()?;
    let run = Run::builder().init()?;
    train(rows, work);
    let began = Instant::now();
    run.finish()?;
    // For `measured`.
    println!("{}{}", measure::FINISH, began.elapsed().as_secs_f64());
    Ok(())
}

/// A server in another process.
struct Elsewhere {
    process: Child,
    url: String,
    answers: BufReader<std::process::ChildStdout>,
}

impl Elsewhere {
    fn start() -> Result<Self> {
        Self::with("serve")
    }

    fn with(what: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = command.arg(what).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut answers = BufReader::new(process.stdout.take().ok_or("no pipe")?);
        let mut url = String::new();
        answers.read_line(&mut url)?;
        Ok(Self { process, url: url.trim().to_owned(), answers })
    }

    /// Fails unless the server has so many rows, and nothing to object to.
    fn check(mut self, rows: &str) -> Result {
        self.connections(rows).map(drop)
    }

    /// The same; how many connections there were at the same time, and in all.
    fn connections(&mut self, rows: &str) -> Result<(usize, usize)> {
        let input = self.process.stdin.as_mut().ok_or("no pipe")?;
        writeln!(input)?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        if let [there, "0", most, all] = answer.split_whitespace().collect::<Vec<_>>()[..]
            && there == rows
        {
            return Ok((most.parse()?, all.parse()?));
        }
        Err(format!("the server has `{}` rows, violations and connections, not `{rows} 0`", answer.trim())
            .into())
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// This program in a home of its own.
fn own(home: &Path, url: &str, mode: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WANDB_")) {
        command.env_remove(name);
    }
    command.current_dir(home).env("HOME", home).env("WANDB_SILENT", "true");
    command.env("WANDB_PROJECT", "bench").env("WANDB_RUN_ID", "bench").env("WANDB_MODE", mode);
    command.env("WANDB_BASE_URL", url).env("WANDB_API_KEY", API_KEY);
    Ok(command)
}

fn sync(rows: &str) -> Result {
    let home = tempfile::tempdir()?;
    let written = measured(own(home.path(), "http://127.0.0.1:1", "offline")?.args(["rows", rows]))?;
    let dir = fs::canonicalize(home.path().join("wandb/latest-run"))?;
    let log = dir.join("run-bench.wandb");
    println!("{rows} rows, {:.0} MB of log, written with {written}", megabytes(&log)?);

    let server = Elsewhere::start()?;
    let ours = measured(own(home.path(), &server.url, "offline")?.arg("sync").arg(&log))?;
    server.check(rows)?;
    println!("ups-track sync  {ours}");

    // As if nobody had uploaded it.
    for ending in [".synced", ".syncstate"] {
        fs::remove_file(PathBuf::from(format!("{}{ending}", log.display())))?;
    }
    let server = Elsewhere::start()?;
    let mut command = wandb::client()?;
    // As a user calls it.
    command.env_remove("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL");
    command.arg("sync").arg(&dir).env("HOME", home.path()).env("TMPDIR", home.path());
    command.env("WANDB_BASE_URL", &server.url).env("WANDB_API_KEY", API_KEY);
    let theirs = measured(&mut command)?;
    server.check(rows)?;
    println!("wandb sync      {theirs}");
    println!("CPU: {:.1} times less (goal: 20)", theirs.cpu / ours.cpu);
    println!("memory: {:.1} MB (goal: < 64)", ours.megabytes);
    Ok(())
}

/// A server that takes connections and never answers.
fn silence() -> Result {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}", listener.local_addr()?);
    // They stay open as long as this process lives.
    let mut taken: Vec<TcpStream> = Vec::new();
    for connection in listener.incoming() {
        taken.push(connection?);
    }
    Ok(())
}

/// Waits for the end of standard input.
fn until_closed() -> Result {
    for line in std::io::stdin().lock().lines() {
        line?;
    }
    Ok(())
}

/// A server that is there and refuses everything for now.
fn down() -> Result {
    let server = Server::start();
    server.fail_always(Some(Fault::Status(503, None)));
    println!("{}", server.url());
    until_closed()
}

/// A training whose server is away from the first second, in three ways, beside the same training offline: the best of
/// some runs each, in turn. Then memory for rows back to back, and ten times as many; and one upload delivers all.
fn dead(rows: &str) -> Result {
    const PATIENCE: &str = "0.1";
    let (silent, down) = (Elsewhere::with("silence")?, Elsewhere::with("down")?);
    let ways = [
        ("offline", "offline", "http://127.0.0.1:1"),
        ("nobody listens", "online", "http://127.0.0.1:1"),
        ("nobody answers", "online", &silent.url),
        ("all is refused", "online", &down.url),
    ];
    let program = |home: &Path, url: &str, mode: &str, what: [&str; 2]| -> Result<Spent> {
        measured(own(home, url, mode)?.env("UPS_TRACK_FINISH_PATIENCE", PATIENCE).args(what))
    };
    let mut best = [None::<Spent>; 4];
    let mut finish = [0.0_f64; 4];
    for _ in 0..3 {
        for (((_, mode, url), best), finish) in ways.iter().zip(&mut best).zip(&mut finish) {
            let home = tempfile::tempdir()?;
            let spent = program(home.path(), url, mode, ["training", rows])?;
            *finish = finish.max(spent.finish);
            if best.is_none_or(|best| spent.wall < best.wall) {
                *best = Some(spent);
            }
        }
    }
    let [Some(offline), ..] = best else { return Err("nothing was measured".into()) };
    for (((name, ..), spent), finish) in ways.iter().zip(best).zip(finish) {
        let Some(spent) = spent else { continue };
        // Without the wait at the end, which is what was asked for.
        let training = |spent: Spent| spent.wall - spent.finish;
        println!(
            "{rows} rows, {name:14} {spent}  (training {:.3}, CPU {:.3} of offline; goal <= 1.05; finish took at most {finish:.2} s of a patience of {PATIENCE} s)",
            training(spent) / training(offline),
            spent.cpu / offline.cpu
        );
    }
    let home = tempfile::tempdir()?;
    let many = format!("{rows}0");
    for rows in [rows, &many] {
        let spent = program(home.path(), "http://127.0.0.1:1", "online", ["rows", rows])?;
        println!("{rows} rows back to back, nobody listens: {:.1} MB", spent.megabytes);
    }
    let server = Elsewhere::start()?;
    let dir = fs::canonicalize(home.path().join("wandb/latest-run"))?;
    let sent =
        measured(own(home.path(), &server.url, "offline")?.arg("sync").arg(dir.join("run-bench.wandb")))?;
    server.check(&many)?;
    println!("one sync later {many} rows are on the server: {sent}");
    Ok(())
}

/// From the start of a process to its first row, offline and online, with a server and without.
fn start(runs: &str) -> Result {
    let (server, silent) = (Elsewhere::start()?, Elsewhere::with("silence")?);
    let ways = [
        ("offline", "offline", "http://127.0.0.1:1"),
        ("a server", "online", &server.url),
        ("nobody listens", "online", "http://127.0.0.1:1"),
        ("nobody answers", "online", &silent.url),
    ];
    let mut times: [Vec<f64>; 4] = Default::default();
    for _ in 0..runs.parse()? {
        for ((_, mode, url), times) in ways.iter().zip(&mut times) {
            let home = tempfile::tempdir()?;
            let mut command = own(home.path(), url, mode)?;
            command.env("UPS_TRACK_FINISH_PATIENCE", "0.05").arg("first");
            let began = Instant::now();
            let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            let mut line = String::new();
            BufReader::new(program.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
            drop(program.stdin.take());
            if !program.wait()?.success() {
                return Err("the program failed".into());
            }
        }
    }
    for ((name, ..), mut times) in ways.iter().zip(times) {
        times.sort_by(f64::total_cmp);
        let (Some(least), Some(median)) = (times.first(), times.get(times.len() / 2)) else { continue };
        println!("{name:14} {least:6.2} ms at best, {median:6.2} ms in the middle, to the first row");
    }
    Ok(())
}

/// Logs one row, says so, and ends with its standard input.
fn first() -> Result {
    let run = Run::builder().init()?;
    run.log(0, &[("loss", 1.0)]);
    println!("logged");
    until_closed()?;
    run.finish()?;
    Ok(())
}

fn megabytes(file: &Path) -> Result<f64> {
    Ok(file.metadata()?.len() as f64 / 1e6)
}

/// The best of some runs each, in turn: what else the machine does only adds.
fn live(rows: &str) -> Result {
    let mut best = [None::<Spent>; 2];
    for _ in 0..5 {
        for (mode, best) in ["offline", "online"].into_iter().zip(&mut best) {
            let home = tempfile::tempdir()?;
            let server = Elsewhere::start()?;
            let spent = measured(own(home.path(), &server.url, mode)?.args(["rows", rows]))?;
            server.check(if mode == "online" { rows } else { "0" })?;
            if best.is_none_or(|best| spent.cpu < best.cpu) {
                *best = Some(spent);
            }
        }
    }
    let [Some(offline), Some(online)] = best else { return Err("nothing was measured".into()) };
    println!("{rows} rows offline  {offline}");
    println!("{rows} rows online   {online}");
    let extra = (online.cpu - offline.cpu) / rows.parse::<f64>()?;
    println!("extra CPU per row: {:.2} µs (goal: <= 1)", extra * 1e6);
    Ok(())
}
