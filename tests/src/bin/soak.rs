//! Uploads in bad weather, for as long as one likes:
//!
//! ```text
//! cargo run --release -p ups-track-tests --bin soak -- --minutes 10 --seed 1
//! cargo run --release -p ups-track-tests --bin soak -- --only 4711 live    # the round that failed
//! ```
//!
//! Each round has a seed of its own, which is printed when it fails, and what to call to see it again. (The rest is for the
//! soak itself: `play` records a run, `sync` is the command.)
#![expect(clippy::print_stdout, reason = "a program for the developers")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use ups_track_tests::soak::{Soak, Tally, Way, play};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["play"] => ended(play().map_err(|e| e.to_string())),
        ["sync", ..] => ups_track::cli::main(),
        options => ended(soak(options)),
    }
}

fn ended(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}

fn soak(options: &[&str]) -> Result<(), String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
    let (mut minutes, mut seed) = (10, 1);
    let mut left = options;
    loop {
        left = match left {
            [] => break,
            ["--minutes", value, rest @ ..] => {
                minutes = number(value)?;
                rest
            }
            ["--seed", value, rest @ ..] => {
                seed = number(value)?;
                rest
            }
            ["--only", value, way] => return only(number(value)?, way),
            other => return Err(format!("options are --minutes, --seed and --only SEED WAY, not {other:?}")),
        };
    }
    let soak = Soak::new(own_path()?)?;
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    let (mut rounds, mut all) = (0_u64, Tally::default());
    let mut seeds = fastrand::Rng::with_seed(seed);
    while Instant::now() < until {
        for (way, name) in [(Way::Sync, "sync"), (Way::Live, "live"), (Way::Sessions, "sessions")] {
            let seed = u64::from(seeds.u32(..));
            let tally = soak.round(way, seed).map_err(|e| {
                format!("after {rounds} rounds: {e}\n\nagain with: soak --only {seed} {name}")
            })?;
            rounds += 1;
            all.requests += tally.requests;
            all.faults += tally.faults;
            all.attempts += tally.attempts;
            all.kills += tally.kills;
        }
        if rounds.is_multiple_of(20) {
            println!("{rounds} rounds: {all:?}");
        }
    }
    println!("{rounds} rounds, each as in good weather: {all:?}");
    Ok(())
}

fn only(seed: u64, way: &str) -> Result<(), String> {
    let way = match way {
        "sync" => Way::Sync,
        "live" => Way::Live,
        "sessions" => Way::Sessions,
        other => return Err(format!("a way is sync, live or sessions, not `{other}`")),
    };
    println!("{:?}", Soak::new(own_path()?)?.round(way, seed)?);
    Ok(())
}

fn own_path() -> Result<std::path::PathBuf, String> {
    std::env::current_exe().map_err(|e| e.to_string())
}
