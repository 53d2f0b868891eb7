//! What is remembered beside a log, so that an upload that was interrupted, however, goes on where it was, and no line is
//! sent twice: from where the first upload began (`<log>.syncstate`, which W&B's client keeps as well), and what was sent
//! since (the [journal](super::journal)). A file that stays, `<log>.lock`, keeps others from uploading the log meanwhile.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::journal::{Journal, Sending};
use super::leftover::Leftover;
use super::server::Target;
use super::{Failure, Writer};
use crate::log::beside;
use crate::log::record::Run;
use crate::os::files::{write_whole, write_whole_for_good};
use crate::os::lock::Lock;

/// The content of `<log>.syncstate`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Content {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starting_step: Option<i64>,
    /// Milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starting_runtime: Option<i64>,
    /// Which of several writers of one run the log is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ups_track_writer: Option<Writer>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The memory of one log. While it exists, no other process of ours uploads the log.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(super) log: PathBuf,
    path: PathBuf,
    content: Content,
    sent: Option<Sending>,
    journal: Journal,
    _lock: Lock,
}

impl Memory {
    /// Reads what is remembered of a log.
    ///
    /// # Errors
    ///
    /// If another process uploads the log, or what is remembered cannot be read or understood.
    pub(crate) fn open(log: &Path) -> Result<Self, Failure> {
        let lock = lock(log)?;
        let path = beside(log, ".syncstate");
        let content = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|e| {
                Failure::Log(format!(
                    "`{}` says from where the log was sent, but is not understood ({e}); if it is removed, steps may be others than they were",
                    crate::harmless::path(&path)
                ))
            })?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(source) => return Err(Failure::File { action: "read", path, source }),
        };
        let (journal, sent) = Journal::open(log)?;
        Ok(Self { log: log.to_owned(), path, content, sent, journal, _lock: lock })
    }

    /// Step and run time in seconds from which the first upload began.
    pub(crate) fn start(&self) -> Option<(i64, f64)> {
        let runtime = self.content.starting_runtime.unwrap_or(0) as f64 / 1e3;
        Some((self.content.starting_step?, runtime))
    }

    /// What was sent to this run before.
    pub(crate) fn sending(&self, server: &str, target: &Target, id: &str) -> Option<Sending> {
        let is_it =
            |sent: &&Sending| sent.to.server == server && sent.to.id == id && sent.target() == *target;
        self.sent.as_ref().filter(is_it).cloned()
    }

    /// Which of several writers of one run the log is, if it is one: what was said first counts, and is on the disk before
    /// the server hears of it.
    pub(crate) fn writer(&mut self, new: Option<&Writer>) -> Result<Option<Writer>, Failure> {
        if self.content.ups_track_writer.is_none() && new.is_some() {
            self.content.ups_track_writer = new.cloned();
            self.save()?;
        }
        Ok(self.content.ups_track_writer.clone())
    }

    /// Whether the run was rewound for this log. An empty name stands for the server's default.
    pub(crate) fn is_rewound(&self, server: &str, run: &Run) -> bool {
        let is = |own: &str, asked: &str| asked.is_empty() || own == asked;
        self.sent.as_ref().map(|sent| &sent.to).is_some_and(|to| {
            let named = is(&to.entity, &run.entity) && is(&to.project, &run.project);
            to.rewound && to.server == server && to.run == run.run_id && named
        })
    }

    /// What was sent, wherever.
    pub(crate) fn sent(&self) -> Option<&Sending> {
        self.sent.as_ref()
    }

    /// Remembers from where an upload begins, and what of the log is there already.
    #[expect(clippy::cast_possible_truncation, reason = "a run time in milliseconds")]
    pub(crate) fn begin(&mut self, step: i64, runtime: f64, sending: &Sending) -> Result<(), Failure> {
        let before = self.content.clone();
        self.content.starting_step = Some(step);
        self.content.starting_runtime = Some((runtime * 1e3) as i64);
        if self.content != before {
            self.save()?;
        }
        self.sent = None;
        self.journal.begin(sending)
    }

    fn save(&self) -> Result<(), Failure> {
        let text = serde_json::to_vec(&self.content).unwrap_or_default();
        write_whole_for_good(&self.path, &text).map_err(|source| Failure::File {
            action: "write",
            path: self.path.clone(),
            source,
        })
    }
}

