//! Runs in a pipeline: finding the run of the context, recording into it, and telling children of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::builder::{header, open_recorder, start_writer};
use super::keep;
use super::writer::Writer;
use super::{Inner, Live, Run, RunBuilder, RunGuard};
use crate::context::{self, Context, ContextFile, Place};
use crate::error::{Error, Result};
use crate::kinds::file::FilePolicy;
use crate::ledger::{RankMark, timestamp};
use crate::log::{LogWriter, record};
use crate::merge::{self, Purpose};
use crate::os::clock::Timeline;
use crate::os::lock::Lock;
use crate::recorder::Op;
use crate::rundir::Names;
use crate::rundir::RunDir;
use crate::rundir::Surroundings;
use crate::say;
use crate::settings::{Resume, Settings, Sources};
use crate::shards;

/// How long the end of a child waits until what it has recorded is merged.
const MERGE_PATIENCE: Duration = Duration::from_secs(60);

/// What a run knows of the pipeline around it.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    /// Whether others were told of the run, so that shards may come.
    expected: Arc<AtomicBool>,
    /// The context file for children, once there is one.
    file: OnceLock<PathBuf>,
    names: Names,
    /// Whether it was told that a child cannot find the run.
    untracked_told: AtomicBool,
    /// Links in the run's `files/` that this process has made.
    links: Mutex<BTreeSet<PathBuf>>,
}

impl Pipeline {
    pub(super) fn expected(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.expected)
    }

    /// A file was saved.
    pub(super) fn saved(&self, target: &Path, policy: FilePolicy) {
        if policy != FilePolicy::Now {
            self.links.lock().unwrap_or_else(PoisonError::into_inner).insert(target.to_owned());
        }
    }
}

impl Run {
    /// Records into the run of a context file, as a child of that run.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use ups_track::{Mode, Run};
    /// let run = Run::builder().mode(Mode::Offline).dir(dir.path()).quiet(true).start()?;
    /// let context = run.save_context(dir.path().join("context.json"))?;
    /// // Mostly in another process:
    /// let member = Run::from_context_file(&context)?;
    /// assert!(member.is_attached() && member.id() == run.id());
    /// member.log(1, &[("eval/score", 0.5)]);
    /// member.finish()?;
    /// assert_eq!(run.finish()?.rows(), 1);
    /// # Ok::<(), ups_track::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the context file is bad (see [`Context::load`]), its run is gone, or as for
    /// [`RunBuilder::start`].
    pub fn from_context_file(path: impl AsRef<Path>) -> Result<RunGuard> {
        Self::builder().context(&Context::load(path)?).start()
    }

    /// Starts the run that the environment asks for: that of `WANDB_CONTEXT_FILE`, or else one of its own from the
    /// `WANDB_*` variables.
    ///
    /// # Errors
    ///
    /// As [`RunBuilder::start`].
    pub fn from_env() -> Result<RunGuard> {
        Self::builder().start()
    }

    /// The context that tells other processes of this run.
    pub fn context(&self) -> Context {
        let inner = &*self.0;
        Context {
            run_id: inner.id.clone(),
            project: inner.project.clone(),
            entity: inner.entity.clone(),
            url: self.url(),
            dir: self.dir().map(Path::to_owned),
            mode: Some(inner.mode),
            group: inner.group.clone(),
        }
    }

    /// Writes the context file of this run, for processes that find it through `WANDB_CONTEXT_FILE`; gives its absolute
    /// path. Commands that are [tracked](crate::TrackCommand) get one by themselves.
    ///
    /// # Errors
    ///
    /// If the file, or the directory for what children record, cannot be written.
    pub fn save_context(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = path.as_ref();
        let path = std::path::absolute(path).map_err(|e| Error::io("write the context file", path, e))?;
        self.expect_children()?;
        self.context().save(&path)?;
        Ok(path)
    }

    /// Whether the run belongs to another process, and this one records into it as a child.
    pub fn is_attached(&self) -> bool {
        self.0.live.as_ref().is_some_and(|live| live.dir.shard.is_some())
    }

    /// The context file for children; none for a disabled run.
    pub(crate) fn context_file(&self) -> Result<Option<PathBuf>> {
        let Some(live) = &self.0.live else { return Ok(None) };
        if let Some(path) = live.pipeline.file.get() {
            return Ok(Some(path.clone()));
        }
        let path = self.save_context(live.dir.lock_dir().join("context.json"))?;
        Ok(Some(live.pipeline.file.get_or_init(|| path).clone()))
    }

    /// A child was started that cannot find the run. Told once: what keeps one child from it keeps the others.
    pub(crate) fn tell_untracked(&self, child: &str, reason: &str) {
        let told =
            self.0.live.as_ref().map(|live| live.pipeline.untracked_told.swap(true, Ordering::Relaxed));
        if told == Some(false) {
            say::warning(&format!(
                "child `{child}` is started, but cannot record into run `{}`: {reason}; if it records, then in a run of its own",
                self.id()
            ));
        }
    }

