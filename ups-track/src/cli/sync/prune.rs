//! The deletion of run directories of which the server has everything.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::super::args::Sync;
use super::super::screen::{Colour, Screen};
use super::super::text::{clean, count};
use super::super::{FINE, Failure, UNFINISHED};
use super::{Server, shown};
use crate::log::marker;
use crate::merge::{Purpose, merge};
use crate::os::files::is_draft;
use crate::os::lock::Lock;
use crate::upload::{self, Confirmed};

/// What may lie in a run directory beside its logs: it goes with them.
const KNOWN: [&str; 8] =
    ["files", "logs", "tmp", "shards", "children", "context.json", "writer.lock", "merge.lock"];

/// A run directory that can be deleted. While this exists, nobody begins to write or upload its logs.
struct Deletable {
    dir: PathBuf,
    rows: u64,
    _locks: (Option<(Lock, Lock)>, Vec<Confirmed>),
}

/// Deletes what is confirmed, once somebody has agreed.
pub(super) fn prune(args: &Sync, logs: &[PathBuf], screen: &mut Screen<impl Write>) -> Result<u8, Failure> {
    let mut runs: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
    for log in logs {
        runs.entry(log.parent().unwrap_or(Path::new("."))).or_default().push(log);
    }
    runs.retain(|_, logs| is_old(args, logs));
    let server = Server::find(args)?;
    let (mut deletable, mut worst) = (Vec::new(), FINE);
    for dir in runs.into_keys() {
        let name = shown(dir);
        match look(args, &server, dir)? {
            Ok(found) => {
                let rows = count(found.rows, "row");
                writeln!(screen, "{name}: {rows}, {}", screen.paint(Colour::Good, "all on the server"))?;
                deletable.push(found);
            }
            Err(reason) => {
                writeln!(screen, "{name}: {}, {}", screen.paint(Colour::Doubtful, "kept"), clean(&reason))?;
                worst = UNFINISHED;
            }
        }
        screen.flush()?;
    }
    if deletable.is_empty() {
        writeln!(screen, "nothing to delete")?;
        return Ok(worst);
    }
    let what = count(deletable.len() as u64, "run");
    if args.dry_run {
        writeln!(screen, "would delete {what}")?;
        return Ok(worst);
    }
    if !args.yes && !agreed(&what, screen)? {
        writeln!(screen, "nothing was deleted")?;
        return Ok(worst);
    }
    for run in deletable {
        delete(&run.dir)?;
    }
    writeln!(screen, "deleted {what}")?;
    Ok(worst)
}

/// Whether the logs of a directory were not written to for as long as was asked.
fn is_old(args: &Sync, logs: &[&Path]) -> bool {
    let Some(hours) = args.older_than else { return true };
    let least = Duration::from_hours(u64::from(hours));
    let now = SystemTime::now();
    // A time that is not known, or in the future, is not old.
    logs.iter().all(|log| {
        let time = log.metadata().and_then(|data| data.modified());
        time.is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age >= least))
    })
}

/// Whether a run directory can be deleted, and if not, why.
fn look(args: &Sync, server: &Server, dir: &Path) -> Result<Result<Deletable, String>, Failure> {
    let said = |e: upload::Failure| Failure::Said(e.to_string());
    let logs = match logs_of(dir) {
        Ok(logs) => logs,
        Err(reason) => return Ok(Err(reason)),
    };
    // Who only looks leaves no file.
    let locks = match if args.dry_run { Ok(None) } else { locks(dir) } {
        Ok(None) if !args.dry_run => return Ok(Err("is still being written".to_owned())),
        Ok(locks) => locks,
        Err(e) => return Ok(Err(format!("cannot be locked: {e}"))),
    };
    let (mut rows, mut confirmed) = (0, Vec::new());
    for log in &logs {
        if let Some(reason) = unmerged(log) {
            return Ok(Err(reason));
        }
        let answer = upload::block_on(upload::confirm(&server.client, log, &server.options));
        match answer.map_err(said)? {
            Ok(log) => {
                rows += log.rows;
                confirmed.push(log);
            }
            Err(reason) => return Ok(Err(reason)),
        }
    }
    Ok(Ok(Deletable { dir: dir.to_owned(), rows, _locks: (locks, confirmed) }))
}

/// The locks of who merges in the place of a writer: with one of them alone, the run would look as if it went on.
fn locks(dir: &Path) -> io::Result<Option<(Lock, Lock)>> {
    let Some(turn) = Lock::take_turn(dir)? else { return Ok(None) };
    Ok(Lock::take(dir)?.map(|lock| (turn, lock)))
}

/// The logs of a run directory, if it is one, all of them are marked, and there is nothing else.
fn logs_of(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    if !["run-", "offline-run-"].iter().any(|begin| name.starts_with(begin)) {
        return Err("is no run directory by its name".to_owned());
    }
    if Lock::is_taken(dir) || Lock::is_turn_taken(dir) {
        return Err("is still being written".to_owned());
    }
    let entries = fs::read_dir(dir).map_err(|e| e.to_string())?;
    let mut logs = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| e.to_string())?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.extension().is_some_and(|ending| ending == "wandb") {
            if !marker(&path).exists() {
                return Err("is not uploaded".to_owned());
            }
            logs.push(path);
        } else if !KNOWN.contains(&name.as_str()) && !name.contains(".wandb.") && !is_draft(&name) {
            return Err(format!("`{name}` in it is no part of a run"));
        }
    }
    Ok(logs)
}

/// What attached children have left that is not in the log.
fn unmerged(log: &Path) -> Option<String> {
    match merge(log, Purpose::Look) {
        Ok(Some(shards)) if shards.live || shards.open > 0 => Some("children still write".to_owned()),
        Ok(Some(shards)) if shards.records > 0 || shards.refused > 0 || !shards.bad.is_empty() => {
            Some("attached children have left what is not in the log".to_owned())
        }
        Ok(_) => None,
        Err(reason) => Some(reason),
    }
}

/// Asks on the terminal.
fn agreed(what: &str, screen: &mut Screen<impl Write>) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Said(format!(
            "{what} would be deleted, but there is no terminal to ask on: --yes deletes without asking"
        )));
    }
    write!(screen, "delete {what} from this disk? [y/N] ")?;
    screen.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

/// Deletes a run directory, and the links beside it that lead there.
fn delete(dir: &Path) -> Result<(), Failure> {
    let beside = dir.parent().and_then(|parent| fs::read_dir(parent).ok()).into_iter().flatten().flatten();
    let links = beside.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    let links =
        links.map(|link| link.path()).filter(|link| link.canonicalize().is_ok_and(|to| to.starts_with(dir)));
    let links: Vec<PathBuf> = links.collect();
    let failed = |path: &Path, e| Failure::Said(format!("cannot delete `{}`: {e}", shown(path)));
    fs::remove_dir_all(dir).map_err(|e| failed(dir, e))?;
    links.iter().try_for_each(|link| fs::remove_file(link).map_err(|e| failed(link, e)))
}
