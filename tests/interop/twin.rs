//! Programs as users write them, for what needs a process of its own:
//!
//! - `interop-twin metadata` plays the scenario of that name of `scenarios.py`, in the directory of the files that it
//!   saves;
//! - `interop-twin failing` has a `main` that fails;
//! - `interop-twin endless` logs until it is killed, and prints how many rows are safe.

use std::error::Error;
use std::io::Write as _;
use std::time::Duration;

use ups_track::{Run, alert, file, metric, track_stage};

#[ups_track::main(project = "interop")]
fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("metadata") => metadata(),
        Some("failing") => Err("this program always fails".into()),
        Some("endless") => endless(),
        other => Err(format!("no such program: {other:?}").into()),
    }
}

fn metadata() -> Result<(), Box<dyn Error>> {
    let run = Run::global().ok_or("there is no run")?;
    run.add_tags(["later"]);
    alert!(level = warn, wait = Duration::from_secs(30), "Loss is NaN", "at step {}", 3);
    alert!("Note", "no wait");
    file!("sub/now.txt", policy = now);
    file!("sub/end.txt", policy = end);
    file!("sub/live.txt", policy = live);
    metric!(step = 0_u64, loss = f64::from(1_u8));
    Ok(())
}

#[track_stage("train")]
fn endless() -> Result<(), Box<dyn Error>> {
    let run = Run::global().ok_or("there is no run")?;
    for step in 0_u64.. {
        metric!(step = step, loss = 1.0 / (step + 1) as f64);
        if step % 100 == 99 && run.flush() {
            println!("{}", step + 1);
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}
