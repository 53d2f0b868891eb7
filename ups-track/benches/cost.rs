//! What recording costs, with the floor measured in the same run.
//!
//! ```text
//! cargo bench -p ups-track --bench cost            # everything
//! cargo bench -p ups-track --bench cost -- row     # what matches
//! ```
//!
//! A row is three numbers and a step, inside a stage; plain events have a registry with our layer. Machines differ
//! and are noisy: compare a line with its floor, not with another machine's. For instructions per row see
//! `benches/instructions.sh`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for the developers")]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tracing::{Subscriber, info, info_span};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use ups_track::{Child, Key, Metrics, Mode, Run, RunGuard, TrackCommand as _, metric, track_stage};

#[inline(never)]
fn row(i: u64) {
    let x = black_box(1.0 / (i as f64 + 1.0));
    metric!(step = i, loss = x, lr = 1e-3 * x, grad_norm = 0.5 + x);
}

#[derive(Metrics)]
struct Row {
    loss: f64,
    lr: f64,
    grad_norm: f64,
}

/// The same row as a struct.
#[inline(never)]
fn struct_row(i: u64) {
    let x = black_box(1.0 / (i as f64 + 1.0));
    metric!(step = i, ..Row { loss: x, lr: 1e-3 * x, grad_norm: 0.5 + x });
}

const LOSS: Key = Key::new("loss");

/// The same row with a `Key`.
#[inline(never)]
fn key_row(i: u64) {
    let x = black_box(1.0 / (i as f64 + 1.0));
    metric!(step = i, { LOSS } = x, lr = 1e-3 * x, grad_norm = 0.5 + x);
}

/// The same row as a plain event.
#[inline(never)]
fn plain_row(i: u64) {
    let x = black_box(1.0 / (i as f64 + 1.0));
    info!(metric.loss = x, metric.lr = 1e-3 * x, metric.grad_norm = 0.5 + x, step = i);
}

#[inline(never)]
fn stage(i: u64) {
    let _stage = info_span!("train", stage = "operator").entered();
    black_box(i);
}

#[track_stage("operator")]
#[inline(never)]
fn attribute_stage(i: u64) {
    black_box(i);
}

/// The floor: a layer that reads the fields and drops them.
struct ReadFields;

struct Fields([f64; 4], usize);

impl tracing::field::Visit for Fields {
    fn record_f64(&mut self, _: &tracing::field::Field, v: f64) {
        if let Some(place) = self.0.get_mut(self.1) {
            *place = v;
            self.1 += 1;
        }
    }
    fn record_u64(&mut self, field: &tracing::field::Field, v: u64) {
        self.record_f64(field, v as f64);
    }
    fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn std::fmt::Debug) {}
}

impl<S: Subscriber> Layer<S> for ReadFields {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields([0.0; 4], 0);
        event.record(&mut fields);
        black_box(&fields.0);
    }
}

/// The floor of a stage: a span with two clock reads, times kept in the span's extensions.
struct TimeSpans;

struct Entered(Instant);

impl<S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>> Layer<S> for TimeSpans {
    fn on_new_span(&self, _: &tracing::span::Attributes<'_>, id: &tracing::Id, context: Context<'_, S>) {
        context.span(id).unwrap().extensions_mut().insert(Entered(Instant::now()));
    }
    fn on_close(&self, id: tracing::Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        let time = span.extensions().get::<Entered>().map(|entered| entered.0.elapsed());
        black_box(time);
    }
}

fn start(dir: &Path) -> RunGuard {
    Run::builder().project("bench").mode(Mode::Offline).dir(dir).quiet(true).global(false).start().unwrap()
}

/// A run that every thread records into.
fn start_global(dir: &Path) -> RunGuard {
    Run::builder().project("bench").mode(Mode::Offline).dir(dir).quiet(true).start().unwrap()
}

