//! A run whose guard was dropped while `main` returns: what comes of the process is known only behind that. If it ends with
//! another exit code than 0, so has the run.
//!
//! When the guard is dropped nobody can tell whether the process goes on, so the run ends as one that is well; if the process
//! then ends otherwise, at once, the end is put right, in the log and on the server.

use std::fs::OpenOptions;
use std::io::{self, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Run;
use super::uplink::Again;
use crate::log::record::{Exit, Kind, Record};
use crate::log::{LogWriter, Reader, marker};
use crate::os::lock::Lock;
use crate::{ends, say};

/// A run that has ended well with its guard.
#[derive(Debug)]
struct Parted {
    id: String,
    quiet: bool,
    log: PathBuf,
    dir: PathBuf,
    /// The upload, if all is on the server.
    again: Option<Again>,
}

/// Whether this thread's end is that of the process.
fn is_main_thread() -> bool {
    std::thread::current().name() == Some("main")
}

impl Run {
    /// Ends the run as one that is well, with its guard.
    pub(super) fn part(&self) -> crate::Result<()> {
        let began = Instant::now();
        let finished = self.finish_with(0)?;
        let Some(live) = self.0.live.as_ref().filter(|live| live.dir.shard.is_none()) else { return Ok(()) };
        if is_main_thread() && finished.exit_code() == 0 {
            let parted = Parted {
                id: self.0.id.clone(),
                quiet: self.0.quiet,
                log: live.dir.log.clone(),
                dir: live.dir.lock_dir().to_owned(),
                again: live
                    .uplink
                    .as_ref()
                    .filter(|_| finished.is_uploaded())
                    .map(super::uplink::Uplink::again),
            };
            ends::parted(began, Arc::new(parted));
        }
        Ok(())
    }
}

impl ends::Amend for Parted {
    fn amend(&self, code: i32, patience: Duration) {
        if let Err(e) = self.rewrite(code) {
            return say::warning(&format!(
                "run {} has failed with exit code {code}, but its log says that it finished, and cannot be put right: {e}",
                self.id
            ));
        }
        let told = self.again.as_ref().is_none_or(|again| {
            // What is sent is not the whole any more.
            drop(std::fs::remove_file(marker(&self.log)));
            again.send(patience)
        });
        if !self.quiet {
            let rest = if told { "" } else { "; `ups-track sync` tells the server" };
            say::note(&format!(
                "run {} failed with exit code {code}: the process ended with it{rest}",
                self.id
            ));
        }
    }
}

impl Parted {
    /// Puts another exit record in the place of the last record.
    fn rewrite(&self, code: i32) -> io::Result<()> {
        let lock = Lock::take(&self.dir);
        if let Ok(None) = lock {
            return Err(io::Error::other("another process writes it"));
        }
        let (end, records, exit) = self.find_exit()?;
        let mut file = OpenOptions::new().read(true).write(true).open(&self.log)?;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        let mut log = LogWriter::resume(file, end, records);
        let exit = Exit { exit_code: code, ..exit };
        log.append(Record { kind: Some(Kind::Exit(exit)), ..Record::default() })?;
        log.flush()
    }

    /// Where the log ends before its last record, which must be an exit record, and how many records there are up to there.
    fn find_exit(&self) -> io::Result<(u64, i64, Exit)> {
        let damaged = |e| io::Error::other(format!("{e}"));
        let mut reader = Reader::open(&self.log).map_err(damaged)?;
        let (mut before, mut records) = (0, 0);
        let (mut end, mut last) = (0, Vec::new());
        while reader.advance().map_err(damaged)? {
            records += 1;
            (before, end) = (end, reader.position());
            last.clear();
            last.extend_from_slice(reader.current());
        }
        match crate::log::lean::decode(&last).map(|record| record.kind) {
            Ok(Some(Kind::Exit(exit))) if records > 1 => Ok((before, records - 1, exit)),
            _ => Err(io::Error::other("it does not end with an exit record")),
        }
    }
}
