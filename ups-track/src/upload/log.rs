//! The upload of one log: its records in order, and what a run needs at its beginning and end.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::leftover::Leftover;
use super::run::{Changes, Described};
use super::sender::{Manner, Upload};
use super::source::Source;
use super::state::Memory;
use super::transfer::Outcome;
use super::{Client, Failure, Writer};
use crate::os::files::Stamp;
use crate::settings::Resume;

/// What the caller wants to be other than the log says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) id: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) entity: Option<String>,
    /// What the settings say, where the log says nothing.
    pub(crate) default_project: Option<String>,
    pub(crate) default_entity: Option<String>,
    pub(crate) changes: Changes,
    /// Which of several writers of one run this is.
    pub(crate) writer: Option<Writer>,
    /// What shall be if the server has the run, where the log does not say.
    pub(crate) resume: Option<Resume>,
    /// Whether a log is sent of which nothing is left that can be.
    pub(crate) again: bool,
}

/// What happens while a log is sent.
#[derive(Debug)]
pub(crate) enum Progress<'a> {
    /// The server knows the run; this is its page.
    Begun { page: &'a str },
    /// So many bytes of the log were read.
    Read(u64),
    /// So many rows of the log are on the server.
    Rows(u64),
    /// So many files are being looked at and sent.
    Files(usize),
}

/// Why a log could not be read to its end.
#[derive(Debug)]
pub(crate) struct Damage {
    pub(crate) text: String,
    /// Whether it only ends inside a record, as after a crash.
    pub(crate) torn: bool,
}

/// What is sent beside the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Beside {
    Description,
    Files,
    Alerts,
}

/// What was sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) page: String,
    /// Rows in the log, as far as it can be read.
    pub(crate) rows: u64,
    /// Rows of the log that the server has.
    pub(crate) rows_there: u64,
    /// Rows of these that an earlier upload had sent.
    pub(crate) rows_before: u64,
    pub(crate) lines_too_long: u64,
    pub(crate) files: Outcome,
    /// What the server did not take of the rest, and has not taken since.
    pub(crate) trouble: BTreeMap<Beside, String>,
    /// What the server said to alerts that it did not take.
    pub(crate) refused_alerts: Vec<String>,
    /// Records that this version does not upload, by what they are.
    pub(crate) artifacts: u64,
    pub(crate) tensorboard: u64,
    /// What is wrong with the log behind what was sent.
    pub(crate) damage: Option<Damage>,
    /// The exit code that the log says.
    pub(crate) exit_code: Option<i32>,
    /// Whether nothing was sent now, as an earlier upload has sent all that can be.
    pub(crate) is_old: bool,
}

impl Sent {
    /// Whether all that the log holds is on the server.
    pub(crate) fn is_all(&self) -> bool {
        self.damage.is_none()
            && self.artifacts == 0
            && self.tensorboard == 0
            && self.files.failed.is_empty()
            && self.trouble.is_empty()
            && self.rows <= self.rows_there
    }

    /// Whether sending it once more may bring what is left.
    pub(super) fn is_mendable(&self) -> bool {
        self.damage.is_none() && !(self.files.failed.is_empty() && self.trouble.is_empty())
    }

    /// What is left, if it can never be sent, however often the log is.
    pub(super) fn leftover(&self, log: &Path) -> Option<Leftover> {
        let torn = self.damage.as_ref().is_some_and(|damage| damage.torn);
        let more = !self.files.failed.is_empty() || !self.trouble.is_empty() || torn;
        let lost = self.rows.saturating_sub(self.rows_there);
        if more || lost > self.lines_too_long || self.is_all() {
            return None;
        }
        Some(Leftover {
            log: Stamp::of(&log.metadata().ok()?),
            page: self.page.clone(),
            rows: self.rows,
            rows_there: self.rows_there,
            lines_too_long: self.lines_too_long,
            artifacts: self.artifacts,
            tensorboard: self.tensorboard,
            damage: self.damage.as_ref().map(|damage| damage.text.clone()),
            exit_code: self.exit_code,
        })
    }

    /// What an earlier upload has left, if the log has not changed since.
    #[cfg(feature = "cli")]
    fn as_before(memory: &Memory, log: &Path) -> Option<Self> {
        let sent = memory.sent()?;
        let left = sent.leftover.clone()?;
        (Stamp::of(&log.metadata().ok()?) == left.log).then(|| Self {
            page: left.page,
            rows: left.rows,
            rows_there: left.rows_there,
            rows_before: left.rows_there,
            lines_too_long: left.lines_too_long,
            artifacts: left.artifacts,
            tensorboard: left.tensorboard,
            damage: left.damage.map(|text| Damage { text, torn: false }),
            exit_code: left.exit_code,
            files: Outcome { there: sent.files.keys().cloned().collect(), ..Outcome::default() },
            is_old: true,
            ..Self::default()
        })
    }
}

/// Whoever sends a log that is still being written.
pub(crate) trait Along {
    /// Whether the log is complete; `has_ended` if its last record was read.
    fn is_complete(&self, has_ended: bool) -> bool;

    /// Somebody has asked on the server that the run stops.
    fn stop(&self);

    /// Waits until the log may have grown or is complete.
    fn rest(&self) -> impl Future<Output = ()>;
}

