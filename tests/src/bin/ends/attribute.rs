//! Programs under `#[ups_track::main]`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use tracing_subscriber::prelude::*;
use ups_track::metric;

use crate::work::{ROWS, loss, mode, rows, tell, wait, work};

#[ups_track::main(project = "ends")]
pub(crate) fn main() -> Result<ExitCode, String> {
    match mode().trim_start_matches("attribute-") {
        "ok" => work(),
        "err" => {
            work();
            return Err("as the test asks".into());
        }
        "result-code" => {
            work();
            return Ok(ExitCode::from(6));
        }
        "finish" => {
            work();
            let run = ups_track::Run::global().ok_or("no global run")?;
            let finished = run.finish_with(4).map_err(|e| e.to_string())?;
            tell(&format!("rows {} lost {} code {}", finished.rows(), finished.lost(), finished.exit_code()));
        }
        "panic" => {
            work();
            die();
        }
        "panic-elsewhere" => {
            rows(0..ROWS / 2);
            let died = std::thread::spawn(|| {
                rows(ROWS / 2..ROWS);
                die();
            });
            if died.join().is_ok() {
                return Err("the thread did not panic".into());
            }
            work_summary();
        }
        "wait" => {
            work();
            wait();
        }
        "wait-and-go-on" => {
            work();
            wait();
            rows(ROWS..ROWS + 10);
        }
        "exit" => {
            work();
            std::process::exit(3);
        }
        "exit-elsewhere" => {
            let exits = std::thread::spawn(|| {
                work();
                std::process::exit(3);
            });
            drop(exits.join());
        }
        "second-subscriber" => tracing_subscriber::registry().init(),
        "firehose" => firehose(),
        "deaf" => {
            // Nobody reads our standard error, and another thread is in the middle of writing to it.
            work();
            let (locked, is_locked) = std::sync::mpsc::channel();
            drop(std::thread::spawn(move || {
                use std::io::Write as _;
                let mut stderr = std::io::stderr().lock();
                let _ = locked.send(());
                drop(stderr.write_all(&vec![b'.'; 1 << 22]));
            }));
            let _ = is_locked.recv();
            wait();
        }
        other => return Ok(crate::unknown(other)),
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::panic, reason = "a program that panics is what the test asks for")]
pub(crate) fn die() -> ! {
    panic!("as the test asks");
}

fn work_summary() {
    let (rate, score) = (0.1, 0.25);
    ups_track::config!(rate);
    ups_track::summary!(score);
}

/// A row every 0.2 ms, each told to the test with the time it was logged at, until somebody ends this.
fn firehose() {
    let start = Instant::now();
    for step in 0_u64.. {
        metric!(step = step, loss = loss(step));
        tell(&format!("{step} {}", start.elapsed().as_micros()));
        while start.elapsed() < Duration::from_micros(200) * u32::try_from(step).unwrap_or(u32::MAX) {
            std::hint::spin_loop();
        }
    }
}

/// `main` of programs that bring a subscriber.
pub(crate) mod own {
    use std::process::ExitCode;

    use tracing_subscriber::prelude::*;

    use crate::work::{mode, work};

    #[ups_track::main(project = "ends", subscriber = false)]
    pub(crate) fn main() -> ExitCode {
        match mode().trim_start_matches("own-") {
            "subscriber" => tracing_subscriber::registry()
                .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
                .with(ups_track::layer())
                .init(),
            "no-layer" => tracing_subscriber::registry().init(),
            "none" => {}
            other => return crate::unknown(other),
        }
        work();
        tracing::info!("a message");
        ExitCode::SUCCESS
    }
}

/// `main` without a value.
pub(crate) mod unit {
    #[ups_track::main(project = "ends")]
    pub(crate) fn main() {
        super::work();
    }
}

/// `main` with an exit code.
pub(crate) mod code {
    use std::process::ExitCode;

    #[ups_track::main(project = "ends")]
    pub(crate) fn main() -> ExitCode {
        super::work();
        ExitCode::from(5)
    }
}

/// `main` over an async runtime.
pub(crate) mod tokio {
    use std::future::pending;
    use std::pin::pin;
    use std::process::ExitCode;

    use ::tokio::select;
    use ::tokio::signal::ctrl_c;

    use crate::work::{ROWS, mode, rows, tell, work};

    #[ups_track::main(project = "ends")]
    #[tokio::main(flavor = "multi_thread", worker_threads = 2)]
    pub(crate) async fn main() -> Result<ExitCode, String> {
        match mode().trim_start_matches("tokio-") {
            "ok" => work(),
            "err" => {
                work();
                return Err("as the test asks".into());
            }
            "panic" => {
                work();
                super::die();
            }
            "spawned" => {
                let worked = ::tokio::spawn(async { work() }).await;
                worked.map_err(|e| e.to_string())?;
            }
            "ctrl-c" => {
                work();
                let mut came = pin!(ctrl_c());
                let told = async {
                    tell("ready");
                    pending::<()>().await;
                };
                select! {
                    // In this order: the handler is installed before the test hears from us.
                    biased;
                    came = &mut came => came.map_err(|e| e.to_string())?,
                    () = told => {}
                }
                rows(ROWS..ROWS + 10);
                return Ok(ExitCode::from(9));
            }
            other => return Ok(crate::unknown(other)),
        }
        Ok(ExitCode::SUCCESS)
    }
}