fn percentile(sorted: &[f64], p: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let at = ((sorted.len() - 1) as f64 * p) as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// Nanoseconds per call, back to back: blocks of 100 calls, `(p50, p99)` of the blocks' means.
fn hot(calls: u64, mut f: impl FnMut(u64)) -> (f64, f64) {
    let mut blocks = Vec::new();
    for block in 0..calls / 100 {
        let begin = Instant::now();
        for i in 0..100 {
            f(block * 100 + i);
        }
        blocks.push(begin.elapsed().as_nanos() as f64 / 100.0);
    }
    blocks.sort_by(f64::total_cmp);
    (percentile(&blocks, 0.5), percentile(&blocks, 0.99))
}

/// Nanoseconds per call, one every two milliseconds, asleep in between: `(p50, p99)`.
fn paced(calls: u64, mut f: impl FnMut(u64)) -> (f64, f64) {
    let mut times = Vec::new();
    for i in 0..calls {
        std::thread::sleep(Duration::from_millis(2));
        let begin = Instant::now();
        f(i);
        times.push(begin.elapsed().as_nanos() as f64);
    }
    times.sort_by(f64::total_cmp);
    (percentile(&times, 0.5), percentile(&times, 0.99))
}

/// CPU time of this process in nanoseconds, threads that have ended included.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may hold anything: user and system time are fields 14 and 15, in hundredths of a second.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) * 1e7
}

/// A figure of `/proc/self/status` in kB.
fn status(name: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0.0)
}

fn line(name: &str, value: &str, goal: &str) {
    println!("{name:52} {value:>22}   {goal}");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if let [mode, dir] = arguments.as_slice()
        && mode == "one-row-process"
    {
        return one_row(Path::new(dir));
    }
    if let [mode, rows, dir] = arguments.as_slice()
        && mode == "rows-process"
    {
        return rows_for_instructions(rows.parse().unwrap(), Path::new(dir));
    }
    if let [mode, rows] = arguments.as_slice()
        && mode == "attached-process"
    {
        return attached_rows(rows.parse().unwrap());
    }
    // Each group in a process of its own: what one leaves behind shall not change another.
    let groups: [(&str, fn()); 11] = [
        ("row", rows),
        ("forms", forms),
        ("attached", attached),
        ("paced", paced_rows),
        ("stage", stages),
        ("disabled", disabled),
        ("process", process),
        ("memory", memory),
        ("births, one after another", short_threads),
        ("births, at once", live_threads),
        ("births, rows in a hurry", many_threads),
    ];
    if let [mode, name] = arguments.as_slice()
        && mode == "only"
    {
        let group = groups.iter().find(|(group, _)| group == name);
        return group.map_or((), |(_, run)| run());
    }
    line("what", "measured", "goal");
    for (name, _) in groups {
        if arguments.is_empty() || arguments.iter().any(|a| name.contains(a.as_str())) {
            let this = std::env::current_exe().unwrap();
            assert!(Command::new(this).args(["only", name]).status().unwrap().success());
        }
    }
}

fn rows() {
    let floor =
        tracing::subscriber::with_default(Registry::default().with(ReadFields), || hot(1_000_000, plain_row));
    let dir = tempfile::tempdir().unwrap();
    let run = start(dir.path());
    let total = 2_000_000;
    let before = cpu();
    let ours = run.scope(|_| in_stage(|| hot(total, row)));
    let finished = run.finish().unwrap();
    let spent = (cpu() - before) / total as f64;
    assert_eq!(finished.rows(), total);
    line("row, back to back, p50 / p99", &format!("{:.0} / {:.0} ns", ours.0, ours.1), "<= 60 ns (p50)");
    line("  floor: a layer that reads the fields", &format!("{:.0} / {:.0} ns", floor.0, floor.1), "");
    line("  ratio to the floor, p50", &format!("{:.1}", ours.0 / floor.0), "");
    line("row, CPU of all threads", &format!("{spent:.0} ns"), "<= 600 ns");
    let log = std::fs::read_dir(finished.dir().unwrap())
        .unwrap()
        .flatten()
        .find(|e| e.path().extension().is_some_and(|x| x == "wandb"));
    let bytes = log.unwrap().metadata().unwrap().len() as f64 / total as f64;
    line("row, bytes in the log", &format!("{bytes:.0} B"), "<= 220 B");
}

