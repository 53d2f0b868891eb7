//! Two runs in one process.

use tracing::{info, info_span};
use tracing_subscriber::prelude::*;
use ups_track::{Run, metric};

use crate::work::tell;

pub(crate) fn main(program: &str) -> Result<(), String> {
    let start = |id: &str| Run::builder().global(false).id(id).start().map_err(|e| e.to_string());
    let (one, two) = (start("one")?, start("two")?);
    match program {
        // Each thread is in a run of its own, for macros and plain spans alike.
        "apart" => {
            let threads = [("one", one.handle().clone(), 0..300), ("two", two.handle().clone(), 1000..1400)];
            let threads = threads.map(|(name, run, steps)| {
                std::thread::spawn(move || {
                    let _entered = run.enter();
                    let _subscriber =
                        tracing::subscriber::set_default(tracing_subscriber::registry().with(run.layer()));
                    let _stage = info_span!("stage", stage = name).entered();
                    for step in steps {
                        metric!(step = step, value = step);
                        run.log(step, &[("direct", f64::from(step))]);
                    }
                    run.summarize(&[("name", name)]);
                })
            });
            for thread in threads {
                thread.join().map_err(|_| "a thread has panicked".to_owned())?;
            }
        }
        // One subscriber has a layer of each.
        "together" => {
            let both = tracing_subscriber::registry().with(one.layer()).with(two.layer());
            tracing::subscriber::with_default(both, || {
                let _stage = info_span!("stage", stage = "both").entered();
                for step in 0..100_u64 {
                    info!(metric.value = step, step);
                }
            });
        }
        other => return Err(format!("there is no program `{other}`")),
    }
    for run in [one, two] {
        let finished = run.finish_with(if run.id() == "one" { 0 } else { 3 }).map_err(|e| e.to_string())?;
        tell(&format!("{} {}", finished.id(), finished.rows()));
    }
    Ok(())
}
