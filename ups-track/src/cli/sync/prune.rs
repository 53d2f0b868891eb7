//! The deletion of run directories of which the server has everything. Each is looked at and let go of again, and looked at
//! once more, cheaply, before it is deleted: so nothing is held while a person is asked, however many they are.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::task::JoinSet;

use super::super::args::Sync;
use super::super::screen::{Colour, Screen};
use super::super::text::{clean, count};
use super::super::{FAILED, FINE, Failure, UNFINISHED, complain};
use super::jobs::{Queue, next, until_all_have_ended};
use super::progress::Display;
use super::run_dir::{self, RunDir};
use super::thread::{Event, Teller, Unheard, aside, beside};
use super::{Server, shown};
use crate::os::files::dir_of;
use crate::upload;

/// A run directory that can be deleted, and what it was like when that was found out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deletable {
    /// Rows of its logs; none if none of them ever began.
    rows: Option<u64>,
    print: u64,
}

/// What became of a directory.
pub(super) enum Looked {
    Deletable(Deletable),
    Deleted,
    /// It stays, for this reason.
    Kept(String),
    /// It could not be deleted.
    Failed(String),
}

/// Deletes what is confirmed, once somebody has agreed.
pub(super) fn prune(
    args: &Sync,
    logs: &[PathBuf],
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    // With whether all of their logs are old enough.
    let mut dirs: BTreeMap<&Path, bool> = BTreeMap::new();
    for log in logs {
        let is_old = args.older_than.is_none_or(|hours| is_old(log, hours));
        dirs.entry(dir_of(log)).and_modify(|all| *all &= is_old).or_insert(is_old);
    }
    let dirs: Vec<PathBuf> =
        dirs.into_iter().filter(|(_, all)| *all).map(|(dir, _)| dir.to_owned()).collect();
    let jobs = usize::from(args.jobs).min(dirs.len()).max(1);
    let dry = args.dry_run;
    let (answer, agreed) = channel();
    let all = async move |server: Rc<Server>, tell: Sender<Event>, unheard: Unheard| {
        look_at_all(&server, dirs, jobs, dry, &tell, &unheard).await;
        drop(tell.send(Event::AllLooked));
        // Nothing, if nobody agrees.
        if let Ok(Ok(agreed)) = aside(move || Receiver::recv(&agreed)).await {
            delete_all(&server, agreed, &tell).await;
        }
    };
    beside(args, jobs, all, |events, unheard| {
        let heard = hear(args, &events, answer, screen, err);
        if heard.is_err() {
            unheard.store(true, Ordering::Relaxed);
        }
        heard
    })
}

/// Tells what is found, asks, and has the rest deleted.
fn hear(
    args: &Sync,
    events: &Receiver<Event>,
    answer: Sender<Vec<(PathBuf, Deletable)>>,
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    let mut display = Display::lines(args.quiet, err);
    let (mut deletable, mut worst, mut deleted) = (Vec::new(), FINE, 0);
    let mut answer = Some(answer);
    for event in events {
        match event {
            Event::Step(name, step) => display.step(&name, &step),
            Event::Ended(..) => {}
            Event::Wrong(text) => {
                worst = FAILED;
                display.end("", |err| complain(err, format_args!("error: {text}\n")));
            }
            Event::Failed(failure) => return Err(failure),
            Event::Looked(dir, looked) => {
                let name = shown(&dir);
                worst = worst.max(display.end(&name, |err| tell(&name, &looked, screen, err))?);
                match looked {
                    Looked::Deletable(found) => deletable.push((dir, found)),
                    Looked::Deleted => deleted += 1,
                    Looked::Kept(_) | Looked::Failed(_) => {}
                }
            }
            Event::AllLooked => {
                let found = std::mem::take(&mut deletable);
                match (agree(args, found.len(), screen)?, answer.take()) {
                    (true, Some(answer)) => drop(answer.send(found)),
                    _ => return Ok(worst),
                }
            }
        }
    }
    writeln!(screen, "deleted {}", count(deleted, "run"))?;
    Ok(worst)
}

/// Tells what became of a directory; gives the exit code.
fn tell(name: &str, looked: &Looked, screen: &mut Screen<impl Write>, err: &mut dyn Write) -> io::Result<u8> {
    let code = match looked {
        Looked::Deletable(Deletable { rows: Some(rows), .. }) => {
            let rows = count(*rows, "row");
            writeln!(screen, "{name}: {rows}, {}", screen.paint(Colour::Good, "all on the server"))?;
            FINE
        }
        Looked::Deletable(_) => {
            writeln!(screen, "{name}: {}", screen.paint(Colour::Good, "never began"))?;
            FINE
        }
        Looked::Deleted => FINE,
        Looked::Kept(reason) => {
            writeln!(screen, "{name}: {}, {}", screen.paint(Colour::Doubtful, "kept"), clean(reason))?;
            UNFINISHED
        }
        Looked::Failed(reason) => {
            complain(err, format_args!("error: {}\n", clean(reason)));
            FAILED
        }
    };
    screen.flush()?;
    Ok(code)
}

