//! The records of a log, up to its end or to where it is damaged; of one that is being written, as far as it is there.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use prost::Message;

use super::Failure;
use super::log::{Damage, Options};
use super::run::Described;
use crate::log::Reader;
use crate::log::record::{Kind, Record};
use crate::os::descriptors::is_shortage;

/// The records of a log up to its end or damage.
pub(super) struct Source {
    reader: Reader,
    path: PathBuf,
    pub(super) damage: Option<Damage>,
    /// The end of the last whole record.
    whole: u64,
    /// Whether the log is being written, so that its end is not the end.
    grows: bool,
    /// Whether everything that was there has been read.
    waits: bool,
}

impl Source {
    pub(super) fn open(log: &Path, grows: bool) -> Result<Self, Failure> {
        let reader = Reader::open(log).map_err(|e| Failure::Log(said(&e)))?;
        Ok(Self { reader, path: log.to_owned(), damage: None, whole: 0, grows, waits: false })
    }

    /// Bytes of the log that were read.
    pub(super) fn position(&self) -> u64 {
        self.whole
    }

    /// From here on, what is in the log is all that will be.
    pub(super) fn settle(&mut self) {
        if std::mem::replace(&mut self.grows, false) && self.waits {
            self.again();
        }
    }

    /// Looks whether the log has become longer.
    fn has_grown(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|file| file.len() > self.whole)
    }

    /// Goes on behind the last whole record.
    fn again(&mut self) {
        self.waits = false;
        let opened = if self.whole == 0 {
            Reader::open(&self.path).map_err(|e| said(&e))
        } else {
            let file = File::open(&self.path)
                .and_then(|mut file| file.seek(SeekFrom::Start(self.whole)).map(|_| file));
            if self.grows && file.as_ref().is_err_and(is_shortage) {
                // Not now.
                self.waits = true;
                return;
            }
            let resumed = file.map(|file| {
                Reader::resume(BufReader::with_capacity(64 * 1024, file), &self.path, self.whole)
            });
            resumed.map_err(|e| format!("cannot read `{}`: {e}", crate::harmless::path(&self.path)))
        };
        match opened {
            Ok(reader) => self.reader = reader,
            Err(text) => self.damage = Some(Damage { text, torn: false }),
        }
    }

    /// Goes on to the next record, whose bytes [`raw`](Self::raw) gives then. False at the end, and at damage; of a log that
    /// grows, where it is now.
    pub(super) fn advance(&mut self) -> bool {
        if self.waits && self.has_grown() {
            self.again();
        }
        if self.waits || self.damage.is_some() {
            return false;
        }
        match self.reader.advance() {
            Ok(true) => {
                self.whole = self.reader.position();
                return true;
            }
            Ok(false) => self.waits = self.grows,
            // A record that is not whole yet.
            Err(e) if self.grows && e.is_torn() => self.waits = true,
            Err(e) => self.damage = Some(Damage { text: said(&e), torn: e.is_torn() }),
        }
        false
    }

    /// The bytes of the record.
    pub(super) fn raw(&self) -> &[u8] {
        self.reader.current()
    }

    /// What the record holds; none if it is nothing, or damage.
    pub(super) fn decode(&mut self) -> Option<Kind> {
        match Record::decode(self.reader.current()) {
            Ok(record) => record.kind,
            Err(e) => {
                let path = crate::harmless::path(&self.path);
                let text = format!("`{path}` holds a record that is none of W&B's: {e}");
                self.damage = Some(Damage { text, torn: false });
                None
            }
        }
    }

    /// What describes the run up to its first record. False if a log that grows has none yet.
    pub(super) fn run(&mut self, described: &mut Described, options: &Options) -> Result<bool, Failure> {
        while self.advance() {
            let Some(kind) = self.decode() else { continue };
            let is_run = matches!(kind, Kind::Run(_));
            described.take(kind, self.raw());
            if is_run {
                let run = &mut described.run;
                if let Some(id) = &options.id {
                    run.run_id.clone_from(id);
                }
                name(&mut run.project, options.project.as_ref(), options.default_project.as_ref());
                name(&mut run.entity, options.entity.as_ref(), options.default_entity.as_ref());
                described.changes = options.changes.clone();
                return Ok(true);
            }
        }
        if self.grows && self.damage.is_none() {
            return Ok(false);
        }
        let path = crate::harmless::path(&self.path);
        let damage = self.damage.take().map(|damage| format!(": {}", damage.text)).unwrap_or_default();
        Err(Failure::Log(format!("`{path}` has no run record, so there is no run to upload{damage}")))
    }
}

/// What was asked for goes before what the log says, and that before the default.
fn name(own: &mut String, asked: Option<&String>, default: Option<&String>) {
    if let Some(name) = asked.or(default.filter(|_| own.is_empty())) {
        own.clone_from(name);
    }
}

/// An error of the reader, with its cause.
fn said(error: &crate::log::ReadError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    crate::harmless::clean(&format!("{error}{cause}")).into_owned()
}
