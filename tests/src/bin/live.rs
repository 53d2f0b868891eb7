//! A program that starts the run of its environment and then does what its standard input says, one order a line, and
//! answers each on standard output: what `tests/live` plays with.

use std::io::{BufRead as _, Write as _};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ups_track::{Alert, AlertLevel, Child, FilePolicy, Run, Stream, TrackCommand as _};

fn main() -> ExitCode {
    let run = match Run::builder().init() {
        Ok(run) => run,
        Err(e) => {
            eprintln!("cannot start: {e}");
            return ExitCode::from(2);
        }
    };
    let heard = Arc::new(AtomicBool::new(false));
    let hears = Arc::clone(&heard);
    run.on_stop(move || hears.store(true, Ordering::Release));
    let (mut step, mut code) = (0_u64, 0_u8);
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let mut words = line.split(' ');
        let (order, rest) = (words.next().unwrap_or_default(), words.collect::<Vec<_>>());
        let word = |at: usize| rest.get(at).copied().unwrap_or_default();
        let answer = match order {
            "rows" => {
                let rows: u64 = word(0).parse().unwrap_or(1);
                for _ in 0..rows {
                    run.log(step, &[("loss", 1.0 / (step + 1) as f64), ("lr", 1e-3)]);
                    step += 1;
                }
                format!("{step} rows")
            }
            "url" => run.wait_until_online(Duration::from_secs(20)).unwrap_or_else(|| "no page".to_owned()),
            "mode" => run.mode().as_str().to_owned(),
            "summary" => {
                run.summarize(&[(word(0), word(1).parse::<f64>().unwrap_or(0.0))]);
                "set".to_owned()
            }
            "define" => {
                run.define_metric(word(0)).summary(word(1)).send();
                "defined".to_owned()
            }
            "config" => {
                run.update_config(&[(word(0), word(1))]);
                "set".to_owned()
            }
            "tag" => {
                run.add_tags([word(0)]);
                "added".to_owned()
            }
            "name" => {
                run.set_name(word(0));
                "set".to_owned()
            }
            "notes" => {
                run.set_notes(word(0));
                "set".to_owned()
            }
            "alert" => {
                run.alert(Alert::new(word(0)).text(word(1)).level(AlertLevel::Warn));
                "sent".to_owned()
            }
            "console" => {
                run.write_console(Stream::Stdout, format!("{}\n", word(0)));
                "written".to_owned()
            }
            "file" => {
                let policy = FilePolicy::from_word(word(1)).unwrap_or_default();
                match run.save_file(word(0), policy) {
                    Ok(()) => "saved".to_owned(),
                    Err(e) => e.to_string(),
                }
            }
            "child" => child(&run, word(0)).map_or_else(|e| e.to_string(), |status| status.to_string()),
            "attach" => attach(&run, &rest).map_or_else(|e| e.to_string(), |status| status.to_string()),
            "context" => match run.save_context(word(0)) {
                Ok(_) => "saved".to_owned(),
                Err(e) => e.to_string(),
            },
            "on-stop" => {
                let (ends, exits) = (run.handle().clone(), word(0) == "exit");
                run.on_stop(move || {
                    if exits {
                        std::process::exit(7);
                    }
                    let finished = ends.finish_with(5).map(|finished| finished.is_uploaded());
                    println!("finished {}", finished.unwrap_or(false));
                });
                "noted".to_owned()
            }
            "stop" => format!("{} {}", run.stop_requested(), heard.load(Ordering::Acquire)),
            "files" => limit_files(word(0).parse().unwrap_or(0)),
            "finish" => match run.finish_with(word(0).parse().unwrap_or(0)) {
                Ok(finished) => format!("{} {}", finished.rows(), finished.is_uploaded()),
                Err(e) => e.to_string(),
            },
            "code" => {
                code = word(0).parse().unwrap_or(99);
                "noted".to_owned()
            }
            _ => "no such order".to_owned(),
        };
        println!("{answer}");
    }
    ExitCode::from(code)
}

/// From now on so many files may be open.
fn limit_files(most: u64) -> String {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(most);
    setrlimit(Resource::Nofile, limit).map_or_else(|e| e.to_string(), |()| "limited".to_owned())
}

/// This program again, as a child that records so many rows into the same run.
fn child(run: &Run, rows: &str) -> std::io::Result<std::process::ExitStatus> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).track(run, Child::Attached).spawn()?;
    if let Some(mut orders) = child.stdin.take() {
        writeln!(orders, "rows {rows}")?;
    }
    child.wait()
}

/// A command, as a child that records into the same run.
fn attach(run: &Run, words: &[&str]) -> std::io::Result<std::process::ExitStatus> {
    let (program, arguments) = words.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let printed = std::fs::File::options().create(true).append(true).open("printed")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(printed.try_clone()?).stderr(printed);
    command.track(run, Child::Attached.name("evaluate")).status()
}
