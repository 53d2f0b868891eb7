//! Tells the server how a run is described: what has changed, and nothing that somebody else has written meanwhile.
//!
//! What was told last is remembered beside the log, in `<log>.told`, so that a person's changes are known as such later, by
//! this log and by others of the run. Nothing is lost with that file but this knowledge.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Client;
use super::Failure;
use super::run::{Base, Described, Names, Told};
use super::server::Target;
use super::server::operations::Past;
use crate::log::record::{Kind, Run};
use crate::log::{Reader, beside, marker};
use crate::os::files::write_whole;

/// Behind the name of a log.
const SUFFIX: &str = ".told";

/// Records within which a log says where its writer runs.
const BEGINNING: usize = 32;

/// What was told of a run of a server.
#[derive(Debug, Serialize, Deserialize)]
struct Memo {
    server: String,
    entity: String,
    project: String,
    run: String,
    told: Told,
}

impl Memo {
    fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// An empty name stands for the server's default.
    fn is_of(&self, server: &str, run: &Run) -> bool {
        let is = |own: &str, asked: &str| asked.is_empty() || own == asked;
        let named = is(&self.entity, &run.entity) && is(&self.project, &run.project);
        self.server == server && self.run == run.run_id && named
    }
}

/// See the module docs.
#[derive(Debug)]
pub(super) struct Teller {
    path: PathBuf,
    server: String,
    base: Base,
    /// How the run had ended before this upload opened it again, if others have begun and ended it.
    pub(super) ended: Option<i32>,
}

/// What is to be told, and on the ground of what.
#[derive(Debug)]
pub(super) struct News {
    described: Described,
    base: Base,
}

/// What was told.
#[derive(Debug)]
pub(super) struct Heard {
    base: Base,
    there: Option<Past>,
    says: Told,
    ended: Option<i32>,
}

impl Teller {
    /// Finds out what was told before of the run that the server has.
    pub(super) fn begin(log: &Path, server: &str, described: &Described, there: Option<&Past>) -> Self {
        let path = beside(log, SUFFIX);
        let base = match there.filter(|past| past.is_run()) {
            None => Base::New,
            Some(past) => look(log, &path, server, described, past),
        };
        Self { path, server: server.to_owned(), base, ended: None }
    }

    /// Whether there is something to tell.
    pub(super) fn has_news(&self, described: &Described) -> bool {
        described.has_news(&self.base)
    }

    /// Whether what was told may have been written over since.
    pub(super) fn may_be_written_over(&self) -> bool {
        matches!(self.base, Base::Own(_))
    }

    /// What is to be told now.
    pub(super) fn news(&self, described: &Described) -> News {
        News { described: described.clone(), base: self.base.clone() }
    }

    /// What the first mutation of an upload says; `described` takes over what others have changed.
    pub(super) fn first(&self, described: &mut Described, names: &Names<'_>, there: Option<&Past>) -> Value {
        if let Some(past) = there {
            described.take_theirs(&self.base, past);
        }
        described.upsert(names, &self.base, there)
    }

    /// The server was told what the description is.
    pub(super) fn heard_first(&mut self, target: &Target, described: &Described) {
        // Of what was told before it is at least not more than that.
        if described.is_behind(&self.base) || matches!(self.base, Base::All | Base::Guess(_)) {
            return;
        }
        self.remember(target, described.says());
    }

    /// The server was told; `described` takes over what others had changed.
    pub(super) fn heard(&mut self, target: &Target, heard: Heard, described: &mut Described) {
        let Heard { base, there, says, ended } = heard;
        if let Some(past) = &there {
            described.take_theirs(&base, past);
        }
        self.ended = self.ended.or(ended);
        self.remember(target, says);
    }

    fn remember(&mut self, target: &Target, told: Told) {
        let Target { entity, project, run } = target.clone();
        let told = told.after(&self.base);
        let memo = Memo { server: self.server.clone(), entity, project, run, told };
        if let Ok(text) = serde_json::to_vec(&memo) {
            // Without it a person's change may not be known as one later; nothing else depends on it.
            drop(write_whole(&self.path, &text));
        }
        self.base = Base::Own(memo.told);
    }
}

impl News {
    /// Tells it, after a look at what others have written.
    pub(super) async fn tell(mut self, client: &Client, id: &str, target: &Target) -> Result<Heard, Failure> {
        let Target { entity, project, run } = target;
        let there = client.past(Some(entity), Some(project), run).await?;
        let ended = if self.described.is_member { client.ended(entity, project, run).await? } else { None };
        let has_news = self.described.has_news(&self.base);
        let mut is_written_over = false;
        if let Some(past) = &there {
            is_written_over = !self.described.is_behind(&self.base) && self.described.is_written_over(past);
            self.described.keep_others(past);
            self.described.take_theirs(&self.base, past);
        }
        if is_written_over {
            // Nothing of it is there any more.
            self.base = self.base.without_config();
        }
        if !has_news && !is_written_over {
            return Ok(Heard { base: self.base, there: None, says: self.described.says(), ended });
        }
        let variables = self.described.upsert(&Names::known(id, target), &self.base, there.as_ref());
        client.upsert(variables).await?;
        Ok(Heard { base: self.base, there, says: self.described.says(), ended })
    }
}

/// What was told of a run that is there.
fn look(log: &Path, path: &Path, server: &str, described: &Described, there: &Past) -> Base {
    if let Some(memo) = Memo::read(path).filter(|memo| memo.is_of(server, &described.run)) {
        return Base::Own(memo.told);
    }
    if marker(log).exists() {
        return Base::All;
    }
    if writer(log).is_some_and(|writer| there.knows_writer(&writer)) {
        return Base::Guess(described.says());
    }
    match of_others(log, server, &described.run) {
        Some(told) if !described.is_member => Base::Other(told),
        _ => Base::Unknown,
    }
}

/// The id of the writer of a log, if it says.
fn writer(log: &Path) -> Option<String> {
    let records = Reader::open(log).ok()?.map_while(Result::ok).take(BEGINNING);
    let mut found = records.filter_map(|entry| match entry.record.kind {
        Some(Kind::Environment(environment)) => Some(environment.writer_id),
        _ => None,
    });
    found.find(|writer| !writer.is_empty())
}

/// What the other log of the run that was sent last has told, of those whose directories are beside this one's.
fn of_others(log: &Path, server: &str, run: &Run) -> Option<Told> {
    let own = log.parent()?;
    let name = beside(Path::new(log.file_name()?), SUFFIX);
    let mut found: Option<(SystemTime, Told)> = None;
    for dir in fs::read_dir(own.parent()?).ok()?.flatten().map(|entry| entry.path()) {
        let path = dir.join(&name);
        let Some(time) = fs::symlink_metadata(&path).ok().and_then(|meta| meta.modified().ok()) else {
            continue;
        };
        if dir == own || dir.is_symlink() || found.as_ref().is_some_and(|(last, _)| *last > time) {
            continue;
        }
        if let Some(memo) = Memo::read(&path).filter(|memo| memo.is_of(server, run)) {
            found = Some((time, memo.told));
        }
    }
    found.map(|(_, told)| told)
}