#[track_stage("train")]
fn in_stage<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// The other forms of a row, beside the named one.
fn forms() {
    let dir = tempfile::tempdir().unwrap();
    let run = start(dir.path());
    let rows = 500_000;
    let named = run.scope(|_| in_stage(|| hot(rows, row)));
    let with = |f: fn(u64)| run.scope(|_| in_stage(|| hot(rows, f)));
    let told = |name: &str, time: (f64, f64), goal: &str| {
        let ratio = time.0 / named.0;
        line(name, &format!("{:.0} ns, {ratio:.1} x", time.0), goal);
    };
    told("row, named, p50", named, "");
    told("row of a struct (`..row`)", with(struct_row), "<= 1.2 x");
    told("row with a `Key`", with(key_row), "<= 1.2 x");
    let direct = |i: u64| {
        let x = black_box(1.0 / (i as f64 + 1.0));
        run.log(i, &Row { loss: x, lr: 1e-3 * x, grad_norm: 0.5 + x });
    };
    told("row of a struct (`Run::log`)", run.scope(|_| in_stage(|| hot(rows, direct))), "<= 1.2 x");
    let pair = |i: u64| run.log(i, &[("loss", black_box(1.0 / (i as f64 + 1.0)))]);
    told("`Run::log` of one pair", run.scope(|_| in_stage(|| hot(rows, pair))), "<= 3 x");
    let keys: Vec<String> = (0..1000).map(|n| format!("layer{n}/norm")).collect();
    let wide = |i: u64| {
        let values: Vec<_> = keys.iter().map(|key| (key.as_str(), i as f64)).collect();
        run.log(i, &values);
    };
    let spent = hot(2_000, wide).0 / 1000.0;
    line("`Run::log` of 1,000 keys, a value", &format!("{spent:.0} ns"), "<= 60 ns");
    let floor =
        tracing::subscriber::with_default(Registry::default().with(ReadFields), || hot(rows, plain_row));
    let layer = Registry::default().with(run.layer());
    let plain = tracing::subscriber::with_default(layer, || {
        let _stage = info_span!("train", stage = "train").entered();
        hot(rows, plain_row)
    });
    let ratio = plain.0 / floor.0;
    line(
        "row as a plain event, beside a layer that reads",
        &format!("{:.0} ns, {ratio:.1} x", plain.0),
        "<= 1.6 x",
    );
}

/// What a child of another process's run pays, and what that process pays for the merge.
fn attached() {
    let total: u32 = 2_000_000;
    let dir = tempfile::tempdir().unwrap();
    let run = start(dir.path());
    let this = std::env::current_exe().unwrap();
    let before = cpu();
    let mut command = Command::new(this);
    command.args(["attached-process", &total.to_string()]);
    assert!(command.track(&run, Child::Attached).status().unwrap().success());
    let finished = run.finish().unwrap();
    let spent = (cpu() - before) / f64::from(total);
    assert_eq!(finished.rows(), u64::from(total));
    line("merged row, CPU of the parent", &format!("{spent:.0} ns"), "<= 1000 ns");
}

fn attached_rows(rows: u64) {
    let run = Run::from_env().unwrap();
    assert!(run.is_attached());
    let before = cpu();
    let ours = run.scope(|_| in_stage(|| hot(rows, row)));
    assert_eq!(run.finish().unwrap().rows(), rows);
    let spent = (cpu() - before) / rows as f64;
    line("attached row, p50 / p99", &format!("{:.0} / {:.0} ns", ours.0, ours.1), "as a row");
    line("attached row, CPU of all threads of the child", &format!("{spent:.0} ns"), "as a row");
}