/// Whether so many runs are to be deleted.
fn agree(args: &Sync, runs: usize, screen: &mut Screen<impl Write>) -> Result<bool, Failure> {
    if runs == 0 {
        writeln!(screen, "nothing to delete")?;
        return Ok(false);
    }
    let what = count(runs as u64, "run");
    if args.dry_run {
        writeln!(screen, "would delete {what}")?;
        return Ok(false);
    }
    if !args.yes && !agreed(&what, screen)? {
        writeln!(screen, "nothing was deleted")?;
        return Ok(false);
    }
    Ok(true)
}

/// Whether a log was not written to for as many hours.
fn is_old(log: &Path, hours: u32) -> bool {
    let least = Duration::from_hours(u64::from(hours));
    let time = log.metadata().and_then(|data| data.modified());
    // A time that is not known, or in the future, is not old.
    time.is_ok_and(|time| time.elapsed().is_ok_and(|age| age >= least))
}

/// Looks at all directories, as many at the same time as there are jobs.
async fn look_at_all(
    server: &Rc<Server>,
    dirs: Vec<PathBuf>,
    jobs: usize,
    dry: bool,
    tell: &Sender<Event>,
    unheard: &Unheard,
) {
    let queue = Queue::new(RefCell::new(dirs.into()));
    let mut working = JoinSet::new();
    for _ in 0..jobs {
        let (server, queue, tell) = (Rc::clone(server), Rc::clone(&queue), tell.clone());
        let unheard = Arc::clone(unheard);
        working.spawn_local(async move {
            while !unheard.load(Ordering::Relaxed)
                && let Some(dir) = next(&queue)
            {
                match look(&server, &dir, dry, &tell).await {
                    Ok((looked, _)) => drop(tell.send(Event::Looked(dir, looked))),
                    Err(e) => {
                        // What the server does not answer for one it does not for others.
                        queue.borrow_mut().clear();
                        drop(tell.send(Event::Failed(Failure::Said(e.to_string()))));
                    }
                }
            }
        });
    }
    until_all_have_ended(&mut working, tell).await;
}

/// Whether a run directory can be deleted, and if not, why; and what keeps it as it is.
async fn look(
    server: &Server,
    dir: &Path,
    dry: bool,
    tell: &Sender<Event>,
) -> Result<(Looked, Option<RunDir>), upload::Failure> {
    let path = dir.to_owned();
    let run = match aside(move || RunDir::take(&path, dry)).await? {
        Ok(run) => run,
        Err(reason) => return Ok((Looked::Kept(reason), None)),
    };
    let client = server.client_for(&Teller::new(shown(dir), tell));
    let mut rows = if run.logs.is_empty() { None } else { Some(0) };
    for log in &run.logs {
        match upload::confirm(&client, log, &server.options).await? {
            Ok(confirmed) => rows = rows.map(|rows| rows + confirmed.rows),
            Err(reason) => return Ok((Looked::Kept(reason), None)),
        }
    }
    Ok((Looked::Deletable(Deletable { rows, print: run.print }), Some(run)))
}

/// Deletes directories, if they are what they were.
async fn delete_all(server: &Server, dirs: Vec<(PathBuf, Deletable)>, tell: &Sender<Event>) {
    let parents: BTreeSet<PathBuf> = dirs.iter().map(|(dir, _)| dir_of(dir).to_owned()).collect();
    let links = aside(move || run_dir::links(&parents)).await.unwrap_or_default();
    let links = Arc::new(links);
    for (dir, found) in dirs {
        let looked = match delete(server, &dir, found, &links, tell).await {
            Ok(looked) => looked,
            Err(e) => Looked::Failed(format!("{}: {e}", shown(&dir))),
        };
        drop(tell.send(Event::Looked(dir, looked)));
    }
}

async fn delete(
    server: &Server,
    dir: &Path,
    found: Deletable,
    links: &Arc<HashMap<PathBuf, Vec<PathBuf>>>,
    tell: &Sender<Event>,
) -> Result<Looked, upload::Failure> {
    let path = dir.to_owned();
    let mut run = match aside(move || RunDir::take(&path, false)).await? {
        Ok(run) => run,
        Err(reason) => return Ok(Looked::Kept(reason)),
    };
    if run.print != found.print {
        drop(run);
        run = match look(server, dir, false, tell).await? {
            (Looked::Deletable(_), Some(run)) => run,
            (looked, _) => return Ok(looked),
        };
    }
    let links = Arc::clone(links);
    Ok(match aside(move || run.delete(&links)).await? {
        Ok(()) => Looked::Deleted,
        Err((path, e)) => Looked::Failed(format!("cannot delete `{}`: {e}", shown(&path))),
    })
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
