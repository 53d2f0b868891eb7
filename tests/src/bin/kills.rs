//! `kill -9` at random moments, as often as one likes:
//!
//! ```text
//! cargo run --release -p ups-track-tests --bin kills -- --rounds 500 --seed 1
//! cargo run --release -p ups-track-tests --bin kills -- --only 4711      # the round that failed
//! ```
//!
//! Each round has a seed of its own, which is printed when it fails. (`play` is for the rounds themselves: a process that is
//! killed; `merge` is the command.)
#![expect(clippy::print_stdout, reason = "a program for the developers")]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["play", who] => ups_track_tests::kills::play(who).map_err(|e| e.to_string()),
        ["merge", ..] => return ups_track::cli::main(),
        options => kills(options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(target_os = "linux")]
fn kills(options: &[&str]) -> Result<(), String> {
    use ups_track_tests::kills::{Tally, round};
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
    let (mut rounds, mut seed, mut only) = (500, 1, None);
    let mut left = options;
    while let [option, value, rest @ ..] = left {
        match *option {
            "--rounds" => rounds = number(value)?,
            "--seed" => seed = number(value)?,
            "--only" => only = Some(number(value)?),
            other => return Err(format!("options are --rounds, --seed and --only SEED, not `{other}`")),
        }
        left = rest;
    }
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut tally = Tally::default();
    let mut seeds = fastrand::Rng::with_seed(seed);
    let seeds: Vec<u64> = match only {
        Some(seed) => vec![seed],
        None => (0..rounds).map(|_| u64::from(seeds.u32(..))).collect(),
    };
    let mut failed = 0;
    for seed in seeds {
        if let Err(e) = round(&program, seed, &mut tally) {
            failed += 1;
            println!("round of seed {seed}: {e}\nagain with: kills --only {seed}");
        }
        if tally.rounds.is_multiple_of(50) {
            println!("{tally:?}");
        }
    }
    println!("{tally:?}, {failed} rounds failed");
    if failed == 0 { Ok(()) } else { Err(format!("{failed} rounds failed")) }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    println!("this looks at processes as Linux shows them");
    ExitCode::SUCCESS
}
