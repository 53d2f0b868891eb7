//! Whether a server has all that a log and the files beside it hold, so that they can be deleted.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::begin::NO_PROJECT;
use super::log::Options;
use super::replay::Replay;
use super::run::{Described, Rows};
use super::server::Target;
use super::source::Source;
use super::state::Memory;
use super::transfer::{Versions, digest_of, is_inside, with_slashes};
use super::{Client, Failure};
use crate::log::marker;
use crate::log::record::Kind;
use crate::os::files::is_draft;

/// Names in one question.
const BATCH: usize = 100;

/// What is written anew from the log, by whoever uploads it.
const DERIVED: [&str; 4] = ["config.yaml", "output.log", "wandb-metadata.json", "wandb-summary.json"];

/// A log whose content is on the server. While this exists, no other process of ours uploads the log.
#[derive(Debug)]
pub(crate) struct Confirmed {
    pub(crate) rows: u64,
    _memory: Memory,
}

/// What a log holds.
struct Content {
    described: Described,
    rows: u64,
    files: BTreeSet<String>,
    /// Whether the run has said that it is over.
    ended: bool,
}

/// Asks the server whether it has all of a log; if not, or if nobody can say, this tells why.
///
/// # Errors
///
/// If the server does not answer.
pub(crate) async fn confirm(
    client: &Client,
    log: &Path,
    options: &Options,
) -> Result<Result<Confirmed, String>, Failure> {
    let looked = read(log, options).and_then(|content| {
        let memory = Memory::open(log).map_err(|e| e.to_string())?;
        if !content.ended && changed_since_marked(log) {
            return Err("has no end, and was written to after it was uploaded".to_owned());
        }
        Ok((content, memory))
    });
    let (mut content, memory) = match looked {
        Ok(looked) => looked,
        Err(doubt) => return Ok(Err(doubt)),
    };
    let target = match target(client, &content, &memory).await? {
        Ok(found) => found,
        Err(doubt) => return Ok(Err(doubt)),
    };
    let past = client.past(Some(&target.entity), Some(&target.project), &target.run).await?;
    let page = client.address().run_page(&target.entity, &target.project, &target.run);
    if past.is_none() {
        return Ok(Err(format!("the server has no run {page}")));
    }
    let (step, runtime) = memory.start().unwrap_or((content.described.run.starting_step, 0.0));
    let floors = memory.sent().map(|sent| &*sent.floors).unwrap_or_default();
    let rows = Rows::new(step, runtime).with_floors(floors);
    let there = Replay::open(log, rows)?.count_there(client, &target, 0, u64::MAX).await?;
    if there < content.rows {
        let (rows, first) = (content.rows, there + 1);
        return Ok(Err(format!("has {rows} rows, and row {first} is not as it is here at {page}")));
    }
    let dir = log.parent().unwrap_or(Path::new("")).join("files");
    if let Err(e) = below(&dir, "", &mut content.files) {
        return Ok(Err(format!("cannot look through `{}`: {e}", crate::harmless::path(&dir))));
    }
    let doubt = missing(client, &target, &dir, &content.files, &memory).await?;
    Ok(doubt.map_or(Ok(Confirmed { rows: content.rows, _memory: memory }), Err))
}

/// Reads a log to its end.
fn read(log: &Path, options: &Options) -> Result<Content, String> {
    let mut source = Source::open(log, false).map_err(|e| e.to_string())?;
    let mut described = Described::new();
    source.run(&mut described, options).map_err(|e| e.to_string())?;
    let mut content = Content { described, rows: 0, files: BTreeSet::new(), ended: false };
    while source.advance() {
        let Some(kind) = source.decode() else { continue };
        match kind {
            Kind::History(_) => content.rows += 1,
            Kind::Files(files) => {
                content.files.extend(files.files.into_iter().map(|file| with_slashes(file.path)));
            }
            Kind::Exit(_) => content.ended = true,
            Kind::Artifact(_) => {
                return Err("has artifacts, of which nobody knows whether they are uploaded".into());
            }
            Kind::TensorBoard(_) => return Err("has TensorBoard files, which may not be uploaded".into()),
            _ => {}
        }
    }
    match source.damage {
        Some(damage) => Err(damage.text),
        None => Ok(content),
    }
}

/// Whether the log is younger than the file that says that it is uploaded. In doubt it is.
pub(crate) fn changed_since_marked(log: &Path) -> bool {
    let time = |path: &Path| path.metadata().and_then(|data| data.modified());
    let (written, marked) = (time(log), time(&marker(log)));
    !matches!((written, marked), (Ok(written), Ok(marked)) if written <= marked)
}

/// The run to which the log went.
async fn target(
    client: &Client,
    content: &Content,
    memory: &Memory,
) -> Result<Result<Target, String>, Failure> {
    let base = client.address().base();
    if let Some(sent) = memory.sent() {
        if sent.to.server != base {
            let server = crate::harmless::clean(&sent.to.server);
            return Ok(Err(format!("was uploaded to {server}, and this is {base}: set WANDB_BASE_URL")));
        }
        if sent.rows() < content.rows {
            return Ok(Err(format!("has {} rows, of which {} were uploaded", content.rows, sent.rows())));
        }
        return Ok(Ok(sent.target()));
    }
    // W&B's tool has uploaded it, to where the log says.
    let run = &content.described.run;
    let entity = match run.entity.as_str() {
        "" => client.viewer().await?.entity,
        entity => Some(entity.to_owned()),
    };
    let Some(entity) = entity else { return Ok(Err("names no entity: say it with --entity".into())) };
    let project = if run.project.is_empty() { NO_PROJECT } else { &run.project };
    Ok(Ok(Target { entity, project: project.to_owned(), run: run.run_id.clone() }))
}

/// The names of all that lies below a directory; it need not be there.
fn below(dir: &Path, prefix: &str, names: &mut BTreeSet<String>) -> std::io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if is_draft(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            below(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.insert(name);
        }
    }
    Ok(())
}

/// The first file that is here, but not as it is on the server.
async fn missing(
    client: &Client,
    target: &Target,
    dir: &Path,
    names: &BTreeSet<String>,
    memory: &Memory,
) -> Result<Option<String>, Failure> {
    let sent = memory.sent().map(|sent| &sent.files);
    let versions = Versions::of(&memory.log);
    let mut here: Vec<(&str, u64)> = Vec::new();
    for name in names.iter().filter(|name| !DERIVED.contains(&name.as_str()) && is_inside(name)) {
        // A file that is not here any more was said to be missing by whoever has uploaded the log.
        let path = dir.join(name);
        let Ok(data) = path.metadata() else { continue };
        // So was one that is not the run's any more.
        if !versions.allow(name, &path) {
            continue;
        }
        let digest = sent.and_then(|files| files.get(name));
        if digest.is_some() && digest_of(dir, name).await.as_ref() != digest {
            return Ok(Some(format!("`{}` was changed after it was uploaded", crate::harmless::clean(name))));
        }
        here.push((name, data.len()));
    }
    for batch in here.chunks(BATCH) {
        let asked: Vec<&str> = batch.iter().map(|(name, _)| *name).collect();
        let there = client.files_there(target, &asked).await?;
        if let Some((name, _)) = batch.iter().find(|(name, length)| there.get(*name) != Some(length)) {
            return Ok(Some(format!(
                "`{}` is not on the server as it is here",
                crate::harmless::clean(name)
            )));
        }
    }
    Ok(None)
}
