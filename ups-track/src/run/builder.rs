//! Starting a run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::attach::begin_attached;
use super::end::Ending;
use super::uplink::{Uplink, Way};
use super::writer::Writer;
use super::{Inner, Live, Pipeline, Run, RunGuard, earlier, environment};
use crate::os::clock::Timeline;
use crate::os::files::write_whole;
use crate::rundir::RunDir;
use crate::rundir::Surroundings;
use serde_json::{Map, Value};

use crate::context::{Context, ContextFile};
use crate::ends;
use crate::error::{Error, Kind, Result};
use crate::kinds::config::RunConfig;
use crate::ledger::{RankMark, config_items, scrub, timestamp};
use crate::log::LogWriter;
use crate::log::record;
use crate::merge::Merger;
use crate::os::lock::Lock;
use crate::os::ours;
use crate::ranks::RankOptions;
use crate::recorder::{Drive, Recorder, force};
use crate::settings::CHILD;
use crate::settings::{Mode, Overrides, Resume, Settings, Sources, resolve};
use crate::{say, secrets};

/// Sets what the environment does not, and starts a run.
///
/// What is not set here comes from the `WANDB_*` environment variables, then from W&B's settings files
/// (`wandb/settings`, `~/.config/wandb/settings`), then from defaults.
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until `start` is called"]
pub struct RunBuilder {
    pub(super) overrides: Overrides,
    pub(super) global: Option<bool>,
    pub(super) context: Option<Context>,
    pub(super) context_file: Option<ContextFile>,
    /// The context file that shall tell of the run.
    pub(super) writes: Option<PathBuf>,
    pub(super) ranks: Option<RankOptions>,
}

macro_rules! text_setters {
    ($($(#[$doc:meta])* $name:ident => $field:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(mut self, value: impl Into<String>) -> Self {
            self.overrides.$field = Some(value.into());
            self
        }
    )*};
}

impl RunBuilder {
    text_setters! {
        /// Sets the project (`WANDB_PROJECT`): at most 128 characters, none of `/ \ # ? % :`.
        project => project,
        /// Sets the entity, a user or team (`WANDB_ENTITY`).
        entity => entity,
        /// Sets the run's id (`WANDB_RUN_ID`): unique in its project, none of `: ; , # ? / '`.
        id => run_id,
        /// Sets the name that people see (`WANDB_NAME`).
        name => name,
        /// Sets notes (`WANDB_NOTES`).
        notes => notes,
        /// Sets the group that ties runs together (`WANDB_RUN_GROUP`).
        group => group,
        /// Sets the job type, such as `train` or `eval` (`WANDB_JOB_TYPE`).
        job_type => job_type,
        /// Rewinds a run: `<run id>?_step=<row>` (`WANDB_RESUME_FROM`).
        resume_from => resume_from,
        /// Forks another run: `<run id>?_step=<row>` (`WANDB_FORK_FROM`).
        fork_from => fork_from,
    }