    fn expect_children(&self) -> Result<()> {
        let Some(live) = &self.0.live else { return Ok(()) };
        let place = shards::place(&live.dir.path);
        shards::prepare(&live.dir.path).map_err(|e| Error::io("use the directory", place, e))?;
        live.pipeline.expected.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// If nobody has the run any more, what this child has recorded is added to its log here.
    pub(super) fn merge_for_dead_parent(&self, live: &Live) {
        let dir = &live.dir.path;
        let is_run_alive = || Lock::is_taken(dir) && !Lock::is_turn_taken(dir);
        if !self.is_attached() || is_run_alive() {
            return;
        }
        let log = live.dir.path.join(format!("run-{}.wandb", self.id()));
        if let Err(reason) = merge::merge(&log, Purpose::Merge) {
            say::warning(&format!(
                "what this process has recorded is in its shard, and could not be merged: {reason}"
            ));
        }
    }

    /// An attached child has ended: waits until what it has recorded is in this run. Of a run that another process has only
    /// that one can merge.
    pub(crate) fn take_over_children(&self) {
        if let Some(live) = self.0.live.as_ref().filter(|live| !live.recorder.is_forked())
            && !live.ending.merge(MERGE_PATIENCE)
            && !live.ending.has_ended()
        {
            say::warning(&format!(
                "what a child of run `{}` has recorded is not merged after {} s, and will be later",
                self.id(),
                MERGE_PATIENCE.as_secs()
            ));
        }
    }

    pub(crate) fn children(&self) -> Option<&Names> {
        self.0.live.as_ref().filter(|live| !live.recorder.is_forked()).map(|live| &live.pipeline.names)
    }

    pub(crate) fn group(&self) -> Option<&str> {
        self.0.group.as_deref()
    }

    /// `<dir>/wandb`.
    pub(crate) fn root_dir(&self) -> &Path {
        &self.0.root_dir
    }

    /// Makes the saved files the run's own.
    pub(super) fn keep_files(&self, live: &Live) {
        let links = std::mem::take(&mut *live.pipeline.links.lock().unwrap_or_else(PoisonError::into_inner));
        keep::keep(&live.dir, links, self.0.copy_limit);
    }
}

impl RunBuilder {
    /// The context that this process was given, if any.
    pub(super) fn find_context(&mut self, sources: &Sources) -> Result<Option<Context>> {
        match self.context.take() {
            Some(context) => Ok(Some(context)),
            None if self.global == Some(false) => Ok(None),
            None => match context::place(sources, ContextFile::settle(self.context_file, sources)?)? {
                Place::Own => Ok(None),
                Place::Writer(file) => {
                    self.writes = Some(file);
                    Ok(None)
                }
                Place::Member(context) => Ok(Some(context)),
            },
        }
    }

    /// Finds the context whose run this shall be, and takes its settings where nothing else was asked for.
    pub(super) fn join(&mut self, sources: &Sources) -> Result<Option<Context>> {
        let Some(context) = self.find_context(sources)? else { return Ok(None) };
        let given = &mut self.overrides;
        if given.run_id.as_ref().is_some_and(|id| *id != context.run_id) {
            return Ok(None);
        }
        given.run_id = Some(context.run_id.clone());
        given.project = context.project.clone().or_else(|| given.project.take());
        given.entity = context.entity.clone().or_else(|| given.entity.take());
        given.group = given.group.take().or_else(|| context.group.clone());
        given.resume_from = None;
        given.fork_from = None;
        // Whoever has the run has begun it.
        given.resume.get_or_insert(Resume::Allow);
        if given.mode.is_none() && sources.var("WANDB_MODE").is_none() {
            given.mode = context.mode;
        }
        Ok(Some(context))
    }

    /// The context file that shall tell of the run is written.
    pub(super) fn write_context(&self, run: &Run) {
        let Some(file) = self.writes.as_ref().filter(|_| !run.is_disabled() && !run.is_attached()) else {
            return;
        };
        let mut context = run.context();
        // The Python side of UPS wants a project.
        context.project.get_or_insert_with(|| "uncategorized".to_owned());
        match run.expect_children().and_then(|()| context.save(file)) {
            Ok(()) => context::has_written(),
            Err(e) => say::warning(&format!(
                "other processes cannot find run `{}` and record runs of their own: {}",
                run.id(),
                e.with_cause()
            )),
        }
    }

    /// Config and tags that the builder was given go to the run that it turned out to be. Name, notes and job type are
    /// those of a run of its own, which it is not.
    pub(super) fn tell_parent(&self, run: &Run) {
        let given = &self.overrides;
        if !given.config.is_empty() {
            run.op(|| Op::Config(given.config.clone()));
        }
        if let Some(tags) = given.tags.as_ref().filter(|tags| !tags.is_empty()) {
            run.op(|| Op::Tags(tags.clone()));
        }
    }
}

/// Makes shard and thread.
pub(super) fn begin_attached(settings: &Settings, context: &Context, dir: &Path) -> Result<Inner> {
    let time = Timeline::begin();
    let rank = settings.rank.as_ref().map(RankMark::rank);
    let dir = RunDir::attach(context, dir, rank)?;
    // Taken before there is a log: who finds the log finds it locked.
    let lock = Lock::take(dir.lock_dir()).ok().flatten().map(Lock::not_for_forks);
    let log = LogWriter::create(&dir.log).map_err(|e| Error::io("create the log", &dir.log, e))?;
    let recorder = open_recorder(&dir, settings);
    let run = record::Run {
        run_id: settings.run_id.clone(),
        entity: settings.entity.clone().unwrap_or_default(),
        project: settings.project.clone().unwrap_or_default(),
        start_time: Some(timestamp(time.start_wall())),
        ..record::Run::default()
    };
    let surroundings = Surroundings::new(Some(dir.clone()), run.clone());
    let mut writer = Writer::new(Arc::clone(&recorder), Box::new(log), surroundings, time).into_shard();
    writer.lock = lock;
    let output = writer.ledger.output();
    output.append(header());
    output.append(record::Kind::Run(Box::new(run)));
    if let Some(mark) = settings.rank.clone() {
        writer.ledger.of_rank(mark);
    }
    writer.ledger.output().flush();
    start_writer(settings, recorder, writer, dir, Pipeline::default(), None)
}
