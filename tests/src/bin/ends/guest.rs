//! Programs that are not ours: with neighbours in their subscriber, without a run, with several, with a late one.

use std::fmt;
use std::process::ExitCode;
use std::sync::{Arc, Barrier};

use tracing::level_filters::LevelFilter;
use tracing::{error, info, info_span};
use tracing_subscriber::prelude::*;
use ups_track::{Run, RunConfig, config, metric, summary, table};

use crate::work::{loss, plain_work, rows, tell, work};

pub(crate) fn main(program: &str) -> ExitCode {
    match program {
        "library" => library(),
        "beside" => beside(),
        "loop" => repeated(|| start(None)),
        "init-loop" => repeated(|| Run::builder().init().map_err(|e| tell(&e.to_string())).ok()),
        "threads" => threads(),
        "inside" => inside::main(),
        "message-first" => message_first(),
        "value-first" => value_first(),
        "storm-plain" => storm(|step| info!(metric.loss = 0.5, step)),
        "storm-macros" => storm(|step| metric!(step, loss = step)),
        "neighbour" => neighbour(false),
        "neighbour-reload" => neighbour(true),
        "speaking-debug" => speaking_debug(),
        "thread-locals" => thread_locals(),
        "scope-err" => scopes(|| Err("as the test asks")),
        "scope-ok" => scopes(|| Ok(())),
        "scope-panic" => scopes(|| crate::attribute::die()),
        "failed-init" => return failed_init(),
        "strict" => strict(),
        "disabled" => disabled::main(),
        other => return crate::unknown(other),
    }
    ExitCode::SUCCESS
}

/// A run by `start`, told if it fails.
fn start(global: Option<bool>) -> Option<ups_track::RunGuard> {
    let builder = Run::builder();
    let builder = match global {
        Some(global) => builder.global(global),
        None => builder,
    };
    builder.start().map_err(|e| tell(&e.to_string())).ok()
}

/// A program that only uses a library which records.
fn library() {
    work();
    let mut evaluated = 0;
    metric!(
        step = 1,
        loss = {
            evaluated += 1;
            evaluated
        }
    );
    tell(&evaluated.to_string());
}

/// A run that is not in force, then entered.
fn beside() {
    let Some(run) = start(Some(false)) else { return };
    rows(0..10);
    run.scope(|_| work());
    rows(0..10);
}

/// Three runs one after the other.
fn repeated(start: impl Fn() -> Option<ups_track::RunGuard>) {
    for _ in 0..3 {
        let Some(run) = start() else { return };
        work();
        info!("a message");
        drop(run);
    }
}

/// Two runs in two threads, each with a thread that it carries its run to.
fn threads() {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let Some(run) = start(Some(false)) else { return };
                run.scope(|_| {
                    let half = std::thread::spawn(ups_track::carry(|| rows(0..50)));
                    rows(50..100);
                    drop(half.join());
                    summary!(score = 0.25);
                });
            });
        }
    });
}

mod inside {
    #[ups_track::main(project = "ends")]
    pub(super) fn main() {
        let Some(run) = super::start(None) else { return };
        super::rows(0..10);
        run.scope(|_| super::rows(0..20));
    }
}

/// The first ordinary message comes before the run, as in most programs.
fn message_first() {
    tracing_subscriber::registry().with(ups_track::layer()).init();
    info!("loading");
    let Some(run) = start(None) else { return };
    plain_work();
    drop(run);
}

/// Values come before the run.
fn value_first() {
    tracing_subscriber::registry().with(ups_track::layer()).init();
    info!(metric.early = 1.0, step = 1);
    let Some(run) = start(None) else { return };
    plain_work();
    drop(run);
}

/// The first values of eight threads come at once, and start the run.
fn storm(record: impl Fn(u64) + Sync) {
    tracing_subscriber::registry().with(ups_track::layer()).init();
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                (0..1000).for_each(&record);
            });
        }
    });
}

#[derive(RunConfig)]
struct Hyper {
    lr: f64,
}

#[derive(ups_track::Metrics)]
struct Row {
    loss: f64,
}