/// Takes the lock of a log.
fn lock(log: &Path) -> Result<Lock, Failure> {
    // Nobody gets a memory of a log that is not there.
    log.metadata().map_err(|source| Failure::File { action: "read", path: log.to_owned(), source })?;
    match Lock::take_upload(log) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => {
            let shown = crate::harmless::path(log);
            Err(Failure::Busy(format!("`{shown}` is being uploaded by another process")))
        }
        Err(source) => Err(Failure::File { action: "lock", path: log.to_owned(), source }),
    }
}

/// Whether another process of ours sends a log.
#[cfg(feature = "cli")]
pub(crate) fn is_being_sent(log: &Path) -> bool {
    Lock::is_upload_taken(log)
}

/// What is remembered, in the hands of all who send.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) memory: Memory,
    pub(crate) sending: Sending,
}

impl Book {
    /// A request with the lines that the lanes say is about to go: on the disk before it does.
    pub(super) fn on_its_way(&mut self) -> Result<(), Failure> {
        self.memory.journal.at(&self.sending, true)
    }

    /// It has arrived, or will never.
    pub(super) fn settled(&mut self) -> Result<(), Failure> {
        self.memory.journal.at(&self.sending, false)
    }

    /// An alert has arrived, or was refused.
    pub(super) fn alerted(&mut self) -> Result<(), Failure> {
        self.sending.alerts += 1;
        self.memory.journal.alerts(self.sending.alerts)
    }

    /// A file of this digest is there.
    pub(super) fn has_file(&mut self, name: &str, digest: String) -> Result<(), Failure> {
        self.memory.journal.file(name, &digest)?;
        self.sending.files.insert(name.to_owned(), digest);
        Ok(())
    }

    /// All is there but what cannot be sent.
    pub(super) fn left_over(&mut self, leftover: Option<Leftover>) -> Result<(), Failure> {
        self.memory.journal.leftover(leftover)
    }
}

/// A [`Book`] that several tasks of one thread write in; nobody holds it while waiting.
pub(crate) type Shared = Rc<RefCell<Book>>;

/// Writes a file anew; it takes the place of the old one as a whole.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    write_whole(path, content).map_err(|source| Failure::File {
        action: "write",
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_for_one_run() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("run-x.wandb");
        assert!(Memory::open(&log).is_err());
        fs::write(&log, "").unwrap();
        fs::write(beside(&log, ".syncstate"), r#"{"starting_step": 7, "starting_runtime": 1500, "new": 1}"#)
            .unwrap();
        let target = |run: &str| Target { entity: "e".into(), project: "p".into(), run: run.into() };
        let mut memory = Memory::open(&log).unwrap();
        assert_eq!(memory.start(), Some((7, 1.5)));
        let mut sending = Sending::new("http://s", &target("r"), "id", false);
        sending.alerts = 3;
        memory.begin(8, 2.0, &sending).unwrap();
        // Only one at a time, also when the log is replaced meanwhile.
        assert!(Memory::open(&log).unwrap_err().to_string().contains("another process"));
        fs::rename(&log, dir.path().join("old")).unwrap();
        fs::write(&log, "").unwrap();
        assert!(Memory::open(&log).unwrap_err().to_string().contains("another process"));
        drop(memory);
        let memory = Memory::open(&log).unwrap();
        assert_eq!(memory.start(), Some((8, 2.0)));
        assert_eq!(memory.sending("http://s", &target("r"), "id").unwrap().alerts, 3);
        assert!(memory.sending("http://s", &target("q"), "id").is_none());
        assert!(memory.sending("http://t", &target("r"), "id").is_none());
        // Deleted and made anew it is another run.
        assert!(memory.sending("http://s", &target("r"), "new").is_none());
        let text = fs::read_to_string(beside(&log, ".syncstate")).unwrap();
        assert!(text.contains(r#""new":1"#), "{text}");
        drop(memory);
        fs::write(beside(&log, ".syncstate"), "{").unwrap();
        assert!(Memory::open(&log).unwrap_err().to_string().contains("not understood"));
    }

    #[test]
    fn a_writer_is_remembered_before_anybody_hears_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("run-x.wandb");
        fs::write(&log, "").unwrap();
        let writer = Writer::new("rank_1".into(), false, false);
        let mut memory = Memory::open(&log).unwrap();
        memory.writer(Some(&writer)).unwrap();
        drop(memory);
        let mut memory = Memory::open(&log).unwrap();
        assert_eq!(memory.writer(Some(&Writer::new("other".into(), true, true))).unwrap(), Some(writer));
    }
}
