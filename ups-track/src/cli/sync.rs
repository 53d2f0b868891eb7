//! `ups-track sync`: uploads logs.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::args::Sync;
use super::screen::{Colour, Screen};
use super::text::{clean, count};
use super::{FAILED, FINE, Failure, UNFINISHED, complain, find};
use crate::log::Reader;
use crate::log::record::Kind;
use crate::processes::lock::Lock;
use crate::processes::merge::{Purpose, merge};
use crate::settings::{Sources, rules};
use crate::upload::{self, Access, Client, Options, Progress, Sent};

/// Time between two lines of progress.
const SAY_EVERY: Duration = Duration::from_secs(3);

/// Uploads everything that was asked for; gives the worst exit code.
pub(super) fn sync(args: &Sync, screen: &mut Screen<impl Write>, err: &mut dyn Write) -> Result<u8, Failure> {
    check(args)?;
    let mut worst = FINE;
    let logs = logs(args, err, &mut worst);
    if args.id.is_some() && logs.len() > 1 {
        let many = logs.len();
        return Err(Failure::Said(format!("--id is for one log, and these are {many}; name one of them")));
    }
    let mut server = None;
    for log in logs {
        if let Some(reason) = skipped(args, &log) {
            if !args.quiet {
                writeln!(screen, "{}: {reason}", shown(&log))?;
            }
            continue;
        }
        let code = if args.dry_run {
            dry(args, &log, screen)?
        } else {
            if server.is_none() {
                server = Some(Server::find(args)?);
            }
            match &server {
                Some(server) => one(args, server, &log, screen, err)?,
                None => FINE,
            }
        };
        screen.flush()?;
        worst = worst.max(code);
    }
    Ok(worst)
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

/// The logs of all paths, each once, in the order in which the runs began.
fn logs(args: &Sync, err: &mut dyn Write, worst: &mut u8) -> Vec<PathBuf> {
    let mut logs: Vec<PathBuf> = Vec::new();
    for path in find::or_default(&args.paths) {
        match find::find(&path) {
            Ok(found) => {
                // The same log may be named twice, or through the link `latest-run`.
                for log in found.into_logs().into_iter().map(|log| log.canonicalize().unwrap_or(log)) {
                    if !logs.contains(&log) {
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
fn skipped(args: &Sync, log: &Path) -> Option<&'static str> {
    let dir = log.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    if marker(log).exists() && !args.include_synced && !has_more(log) {
        return Some("uploaded before (--include-synced uploads it again)");
    }
    if dir.is_some_and(|dir| dir.starts_with("run-")) && !args.include_online {
        return Some("was online, so it is on the server (--include-online uploads it nevertheless)");
    }
    None
}

/// Whether children have left something since the log was uploaded.
fn has_more(log: &Path) -> bool {
    matches!(merge(log, Purpose::Look), Ok(Some(outcome)) if outcome.records > 0)
}

/// The file that says that a log is uploaded.
fn marker(log: &Path) -> PathBuf {
    let mut name: OsString = log.as_os_str().to_owned();
    name.push(".synced");
    name.into()
}

fn shown(log: &Path) -> String {
    let here = std::env::current_dir().ok();
    let short = here.as_deref().and_then(|here| log.strip_prefix(here).ok()).unwrap_or(log);
    crate::harmless::path(short)
}

/// Says what an upload would send.
fn dry(args: &Sync, log: &Path, screen: &mut Screen<impl Write>) -> Result<u8, Failure> {
    let (mut rows, mut run, mut damage) = (0, None, None);
    let reader = Reader::open(log).map_err(|e| Failure::Said(e.to_string()))?;
    for entry in reader {
        match entry.map(|entry| entry.record.kind) {
            Ok(Some(Kind::History(_))) => rows += 1,
            Ok(Some(Kind::Run(first))) if run.is_none() => run = Some(first),
            Ok(_) => {}
            Err(e) => damage = Some(e),
        }
    }
    let Some(run) = run else {
        writeln!(screen, "{}: has no run record, so there is no run to upload", shown(log))?;
        return Ok(FAILED);
    };
    let or = |given: &Option<String>, own: &str, none: &str| {
        let own = if own.is_empty() { none } else { own };
        clean(given.as_deref().unwrap_or(own)).into_owned()
    };
    let place = format!(
        "{}/{}/{}",
        or(&args.entity, &run.entity, "(default entity)"),
        or(&args.project, &run.project, "(default project)"),
        or(&args.id, &run.run_id, "")
    );
    writeln!(screen, "{}: would upload {} to {place}", shown(log), count(rows, "row"))?;
    match damage {
        None => Ok(FINE),
        Some(damage) => {
            writeln!(screen, "  only up to where it is whole: {}", clean(&damage.to_string()))?;
            Ok(if damage.is_torn() { UNFINISHED } else { FAILED })
        }
    }
}

/// The server, and what is the same for all logs.
struct Server {
    client: Rc<Client>,
    options: Options,
}

impl Server {
    fn find(args: &Sync) -> Result<Self, Failure> {
        let said = |e: upload::Failure| Failure::Said(e.to_string());
        let mut sources = Sources::process().map_err(|e| Failure::Said(e.with_cause()))?;
        let access = Access::find(&mut sources).map_err(said)?;
        let client = Client::new(&access.address, access.key().map_err(said)?, &sources).map_err(said)?;
        let options = Options {
            id: args.id.clone(),
            project: args.project.clone(),
            entity: args.entity.clone(),
            default_project: access.project,
            default_entity: access.entity,
            changes: upload::Changes::default(),
        };
        Ok(Self { client: Rc::new(client), options })
    }
}

/// Uploads one log.
fn one(
    args: &Sync,
    server: &Server,
    log: &Path,
    screen: &mut Screen<impl Write>,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    let name = shown(log);
    let dir = log.parent().unwrap_or(Path::new("."));
    if Lock::is_taken(dir) {
        writeln!(screen, "{name}: is still being written; upload it when the run has ended")?;
        return Ok(UNFINISHED);
    }
    let mut left = Vec::new();
    match merge(log, Purpose::Merge) {
        Ok(None) => {}
        Ok(Some(outcome)) if outcome.live || outcome.open > 0 => {
            writeln!(screen, "{name}: children still write; upload it when they have ended")?;
            return Ok(UNFINISHED);
        }
        Ok(Some(outcome)) => left = outcome.bad,
        Err(reason) => left.push(reason),
    }
    let mut says = Says { err, name: &name, last: Instant::now(), quiet: args.quiet };
    let sent = upload::block_on(upload::send(&server.client, log, &server.options, &mut |progress| {
        says.progress(&progress);
    }));
    let sent = match sent {
        Ok(sent) => sent,
        Err(e) => {
            complain(err, format_args!("error: {name}: {e}\n"));
            return Ok(FAILED);
        }
    };
    let mut code = report(args, &name, &sent, screen)?;
    for reason in &left {
        writeln!(screen, "  not merged: {}", clean(reason))?;
        code = FAILED;
    }
    if sent.is_all()
        && left.is_empty()
        && let Err(e) = File::create(marker(log))
    {
        complain(err, format_args!("error: {name}: is uploaded, but cannot be marked so: {e}\n"));
        code = FAILED;
    }
    Ok(code)
}

/// Tells how an upload comes on.
struct Says<'a> {
    err: &'a mut dyn Write,
    name: &'a str,
    last: Instant,
    quiet: bool,
}

impl Says<'_> {
    fn progress(&mut self, progress: &Progress<'_>) {
        if self.quiet {
            return;
        }
        match progress {
            Progress::Begun { page } => complain(self.err, format_args!("{}: {}\n", self.name, clean(page))),
            Progress::Rows(rows) if self.last.elapsed() >= SAY_EVERY => {
                self.last = Instant::now();
                complain(self.err, format_args!("{}: {} so far\n", self.name, count(*rows, "row")));
            }
            Progress::Files(files) if *files > 16 => {
                complain(self.err, format_args!("{}: {}\n", self.name, count(*files as u64, "file")));
            }
            Progress::Rows(_) | Progress::Files(_) | Progress::Read(_) => {}
        }
    }
}

/// Tells what was uploaded, and what was not.
fn report(args: &Sync, name: &str, sent: &Sent, screen: &mut Screen<impl Write>) -> io::Result<u8> {
    let all = sent.is_all();
    if all && args.quiet {
        return Ok(FINE);
    }
    let (colour, word) =
        if all { (Colour::Good, "uploaded") } else { (Colour::Doubtful, "uploaded in part") };
    writeln!(screen, "{name}: {} {}", screen.paint(colour, word), clean(&sent.page))?;
    let before = match sent.rows_before {
        0 => String::new(),
        before => format!(" ({before} of them since an earlier upload)"),
    };
    let rows = count(sent.rows, "row");
    writeln!(screen, "  {rows} in the log, {} on the server{before}", sent.rows_there)?;
    let there = count(sent.files.there.len() as u64, "file");
    let exit = sent.exit_code.map_or("no exit record: failed".to_owned(), |code| format!("exit code {code}"));
    writeln!(screen, "  {there}, {exit}")?;
    for name in &sent.files.missing {
        writeln!(screen, "  not there any more: `{}`", clean(name))?;
    }
    for failed in &sent.files.failed {
        writeln!(screen, "  file not sent: {}", clean(failed))?;
    }
    for refused in &sent.refused_alerts {
        writeln!(screen, "  alert not sent: {}", clean(refused))?;
    }
    if sent.lines_too_long > 0 {
        writeln!(screen, "  {} longer than a server takes, left out", count(sent.lines_too_long, "line"))?;
    }
    for (records, what) in [(sent.artifacts, "artifact record"), (sent.tensorboard, "TensorBoard record")] {
        if records > 0 {
            let records = count(records, what);
            writeln!(screen, "  {records} not uploaded, which this version cannot: use `wandb sync`")?;
        }
    }
    if let Some(damage) = &sent.damage {
        writeln!(screen, "  only up to where it is whole: {}", clean(&damage.text))?;
    }
    Ok(match (&sent.damage, all) {
        (_, true) => FINE,
        (None, false) if sent.files.failed.is_empty() => UNFINISHED,
        (Some(damage), false) if damage.torn => UNFINISHED,
        _ => FAILED,
    })
}