    /// Sets the tags (`WANDB_TAGS`), 1 to 64 characters each.
    pub fn tags<T: AsRef<str>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.overrides.tags = Some(tags.into_iter().map(|tag| tag.as_ref().to_owned()).collect());
        self
    }

    /// Adds a config, such as a struct with `#[derive(RunConfig)]`.
    pub fn config(mut self, config: &(impl RunConfig + ?Sized)) -> Self {
        self.overrides.config.extend(config.entries());
        self
    }

    /// Sets the directory below which `wandb/` is (`WANDB_DIR`); the current directory by default.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.overrides.dir = Some(dir.into());
        self
    }

    /// Sets the mode (`WANDB_MODE`).
    pub fn mode(mut self, mode: Mode) -> Self {
        self.overrides.mode = Some(mode);
        self
    }

    /// Sets what happens when the server already has a run of this id (`WANDB_RESUME`).
    pub fn resume(mut self, resume: Resume) -> Self {
        self.overrides.resume = Some(resume);
        self
    }

    /// Sets whether `tracing` events become W&B console output (`WANDB_CONSOLE=off`); on by default.
    pub fn console(mut self, console: bool) -> Self {
        self.overrides.console = Some(console);
        self
    }

    /// Sets whether to print nothing at the start and the end (`WANDB_QUIET`).
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.overrides.quiet = Some(quiet);
        self
    }

    /// Sets whether a mistake that only running can show, such as text as a metric in a plain event, is a panic where it is
    /// made (`UPS_TRACK_STRICT`): for tests. Otherwise it is said once per callsite, and counted.
    pub fn strict(mut self, strict: bool) -> Self {
        self.overrides.strict = Some(strict);
        self
    }

    /// Sets how long data may stay in memory (`WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL`): what `kill -9` loses at
    /// most; 100 ms by default, from 1 ms to an hour.
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.overrides.flush_interval = Some(interval);
        self
    }

    /// Sets whether this is the global run: the one in force where a thread has not [entered](Run::enter) another. By default
    /// it is if no other open run is.
    pub fn global(mut self, global: bool) -> Self {
        self.global = Some(global);
        self
    }

    /// Records into the run of this context, whatever the environment says: as a child of that run, if its directory is
    /// on this machine, or else as one more part of it, which the server appends.
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// Sets what this process does with the context file that `WANDB_CONTEXT_FILE` names (`UPS_TRACK_CONTEXT`), where it may not be
    /// there: [`ContextFile::Required`] by default.
    pub fn context_file(mut self, file: ContextFile) -> Self {
        self.context_file = Some(file);
        self
    }

    /// Sets how long the end of a run waits for an upload that makes no progress (`UPS_TRACK_FINISH_PATIENCE`, seconds):
    /// 30 s by default. What is then not on the server is in the log, and `ups-track sync` sends it. `WANDB_FINISH_TIMEOUT`
    /// limits the wait in all.
    pub fn finish_patience(mut self, patience: Duration) -> Self {
        self.overrides.finish_patience = Some(patience);
        self
    }

    /// Sets how many bytes of saved files, all together, this process copies at its end where the file system has no cheaper way
    /// (`UPS_TRACK_COPY_LIMIT`, such as `20G`): 1 GB by default. See [`save_file`](Run::save_file).
    pub fn copy_limit(mut self, bytes: u64) -> Self {
        self.overrides.copy_limit = Some(bytes);
        self
    }

    /// Sets what the ranks of a group that a launcher has started do with the run (`UPS_TRACK_RANKS`):
    /// [`Ranks::First`](crate::Ranks::First) by default.
    pub fn ranks(mut self, ranks: impl Into<RankOptions>) -> Self {
        self.ranks = Some(ranks.into());
        self
    }

    /// Starts the run. It ends when the guard is dropped or finished.
    ///
    /// If `WANDB_CONTEXT_FILE` is set (and `UPS_TRACK_CHILD` is not `linked`), the run is that of the context, unless
    /// [`id`](Self::id) asks for another one, or [`global(false)`](Self::global) for one beside it. Config and tags that
    /// were set here are then added to that run; a name, notes or a job type are for a run of its own, and left out.
    ///
    /// If a launcher such as `torchrun` or `srun` has started this process as one of several, [`ranks`](Self::ranks)
    /// decides whether it records: by default the run of every rank but 0 is [disabled](Run::is_disabled).
    ///
    /// # Errors
    ///
    /// If a setting is bad (the error names it, its value and the rule), the variables of a launcher do not fit together,
    /// the context file is bad or its run is gone, the directory of a run of its own cannot be made (an attached child that
    /// has no place to record to is [disabled](Run::is_disabled), with a warning), or `global(true)` was asked for while another global run is open.
    pub fn start(self) -> Result<RunGuard> {
        if self.global == Some(false) {
            return self.start_now();
        }
        // What other threads record meanwhile waits for this run.
        force::starting(|| self.start_now())
    }

    fn start_now(mut self) -> Result<RunGuard> {
        super::global::check(self.global)?;
        let mut sources = Sources::process();
        let place = self.take_place(&sources)?;
        let mut settings = resolve(&self.overrides, &mut sources)?;
        say::set_silent(settings.silent);
        let place = self.settle_place(place, &mut settings, &sources)?;
        let is_attached = place.context.as_ref().is_some_and(|context| context.dir().is_some());
        let elsewhere = place.context.as_ref().is_some_and(|context| context.dir().is_none());
        // Who records into another process's run sends nothing.
        let way = if is_attached { None } else { Way::find(&mut settings, &sources)? };
        let attached = place.context.as_ref().and_then(|context| Some((context, context.dir()?)));
        if let Some(root) = attached.and_then(|(_, dir)| dir.parent()) {
            // Where runs of further processes go.
            root.clone_into(&mut settings.root_dir);
        }
        if elsewhere && matches!(settings.mode, Mode::Online | Mode::Shared) {
            // The run has an owner where this process cannot reach it: the server puts together what both send.
            settings.mode = Mode::Shared;
            (settings.uplink.part.primary, settings.uplink.part.finishes) = (false, false);
        }
        if elsewhere {
            // What the run is called, and what it belongs to, its owner says.
            (settings.name, settings.notes, settings.job_type) = (None, None, None);
            (settings.group, settings.sweep_id) = (None, None);
        }
        let run = if settings.mode == Mode::Disabled {
            Run(Arc::new(Inner::disabled(&settings)))
        } else {
            // A child of another process is worth more than what it records.
            let is_child =
                sources.var(CHILD).is_some_and(|kind| kind.value == "attached") || attached.is_some();
            let begun = match attached {
                Some((context, dir)) => begin_attached(&settings, context, dir),
                None => begin(&settings, sources, way),
            };
            Run(Arc::new(match begun {
                Err(e) if is_child && e.is_of_system() => untracked(&settings, &e),
                begun => begun?,
            }))
        };
        run.give_home();
        // From here on a run that cannot stay is ended, too.
        let run = RunGuard::new(run);
        if let Some(meeting) = place.meeting.filter(|_| !run.is_disabled())
            && let Err(e) = meeting.open(|path| run.save_context(path).map(drop))
        {
            say::warning(&format!(
                "the other ranks cannot find run `{}` and record runs of their own: {}",
                run.id(),
                e.with_cause()
            ));
        }
        if run.is_attached() {
            self.tell_parent(&run);
        }
        self.write_context(&run);
        super::global::claim(&run, self.global)?;
        if let Some(recorder) = run.recorder() {
            ends::watch(recorder.uid, Arc::new(run.handle().clone()));
        }
        if run.is_global()
            && !settings.quiet
            && !run.is_attached()
            && let (Some(dir), false, Mode::Offline) = (run.dir(), settings.mode_given, settings.mode)
        {
            let why = if cfg!(feature = "online") { " (there is no API key)" } else { "" };
            let dir = dir.display();
            say::note(&format!("recording offline{why} in {dir}; upload it later with `ups-track sync`"));
        }
        Ok(run)
    }
}

