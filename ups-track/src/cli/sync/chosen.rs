//! Which logs are meant, and which of them are uploaded one after another.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::args::Sync;
use super::super::text::clean;
use super::super::{FAILED, complain, find};
use super::shown;
use crate::log::record::{Kind, Run};
use crate::log::{Reader, marker};
use crate::merge::{Purpose, merge};
use crate::upload::changed_since_marked;

/// How the producer of our own logs begins.
const OURS: &str = "ups-track";

/// A log, and what stands at its beginning.
pub(super) struct Log {
    pub(super) path: PathBuf,
    /// How it is told.
    pub(super) name: String,
    producer: String,
    run: Option<Box<Run>>,
}

impl Log {
    /// Looks at a log up to its run record. What cannot be read, the upload tells.
    pub(super) fn look(path: PathBuf) -> Self {
        let mut log = Self { name: shown(&path), path, producer: String::new(), run: None };
        let Ok(reader) = Reader::open(&log.path) else { return log };
        for entry in reader.map_while(Result::ok) {
            match entry.record.kind {
                Some(Kind::Header(header)) => {
                    log.producer = header.version_info.unwrap_or_default().producer;
                }
                Some(Kind::Run(run)) => {
                    log.run = Some(run);
                    break;
                }
                _ => {}
            }
        }
        log
    }

    /// Whether this crate has written it.
    pub(super) fn is_ours(&self) -> bool {
        self.producer.starts_with(OURS)
    }

    /// Whether it says which run it is.
    pub(super) fn has_run(&self) -> bool {
        self.run.is_some()
    }

    pub(super) fn dir(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// What the run is called, as far as is known before the server says it.
    pub(super) fn target(&self, args: &Sync) -> Option<[String; 3]> {
        let run = self.run.as_ref()?;
        let or = |asked: &Option<String>, own: &String| asked.as_ref().unwrap_or(own).clone();
        Some([or(&args.entity, &run.entity), or(&args.project, &run.project), or(&args.id, &run.run_id)])
    }

    fn start(&self) -> (i64, i32) {
        let start = self.run.as_ref().and_then(|run| run.start_time).unwrap_or_default();
        (start.seconds, start.nanos)
    }
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
    let has_more = || has_more(&log.path) || log.is_ours() && changed_since_marked(&log.path);
    if marker(&log.path).exists() && !args.include_synced && !has_more() {
        return Some("uploaded before (--include-synced uploads it again)");
    }
    if was_online(log) && !log.is_ours() && !args.include_online {
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
pub(super) fn by_run(args: &Sync, logs: Vec<Log>) -> Vec<Vec<Log>> {
    let mut runs: Vec<(Option<[String; 3]>, Vec<Log>)> = Vec::new();
    for log in logs {
        let target = log.target(args);
        match runs.iter_mut().find(|(known, _)| target.is_some() && *known == target) {
            Some((_, logs)) => logs.push(log),
            None => runs.push((target, vec![log])),
        }
    }
    for (_, logs) in &mut runs {
        logs.sort_by_key(Log::start);
    }
    runs.into_iter().map(|(_, logs)| logs).collect()
}
