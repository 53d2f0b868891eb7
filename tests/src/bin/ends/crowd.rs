//! Many threads and tasks at once.

use std::sync::{Arc, Barrier};

use tracing::{Instrument as _, info_span};
use ups_track::metric;

/// Threads that log; tasks come on top.
const THREADS: usize = 8;
/// Tasks that log, on as many workers.
const TASKS: usize = 4;
/// Rows of each.
const ROWS: u64 = 2000;

#[ups_track::main(project = "ends")]
pub(crate) fn main() -> std::io::Result<()> {
    let start = Arc::new(Barrier::new(THREADS + 1));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let start = Arc::clone(&start);
            std::thread::spawn(move || {
                let stage = format!("thread{thread}");
                let _stage = info_span!("thread", stage = stage).entered();
                start.wait();
                for count in 0..ROWS {
                    metric!(step = count, count);
                }
            })
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(TASKS).build()?;
    runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let stage = format!("task{task}");
                let logs = async {
                    for count in 0..ROWS {
                        metric!(step = count, count);
                        if count % 16 == 0 {
                            tokio::task::yield_now().await;
                        }
                    }
                };
                tokio::spawn(logs.instrument(info_span!("task", stage = stage)))
            })
            .collect();
        start.wait();
        for task in tasks {
            task.await?;
        }
        Ok::<_, tokio::task::JoinError>(())
    })?;
    for thread in threads {
        thread.join().map_err(|_| std::io::Error::other("a thread has panicked"))?;
    }
    Ok(())
}

/// All threads come at once to the first macro of the process; there is no subscriber.
pub(crate) mod rush {
    use std::sync::{Arc, Barrier};

    use ups_track::metric;

    use super::THREADS;
    use crate::work::ROWS;

    #[ups_track::main(project = "ends", subscriber = false)]
    pub(crate) fn main() -> Result<(), String> {
        let start = Arc::new(Barrier::new(THREADS));
        let threads = (0_u64..).take(THREADS).map(|thread| {
            let start = Arc::clone(&start);
            std::thread::spawn(move || {
                start.wait();
                for count in 0..ROWS {
                    metric!(step = count, thread, count);
                }
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().map_err(|_| "a thread has panicked".to_owned())?;
        }
        Ok(())
    }
}

/// What happens before something else stands before it, whichever thread did it.
pub(crate) mod order {
    use std::sync::mpsc::channel;

    use ups_track::{Run, metric};

    /// Rounds of the game.
    const ROUNDS: u64 = 200;

    #[ups_track::main(project = "ends")]
    pub(crate) fn main() -> Result<(), String> {
        let run = Run::global().ok_or("no global run")?;
        let (to_other, other_hears) = channel::<u64>();
        let (to_us, we_hear) = channel();
        let others = run.clone();
        let other = std::thread::spawn(move || {
            for round in other_hears {
                others.summarize(&[(format!("who/{round}"), "other")]);
                others.update_config(&[(format!("round{round}"), true)]);
                if to_us.send(round).is_err() {
                    return;
                }
            }
        });
        for round in 0..ROUNDS {
            run.summarize(&[(format!("who/{round}"), "us")]);
            metric!(step = round, before = round);
            to_other.send(round).map_err(|e| e.to_string())?;
            we_hear.recv().map_err(|e| e.to_string())?;
            metric!(step = round, after = round);
        }
        drop(to_other);
        other.join().map_err(|_| "the other thread has panicked".to_owned())
    }
}
