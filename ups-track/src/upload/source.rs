//! The records of a log, up to its end or to where it is damaged.

use std::path::{Path, PathBuf};

use prost::Message;

use super::Failure;
use super::log::{Damage, Options};
use super::run::Described;
use crate::log::Reader;
use crate::log::record::{Kind, Record};

/// The records of a log up to its end or damage.
pub(super) struct Source {
    reader: Reader,
    path: PathBuf,
    pub(super) damage: Option<Damage>,
}

impl Source {
    pub(super) fn open(log: &Path) -> Result<Self, Failure> {
        let reader = Reader::open(log).map_err(|e| Failure::Log(said(&e)))?;
        Ok(Self { reader, path: log.to_owned(), damage: None })
    }

    /// Bytes of the log that were read.
    pub(super) fn position(&self) -> u64 {
        self.reader.position()
    }

    /// The next record that holds anything.
    pub(super) fn next(&mut self) -> Option<(Kind, &[u8])> {
        loop {
            match self.reader.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(e) => {
                    self.damage = Some(Damage { text: said(&e), torn: e.is_torn() });
                    return None;
                }
            }
            match Record::decode(self.reader.current()) {
                Ok(Record { kind: Some(kind), .. }) => return Some((kind, self.reader.current())),
                Ok(_) => {}
                Err(e) => {
                    let path = crate::harmless::path(&self.path);
                    let text = format!("`{path}` holds a record that is none of W&B's: {e}");
                    self.damage = Some(Damage { text, torn: false });
                    return None;
                }
            }
        }
    }

    /// What describes the run up to its first record.
    pub(super) fn run(&mut self, options: &Options) -> Result<Described, Failure> {
        let mut described = Described::new();
        while let Some((kind, raw)) = self.next() {
            let is_run = matches!(kind, Kind::Run(_));
            described.take(kind, raw);
            if is_run {
                let run = &mut described.run;
                if let Some(id) = &options.id {
                    run.run_id.clone_from(id);
                }
                name(&mut run.project, options.project.as_ref(), options.default_project.as_ref());
                name(&mut run.entity, options.entity.as_ref(), options.default_entity.as_ref());
                described.changes = options.changes.clone();
                return Ok(described);
            }
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
