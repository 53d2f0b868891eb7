//! `ups-track sync`: uploads logs, and deletes runs that are uploaded. One file each for which logs are meant, the thread
//! that uploads and the one that tells of it, the uploads side by side, the upload of one log, what is said while it runs
//! and afterwards, the runs that are followed while they are written and how they are found, and the deletion.

mod chosen;
mod dry;
mod finder;
mod follow;
mod jobs;
mod one;
mod progress;
mod prune;
mod report;
mod run_dir;
mod thread;
mod watch;

use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::args::Sync;
use super::screen::Screen;
use super::text::clean;
use super::{FINE, Failure};
use crate::log::Beginning;
use crate::os::lock::Lock;
use crate::settings::{Sources, rules, stream_interval};
use crate::upload::transport::Retry;
use crate::upload::{self, Access, Client, Options};
use chosen::Log;

/// Uploads everything that was asked for; gives the worst exit code.
pub(super) fn sync(args: &Sync, screen: &mut Screen<impl Write>, err: &mut dyn Write) -> Result<u8, Failure> {
    check(args)?;
    let mut worst = FINE;
    let logs = chosen::logs(args, err, &mut worst);
    if args.prune {
        return Ok(prune::prune(args, &logs, screen, err)?.max(worst));
    }
    if args.id.is_some() && logs.len() > 1 {
        let many = logs.len();
        return Err(Failure::Said(format!("--id is for one log, and these are {many}; name one of them")));
    }
    if args.watch {
        drop(logs);
        return Ok(watch::watch(args, screen, err)?.max(worst));
    }
    let mut taken = Vec::new();
    for log in logs {
        let log = Log::look(args, log);
        match left_out(args, &log) {
            None => taken.push(log),
            Some(_) if args.quiet => {}
            Some(reason) => writeln!(screen, "{}: {reason}", log.name())?,
        }
    }
    screen.flush()?;
    let code = if args.dry_run {
        dry::tell(args, &taken, screen)?
    } else {
        jobs::upload(args, chosen::by_run(taken), screen, err)?
    };
    Ok(worst.max(code))
}

/// Why there is nothing to upload, if there is not.
fn left_out(args: &Sync, log: &Log) -> Option<&'static str> {
    if log.beginning == Beginning::Never && !Lock::is_taken(log.dir()) {
        return Some("never began: its process was killed before it recorded anything");
    }
    chosen::skipped(args, log)
}

/// Refuses names that a run cannot have.
fn check(args: &Sync) -> Result<(), Failure> {
    let bad = |option: &str, value: &str, rule: String| {
        Failure::Said(format!("{option} `{}` {rule}", clean(value)))
    };
    if let Some(id) = &args.id {
        rules::run_id(id).map_err(|rule| bad("--id", id, rule))?;
    }
    if let Some(project) = &args.project {
        rules::project(project).map_err(|rule| bad("--project", project, rule))?;
    }
    Ok(())
}

/// A path as it is told: from here, if it is below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let short = here.as_deref().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    crate::harmless::path(short)
}

/// The server, and what is the same for all logs. It belongs to one thread.
struct Server {
    client: Client,
    options: Options,
    /// Time between two requests with rows of a run that goes on.
    interval: Duration,
}

impl Server {
    /// The server, for so many jobs side by side.
    fn find(args: &Sync, jobs: usize) -> Result<Self, Failure> {
        let said = |e: upload::Failure| Failure::Said(e.to_string());
        let mut sources = Sources::process();
        let access = Access::find(&mut sources).map_err(said)?;
        let client = Client::new(&access.address, access.key().map_err(said)?, &sources).map_err(said)?;
        // Two connections for each of the jobs that there may be, and each has one already.
        let transfers = (2 * usize::from(args.jobs)).saturating_sub(jobs).max(1);
        let options = Options {
            id: args.id.clone(),
            project: args.project.clone(),
            entity: args.entity.clone(),
            default_project: access.project,
            default_entity: access.entity,
            changes: upload::Changes { job_type: args.job_type.clone(), tags: args.replace_tags.clone() },
            again: args.include_synced,
            ..Options::default()
        };
        let interval = stream_interval(&sources).map_err(|e| Failure::Said(e.with_cause()))?;
        Ok(Self { client: client.with_transfers(transfers), options, interval })
    }

    /// The client for one upload, whose troubles are told.
    fn client_for(&self, teller: &thread::Teller) -> Rc<Client> {
        let teller = teller.clone();
        Rc::new(self.client.for_log(std::sync::Arc::new(move |trouble| {
            teller.step(match trouble {
                Some(Retry { failure, wait }) => progress::Step::Trouble(failure.to_string(), wait),
                None => progress::Step::Well,
            });
        })))
    }
}