/// The run of a child that has no place to record to.
fn untracked(settings: &Settings, e: &Error) -> Inner {
    say::warning(&format!(
        "this process records for another one, and cannot: {}; it goes on, and records nothing",
        e.with_cause()
    ));
    Inner::disabled(settings)
}

/// Makes directory, log and thread.
fn begin(settings: &Settings, sources: Sources, way: Option<Way>) -> Result<Inner> {
    let time = Timeline::begin();
    let start = time.start_wall();
    let dir =
        RunDir::create(settings, start / 1_000_000_000).map_err(|e| e.into_no_place(&settings.root_dir))?;
    let log = LogWriter::create(&dir.log)
        .map_err(|e| Error::io("create the log", &dir.log, e).into_no_place(&settings.root_dir))?;
    let recorder = open_recorder(&dir, settings);
    let mut config = settings.config.clone();
    for (name, value) in &mut config {
        secrets::scrub(name, value);
    }
    let run = run_record(settings, &sources, &config, start);
    let mut writer = Writer::new(
        Arc::clone(&recorder),
        Box::new(log),
        Surroundings::new(Some(dir.clone()), run.clone()),
        time,
    );
    let pipeline = Pipeline::default();
    writer.merger = Some(Merger::new(&dir.path, &settings.run_id, pipeline.expected()));
    // Without a lock (a file system may have none) a merge elsewhere does not know that the run goes on.
    writer.lock = Lock::take(dir.lock_dir()).ok().flatten().map(Lock::not_for_forks);
    writer.ledger.begin_config(config);
    if goes_on(settings) {
        writer.ledger.goes_on(earlier::summary(&settings.root_dir, &settings.run_id, &dir.path));
    }
    first_records(&mut writer, settings, &sources, run, start);
    if let Some(mark) = settings.rank.clone() {
        writer.rank = Some(mark.rank());
        writer.ledger.of_rank(mark);
    }
    if settings.resume == Some(Resume::Auto) {
        let state = serde_json::json!({ "run_id": settings.run_id }).to_string();
        // Losing it means a new run next time, not lost data.
        drop(write_whole(&settings.root_dir.join(&settings.resume_file), state.as_bytes()));
    }

    // The log has its first records.
    let uplink = way.map(|way| Uplink::start(way, settings, sources, &dir)).transpose()?;
    start_writer(settings, recorder, writer, dir, pipeline, uplink)
}

/// Whether the run may have an earlier part that counts. Of one that was taken back to a step nobody here knows what was
/// before that.
fn goes_on(settings: &Settings) -> bool {
    matches!(settings.resume, Some(Resume::Allow | Resume::Must | Resume::Auto)) && settings.branch.is_none()
}