/// A neighbour in the subscriber that only wants warnings.
fn neighbour(reload: bool) {
    let writer = std::io::stderr;
    if reload {
        let (ours, _handle) = tracing_subscriber::reload::Layer::new(ups_track::layer());
        let fmt = tracing_subscriber::fmt::layer().with_writer(writer).with_filter(LevelFilter::WARN);
        tracing_subscriber::registry().with(ours).with(fmt).init();
    } else {
        let fmt = tracing_subscriber::fmt::layer().with_writer(writer).with_filter(LevelFilter::WARN);
        tracing_subscriber::registry().with(ups_track::layer()).with(fmt).init();
    }
    let Some(run) = start(None) else { return };
    let row = Row { loss: 0.5 };
    metric!(step = 1, ..row);
    error!("after a row");
    config!(..Hyper { lr: 0.1 });
    error!("after a config");
    table!(cases = [("a", 1.0)].map(|(name, value)| Case { name, value }));
    error!("after a table");
    metric!(step = 2, loss = row.loss);
    error!("after a metric");
    summary!(score = 0.5);
    error!("after a summary");
    let stage = info_span!("stage", stage = "operator").entered();
    let carried = std::thread::spawn(ups_track::carry(|| metric!(step = 1, carried = loss(1))));
    drop(carried.join());
    drop(stage);
    drop(run);
}

#[derive(ups_track::TableRow)]
struct Case {
    name: &'static str,
    value: f64,
}

/// A value whose `Debug` records and says something.
struct Speaks;

impl fmt::Debug for Speaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!("inside");
        info!(metric.inside = 1.0, step = 1);
        metric!(step = 2, inside = loss(2));
        f.write_str("speaks")
    }
}

fn speaking_debug() {
    tracing_subscriber::registry().with(ups_track::layer()).init();
    let Some(run) = start(None) else { return };
    info!(value = ?Speaks, "outside");
    info!(metric.outside = ?Speaks, step = 3);
    let _stage = info_span!("stage", stage = ?Speaks).entered();
    drop(run);
}

/// What a thread leaves behind records as well.
fn thread_locals() {
    struct Leaves;
    impl Drop for Leaves {
        fn drop(&mut self) {
            metric!(step = 1, left = loss(1));
            info!(metric.left = 2.0, step = 2);
        }
    }
    thread_local! {
        static LEAVES: Leaves = const { Leaves };
    }
    tracing_subscriber::registry().with(ups_track::layer()).init();
    let Some(run) = start(None) else { return };
    let thread = std::thread::spawn(|| {
        LEAVES.with(|_| ());
        metric!(step = 0, left = loss(0));
    });
    drop(thread.join());
    drop(run);
}

fn scopes(end: impl Fn() -> Result<(), &'static str> + Send + Sync + 'static) {
    let end = Arc::new(end);
    let worked = std::thread::spawn(move || {
        let Some(run) = start(Some(false)) else { return };
        let _ = run.scope(|_| {
            work();
            end()
        });
    });
    drop(worked.join());
}

/// A mistake that is a panic: whoever is told of it, by a hook, may record meanwhile.
fn strict() {
    let Ok(run) = Run::builder().strict(true).global(true).start() else { return };
    tracing_subscriber::registry().with(ups_track::layer()).init();
    std::panic::set_hook(Box::new(|_| {
        let (told, hears) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            metric!(step = 1, other = loss(1));
            let _ = told.send(());
        });
        let is_free = hears.recv_timeout(std::time::Duration::from_secs(5)).is_ok();
        tell(if is_free { "free" } else { "stuck" });
        drop(other);
    }));
    let panics = std::thread::spawn(|| metric!(step = 1, ..[("a b ", loss(1))]));
    drop(panics.join());
    drop(run);
}

mod disabled {
    #[ups_track::main(project = "ends")]
    pub(super) fn main() {
        for step in 0..3 {
            tracing::info!(metric.loss = "high", step, "a message");
        }
    }
}

/// A start that fails leaves nothing behind: the program goes on with a subscriber of its own.
fn failed_init() -> ExitCode {
    if Run::builder().project("a/b").init().is_ok() {
        return ExitCode::from(1);
    }
    if tracing_subscriber::registry().try_init().is_err() {
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}