/// Sends a log that is complete, within a set of local tasks. What an earlier call has sent is not sent again, however
/// that one ended.
///
/// # Errors
///
/// If the log cannot be read or has no run, or the server does not take it. A log that is damaged is no error: what
/// precedes the damage is sent.
#[cfg(feature = "cli")]
pub(crate) async fn send(
    client: &Rc<Client>,
    log: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Sent, Failure> {
    let whole = async {
        let mut memory = Memory::open(log)?;
        if let (false, Some(sent)) = (options.again, Sent::as_before(&memory, log)) {
            return Ok(sent);
        }
        let writer = memory.writer(options.writer.as_ref())?;
        let client = &for_writer(client, writer.as_ref())?;
        let mut source = Source::open(log, false)?;
        let mut described = Described::new();
        source.run(&mut described, options)?;
        let mut upload =
            Upload::begin(client, log, described, memory, Manner { live: false, writer }).await?;
        progress(Progress::Begun { page: &upload.sent.page });
        let sent = to_its_end(&mut upload, &mut source, progress).await;
        if sent.is_err() {
            upload.settle().await;
        }
        upload.left_over(log, sent)
    };
    Box::pin(whole).await
}

/// Sends what a log has, to its end.
#[cfg(feature = "cli")]
async fn to_its_end(
    upload: &mut Upload,
    source: &mut Source,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Sent, Failure> {
    while read(upload, source, progress).await? {}
    upload.sent.damage = source.damage.take();
    upload.end(progress).await
}

/// Sends a log while it is being written, within a set of local tasks.
///
/// # Errors
///
/// As for a log that is complete.
pub(crate) async fn follow(
    client: &Rc<Client>,
    log: &Path,
    options: &Options,
    along: &impl Along,
    interval: Duration,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Sent, Failure> {
    let live = async {
        let mut memory = Memory::open(log)?;
        let writer = memory.writer(options.writer.as_ref())?;
        let client = &for_writer(client, writer.as_ref())?;
        let mut source = Source::open(log, true)?;
        let mut described = Described::new();
        while !source.run(&mut described, options)? {
            if along.is_complete(false) {
                source.settle();
            }
            along.rest().await;
        }
        resume(client, &mut described, &memory, options.resume).await?;
        let mut upload = Upload::begin(client, log, described, memory, Manner { live: true, writer }).await?;
        progress(Progress::Begun { page: &upload.sent.page });
        progress(Progress::Rows(upload.rows_there()));
        let sent = beside(&mut upload, &mut source, along, interval, progress).await;
        if sent.is_err() {
            upload.settle().await;
        }
        upload.left_over(log, sent)
    };
    Box::pin(live).await
}

/// Sends what a log has and gets, until it is complete.
async fn beside(
    upload: &mut Upload,
    source: &mut Source,
    along: &impl Along,
    interval: Duration,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Sent, Failure> {
    loop {
        // Asked before the log is read: what is written after the question is read the next time.
        let complete = along.is_complete(upload.exit.is_some());
        // Behind an exit record nothing is read: who adds what children have left writes the log anew, before that record.
        let more = upload.exit.is_none() && read(upload, source, progress).await?;
        if source.damage.is_some() {
            break;
        }
        // Whoever writes the log also writes files beside it, behind the last record.
        if complete && !more {
            if upload.exit.is_none() {
                source.settle();
                while read(upload, source, progress).await? {}
            }
            break;
        }
        upload.go_on(interval).await?;
        progress(Progress::Rows(upload.rows_there()));
        if upload.stream.stopped {
            along.stop();
        }
        if !more {
            along.rest().await;
        }
    }
    upload.sent.damage = source.damage.take();
    upload.end(progress).await
}

/// The client for this log.
fn for_writer(client: &Rc<Client>, writer: Option<&Writer>) -> Result<Rc<Client>, Failure> {
    match writer {
        Some(writer) => Ok(Rc::new(client.for_writer(&writer.id)?)),
        None => Ok(Rc::clone(client)),
    }
}

/// Keeps the promise of a run that must or must not be there, and goes on with one that may be.
async fn resume(
    client: &Client,
    described: &mut Described,
    memory: &Memory,
    resume: Option<Resume>,
) -> Result<(), Failure> {
    let run = &mut described.run;
    let (Some(Resume::Must | Resume::Never), None) = (resume, memory.start()) else {
        run.resume |= resume == Some(Resume::Auto);
        return Ok(());
    };
    let there = super::begin::existing(client, run).await?.is_some();
    let id = crate::harmless::clean(&run.run_id);
    match resume {
        Some(Resume::Must) if !there => Err(Failure::Log(format!(
            "there is no run `{id}` on the server, and `resume` is `must`; `allow` would begin it"
        ))),
        Some(Resume::Never) if there => Err(Failure::Log(format!(
            "there is a run `{id}` on the server, and `resume` is `never`; `allow` would go on with it"
        ))),
        _ => Ok(()),
    }
}

/// Reads what the log has, up to the end of the run or until there was enough for a request, which then is sent; tells
/// whether there may be more.
async fn read(
    upload: &mut Upload,
    source: &mut Source,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<bool, Failure> {
    while source.advance() {
        // Most records are rows, and most of these need not be taken apart.
        if !upload.take_row(source.raw()) {
            let Some(kind) = source.decode() else { continue };
            upload.take(kind, source.raw()).await?;
        }
        if upload.stream.is_full() {
            upload.flush().await?;
            progress(Progress::Rows(upload.rows_there()));
            progress(Progress::Read(source.position()));
            return Ok(upload.exit.is_none());
        }
        if upload.exit.is_some() {
            break;
        }
    }
    progress(Progress::Read(source.position()));
    Ok(false)
}