/// The recorder of a log in this directory.
pub(super) fn open_recorder(dir: &RunDir, settings: &Settings) -> Arc<Recorder> {
    let recorder = Recorder::labelled(settings.rank.as_ref().map_or("", RankMark::label));
    recorder.set_strict(settings.strict);
    if let Ok(file) = std::fs::File::create(&dir.debug_log) {
        say::add_log(recorder.uid, file);
    }
    recorder
}

/// Starts the thread that writes the log.
pub(super) fn start_writer(
    settings: &Settings,
    recorder: Arc<Recorder>,
    writer: Writer,
    dir: RunDir,
    pipeline: Pipeline,
    uplink: Option<Uplink>,
) -> Result<Inner> {
    let ending = Arc::new(Ending::default());
    let tick = settings.flush_interval / 2;
    let summary_interval = settings.summary_interval;
    let thread_ending = Arc::clone(&ending);
    let thread_recorder = Arc::clone(&recorder);
    std::thread::Builder::new()
        .name("ups-track".into())
        .spawn(move || {
            // Nothing that the writer does may come back to it through `tracing`.
            ours::claim();
            let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                writer.run(&thread_ending, tick, summary_interval);
            }));
            if written.is_err() {
                thread_recorder.set_state(crate::recorder::State::Failed);
                say::warning("the writer thread has panicked: this is a bug in ups-track; the log ends here");
            }
            thread_ending.gone();
        })
        .map_err(Kind::Thread)?;
    recorder.set_driver(Box::new(Nudge(Arc::clone(&ending))));
    Ok(Inner::live(settings, Live { recorder, ending, dir, pipeline, uplink }))
}

/// Wakes the writer thread.
#[derive(Debug)]
struct Nudge(Arc<Ending>);

impl Drive for Nudge {
    fn drain_soon(&self) {
        self.0.nudge();
    }
}

/// The records every log begins with.
fn first_records(writer: &mut Writer, settings: &Settings, sources: &Sources, run: record::Run, start: u64) {
    let output = writer.ledger.output();
    output.append(header());
    output.append(record::Kind::Run(Box::new(run)));
    if settings.metadata {
        let environment = environment::gather(settings, sources, start);
        if let Some(dir) = &writer.surroundings.dir {
            let json = environment::metadata_json(&environment);
            let text = serde_json::to_vec_pretty(&json).unwrap_or_default();
            drop(write_whole(&dir.files.join("wandb-metadata.json"), &text));
        }
        writer.ledger.output().append(record::Kind::Environment(Box::new(environment)));
    }
    writer.ledger.output().append(record::Kind::Telemetry(record::Telemetry {
        feature: Some(record::Feature {
            offline: settings.mode == Mode::Offline,
            resumed: false,
            metric: true,
            shared_mode: settings.mode == Mode::Shared,
        }),
        cli_version: env!("CARGO_PKG_VERSION").into(),
        platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        ..record::Telemetry::default()
    }));
    writer.ledger.output().flush();
}

/// The first record of every log.
pub(super) fn header() -> record::Kind {
    record::Kind::Header(record::Header {
        version_info: Some(record::VersionInfo {
            producer: concat!("ups-track ", env!("CARGO_PKG_VERSION")).into(),
            // What the released client of W&B asks for.
            min_consumer: "0.70.0".into(),
        }),
    })
}

fn run_record(
    settings: &Settings,
    sources: &Sources,
    config: &Map<String, Value>,
    start: u64,
) -> record::Run {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    scrub::run(record::Run {
        run_id: settings.run_id.clone(),
        entity: text(&settings.entity),
        project: text(&settings.project),
        config: Some(record::Config { update: config_items(config), remove: Vec::new() }),
        run_group: text(&settings.group),
        job_type: text(&settings.job_type),
        display_name: text(&settings.name),
        notes: text(&settings.notes),
        tags: settings.tags.clone(),
        sweep_id: text(&settings.sweep_id),
        host: if settings.machine_info {
            environment::host(settings).unwrap_or_default()
        } else {
            String::new()
        },
        starting_step: 0,
        start_time: Some(timestamp(start)),
        telemetry: None,
        runtime: 0,
        git: if settings.use_git { environment::gather_git(settings, sources) } else { None },
        branch_point: settings.branch.as_ref().map(|moment| record::BranchPoint {
            run: moment.run.clone(),
            value: moment.step,
            metric: "_step".into(),
        }),
        resume: matches!(settings.resume, Some(Resume::Allow | Resume::Must)),
    })
}