fn paced_rows() {
    let floor =
        tracing::subscriber::with_default(Registry::default().with(ReadFields), || paced(1000, plain_row));
    let dir = tempfile::tempdir().unwrap();
    let run = start(dir.path());
    let ours = run.scope(|_| in_stage(|| paced(2000, row)));
    line("row, one every 2 ms, p50 / p99", &format!("{:.0} / {:.0} ns", ours.0, ours.1), "<= 1000 / 6000 ns");
    line("  floor: a layer that reads the fields", &format!("{:.0} / {:.0} ns", floor.0, floor.1), "");
}

fn stages() {
    let floor =
        tracing::subscriber::with_default(Registry::default().with(TimeSpans), || hot(500_000, stage));
    let dir = tempfile::tempdir().unwrap();
    let run = start(dir.path());
    let layer = || Registry::default().with(run.layer());
    let plain = tracing::subscriber::with_default(layer(), || hot(500_000, stage));
    let alone = run.scope(|_| hot(500_000, attribute_stage));
    let looked_at = tracing::subscriber::with_default(Registry::default().with(Looks), || {
        run.scope(|_| hot(500_000, attribute_stage))
    });
    let told = |name: &str, time: (f64, f64), goal: &str| {
        line(name, &format!("{:.0} ns, {:.1} x", time.0, time.0 / floor.0), goal);
    };
    line("stage: registry span with two clock reads, p50", &format!("{:.0} ns", floor.0), "the floor");
    told("stage by a plain span", plain, "<= 1.4 x");
    told("stage by attribute, others look at spans", looked_at, "<= 1.4 x");
    told("stage by attribute, nobody looks", alone, "<= 0.7 x");
}

/// Somebody who wants spans, and does nothing with them.
struct Looks;

impl<S: Subscriber> Layer<S> for Looks {}

fn disabled() {
    let floor = hot(5_000_000, |i| {
        black_box((i, 1.0 / (i as f64 + 1.0)));
    });
    let none = hot(5_000_000, row);
    let dir = tempfile::tempdir().unwrap();
    let run = Run::builder().mode(Mode::Disabled).dir(dir.path()).quiet(true).start().unwrap();
    let off = tracing::subscriber::with_default(Registry::default().with(ups_track::layer()), || {
        hot(5_000_000, row)
    });
    drop(run);
    line("  floor: the loop and its division", &format!("{:.1} ns", floor.0), "");
    line("row, no run, p50", &format!("{:.1} ns", none.0), "<= 2 ns");
    line("row, mode disabled, p50", &format!("{:.1} ns", off.0), "<= 3 ns");
}

fn one_row(dir: &Path) {
    let run = start(dir);
    run.scope(|_| row(1));
    assert_eq!(run.finish().unwrap().rows(), 1);
}

/// As a program does it: one global subscriber.
fn rows_for_instructions(rows: u64, dir: &Path) {
    let run = start(dir);
    run.scope(|_| in_stage(|| (0..rows).for_each(row)));
}

