//! Which logs are meant, and which of them are uploaded one after another.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::args::Sync;
use super::super::text::clean;
use super::super::{FAILED, complain, find};
use super::shown;
use crate::log::record::{Kind, Run};
use crate::log::{Beginning, marker};
use crate::merge::{Purpose, merge};
use crate::os::files::dir_of;
use crate::upload::changed_since_marked;

/// How the producer of our own logs begins.
const OURS: &str = "ups-track";

/// A log, and what is kept of its beginning: there may be very many.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) path: PathBuf,
    /// Whether this crate has written it.
    pub(super) is_ours: bool,
    pub(super) beginning: Beginning,
    /// Stands for the run to which it goes, if it says which.
    pub(super) run: Option<u64>,
    /// When the run began.
    start: (i64, i32),
}

impl Log {
    /// Looks at a log up to its run record. What cannot be read, the upload tells.
    pub(super) fn look(args: &Sync, path: PathBuf) -> Self {
        let (mut is_ours, mut run, mut start) = (false, None, (0, 0));
        let beginning = Beginning::of(&path, &mut |kind| match kind {
            Kind::Header(header) => {
                is_ours = header.version_info.is_some_and(|version| version.producer.starts_with(OURS));
            }
            Kind::Run(record) => {
                run = Some(target(args, &record));
                let began = record.start_time.unwrap_or_default();
                start = (began.seconds, began.nanos);
            }
            _ => {}
        });
        Self { path, is_ours, beginning, run, start }
    }

    pub(super) fn dir(&self) -> &Path {
        dir_of(&self.path)
    }

    /// How it is told.
    pub(super) fn name(&self) -> String {
        shown(&self.path)
    }
}

/// Stands for the run that a log goes to, as far as it is known before the server says it.
fn target(args: &Sync, run: &Run) -> u64 {
    let or = |asked: &Option<String>, own: &String| asked.as_ref().unwrap_or(own).clone();
    let mut hasher = DefaultHasher::new();
    [or(&args.entity, &run.entity), or(&args.project, &run.project), or(&args.id, &run.run_id)]
        .hash(&mut hasher);
    hasher.finish()
}

/// The logs of all paths, each once.
pub(super) fn logs(args: &Sync, err: &mut dyn Write, worst: &mut u8) -> Vec<PathBuf> {
    let (mut logs, mut seen) = (Vec::new(), HashSet::new());
    for path in find::or_default(&args.paths) {
        match find::find(&path) {
            Ok(found) => {
                // The same log may be named twice, or through the link `latest-run`.
                for log in found.into_logs().into_iter().map(|log| log.canonicalize().unwrap_or(log)) {
                    if seen.insert(log.clone()) {
                        logs.push(log);
                    }
                }
            }
            Err(e) => {
                complain(err, format_args!("error: {}\n", clean(&e.to_string())));
                *worst = FAILED;
            }
        }
    }
    logs
}

/// Why a log is not uploaded, if it is not to be.
///
/// The uploader of ours marks what it could deliver, so an online run that is not marked has something left. W&B's client
/// marks nothing while it is online.
pub(super) fn skipped(args: &Sync, log: &Log) -> Option<&'static str> {
    // A child that ends after its run adds what it has recorded to a log that may be marked already.
    let has_more = || has_more(&log.path) || log.is_ours && changed_since_marked(&log.path);
    if marker(&log.path).exists() && !args.include_synced && !has_more() {
        return Some("uploaded before (--include-synced uploads it again)");
    }
    if was_online(log) && !log.is_ours && !args.include_online {
        return Some("was online, so it is on the server (--include-online uploads it nevertheless)");
    }
    None
}

/// Whether the run was recorded online, as its directory tells.
pub(super) fn was_online(log: &Log) -> bool {
    log.dir().file_name().is_some_and(|name| name.to_string_lossy().starts_with("run-"))
}

/// Whether children have left something since the log was uploaded.
fn has_more(log: &Path) -> bool {
    matches!(merge(log, Purpose::Look), Ok(Some(outcome)) if outcome.records > 0)
}

/// The logs run by run. Those of one run stand in the order in which they began: each goes on behind the one before.
pub(super) fn by_run(logs: Vec<Log>) -> Vec<Vec<Log>> {
    let mut runs: Vec<Vec<Log>> = Vec::new();
    let mut known: HashMap<u64, usize> = HashMap::new();
    for log in logs {
        let place = log.run.map(|run| *known.entry(run).or_insert(runs.len()));
        match place.and_then(|place| runs.get_mut(place)) {
            Some(logs) => logs.push(log),
            None => runs.push(vec![log]),
        }
    }
    for logs in &mut runs {
        logs.sort_by_key(|log| log.start);
    }
    runs
}