fn process() {
    let this = std::env::current_exe().unwrap();
    let time = |arguments: &[&str]| {
        let mut times: Vec<f64> = (0..21)
            .map(|_| {
                let begin = Instant::now();
                assert!(Command::new(&this).args(arguments).status().unwrap().success());
                begin.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        percentile(&times, 0.5)
    };
    let dir = tempfile::tempdir().unwrap();
    let ours = time(&["one-row-process", dir.path().to_str().unwrap()]);
    let floor = {
        let mut times: Vec<f64> = (0..21)
            .map(|_| {
                let begin = Instant::now();
                assert!(Command::new("true").status().unwrap().success());
                begin.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        percentile(&times, 0.5)
    };
    line("start, one row, finish, whole process", &format!("{ours:.1} ms"), "<= 10 ms");
    line("  floor: a process that does nothing", &format!("{floor:.1} ms"), "");
}

fn memory() {
    let before = status("VmRSS");
    let dir = tempfile::tempdir().unwrap();
    let run = start(dir.path());
    let mut early = 0.0;
    let rows = 10_000_000;
    run.scope(|_| {
        in_stage(|| {
            for i in 0..rows {
                row(i);
                if i == rows / 10 {
                    early = status("VmRSS");
                }
            }
        });
    });
    let late = status("VmRSS");
    line(
        "memory over the program's own, after 1 M rows",
        &format!("{:.1} MB", (early - before) / 1e3),
        "<= 8 MB",
    );
    line(
        "memory over the program's own, after 10 M rows",
        &format!("{:.1} MB", (late - before) / 1e3),
        "flat",
    );
    drop(run);
}

/// What a thread does: the row, or what the row would be made of.
#[inline(never)]
fn no_row(i: u64) {
    let x = black_box(1.0 / (i as f64 + 1.0));
    black_box((i, x, 1e-3 * x, 0.5 + x));
}

/// Microseconds per thread, one after another.
fn births(threads: u64, work: fn(u64)) -> f64 {
    let begin = Instant::now();
    for i in 0..threads {
        std::thread::spawn(move || work(i)).join().unwrap();
    }
    begin.elapsed().as_secs_f64() * 1e6 / threads as f64
}

/// Ten thousand threads with a row each, in turns with threads that log nothing.
fn short_threads() {
    births(2000, no_row);
    let before = status("VmRSS");
    let dir = tempfile::tempdir().unwrap();
    let run = start_global(dir.path());
    let (mut floor, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        floor.push(births(500, no_row));
        ours.push(births(500, row));
    }
    let most = status("VmHWM") - before;
    assert_eq!(run.finish().unwrap().rows(), 10_000);
    floor.sort_by(f64::total_cmp);
    ours.sort_by(f64::total_cmp);
    let (floor, ours) = (percentile(&floor, 0.5), percentile(&ours, 0.5));
    line("10,000 threads with a row each, memory", &format!("{:.1} MB", most / 1e3), "<= 16 MB");
    line("  a thread with a row", &format!("{ours:.1} us"), "");
    line("  floor: a thread without", &format!("{floor:.1} us"), "");
    line("  ratio to the floor", &format!("{:.2}", ours / floor), "<= 1.3");
}

/// A thousand threads at once, with a thousand rows each.
fn live_threads() {
    const THREADS: usize = 1000;
    let memory = |work: fn(u64)| {
        let (done, go) = (std::sync::Barrier::new(THREADS + 1), std::sync::Barrier::new(THREADS + 1));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    (0..1000).for_each(work);
                    done.wait();
                    go.wait();
                });
            }
            done.wait();
            let memory = status("VmRSS");
            go.wait();
            memory
        })
    };
    memory(no_row);
    let before = memory(no_row);
    let dir = tempfile::tempdir().unwrap();
    let run = start_global(dir.path());
    let most = memory(row).max(status("VmHWM"));
    assert_eq!(run.finish().unwrap().rows(), 1_000_000);
    line(
        "1,000 threads with 1,000 rows each, memory",
        &format!("{:.1} MB", (most - before) / 1e3),
        "<= 64 MB",
    );
}

/// As fast as the writer can, from one thread and from sixteen.
fn many_threads() {
    let dir = tempfile::tempdir().unwrap();
    let rate = |threads: u64| {
        let total = 1_600_000;
        let run = start(dir.path());
        let begin = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| run.scope(|_| (0..total / threads).for_each(row)));
            }
        });
        assert_eq!(run.finish().unwrap().rows(), total);
        total as f64 / begin.elapsed().as_secs_f64() / 1e6
    };
    let (mut one, mut sixteen) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        one.push(rate(1));
        sixteen.push(rate(16));
    }
    one.sort_by(f64::total_cmp);
    sixteen.sort_by(f64::total_cmp);
    let (one, sixteen) = (percentile(&one, 0.5), percentile(&sixteen, 0.5));
    line("rows into the log from 16 threads", &format!("{sixteen:.2} M/s"), "as from one");
    line("  from one thread", &format!("{one:.2} M/s"), "");
}
