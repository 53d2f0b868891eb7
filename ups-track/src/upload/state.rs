//! What is remembered beside a log, in `<log>.syncstate`: how far it was sent, so that an upload that was interrupted,
//! however, goes on where it was, and no line is sent twice. W&B's client keeps the first two values there as well.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::server::Target;
use super::{Failure, Writer};
use crate::log::beside;
use crate::log::record::Run;
use crate::os::files::write_whole;

/// How far one of the streams is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Lines of this log that the server has confirmed.
    pub(crate) lines: u64,
    /// The server's line at which the next one goes.
    pub(crate) offset: u64,
    /// Lines that were on their way when this was written: the server has them, or not.
    pub(crate) in_flight: u64,
}

impl Place {
    /// Where it really goes on, now that the server says how many lines it has.
    ///
    /// None if others have written behind lines of which nobody knows whether they arrived.
    pub(super) fn on_server(self, count: u64) -> Option<Self> {
        let arrived = count.saturating_sub(self.offset);
        match self.in_flight {
            // What came behind ours is somebody else's.
            0 => Some(Self { offset: self.offset.max(count), ..self }),
            most if arrived <= most => {
                Some(Self { lines: self.lines + arrived, offset: self.offset + arrived, in_flight: 0 })
            }
            _ => None,
        }
    }
}

/// What was sent to one run of one server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Sending {
    server: String,
    entity: String,
    project: String,
    run: String,
    pub(crate) history: Place,
    pub(crate) events: Place,
    pub(crate) console: Place,
    pub(crate) alerts: u64,
    /// Whether the run was taken back to the step from which this log goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) rewound: bool,
    /// The files that are there, with their digests.
    pub(crate) files: BTreeMap<String, String>,
}

impl Sending {
    pub(crate) fn new(server: &str, target: &Target) -> Self {
        let Target { entity, project, run } = target.clone();
        Self { server: server.to_owned(), entity, project, run, ..Self::default() }
    }

    fn is_to(&self, server: &str, target: &Target) -> bool {
        let Target { entity, project, run } = target;
        self.server == server && self.entity == *entity && self.project == *project && self.run == *run
    }
}

/// The file's content.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Content {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starting_step: Option<i64>,
    /// Milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starting_runtime: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ups_track: Option<Sending>,
    /// Which of several writers of one run the log is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ups_track_writer: Option<Writer>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Attempts to get the lock of a log.
const LOOKS: usize = 5;

/// The memory of one log. While it exists, no other process of ours uploads the log.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(super) log: PathBuf,
    path: PathBuf,
    content: Content,
    _lock: File,
}

impl Memory {
    /// Reads what is remembered of a log.
    ///
    /// # Errors
    ///
    /// If another process uploads the log, or the file cannot be read or understood.
    pub(crate) fn open(log: &Path) -> Result<Self, Failure> {
        let file = |action, source| Failure::File { action, path: log.to_owned(), source };
        let lock = File::open(log).map_err(|e| file("read", e))?;
        // Elsewhere a lock would keep ourselves from reading.
        let mut locked = if cfg!(unix) { lock.try_lock() } else { Ok(()) };
        for _ in 0..LOOKS {
            // Somebody may only be looking whether it is held.
            if !matches!(locked, Err(fs::TryLockError::WouldBlock)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
            locked = lock.try_lock();
        }
        match locked {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let shown = crate::harmless::path(log);
                return Err(Failure::Log(format!("`{shown}` is being uploaded by another process")));
            }
            // A file system without locks.
            Err(fs::TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {}
            Err(fs::TryLockError::Error(e)) => return Err(file("lock", e)),
        }
        let path = beside(log, ".syncstate");
        let content = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|e| {
                Failure::Log(format!(
                    "`{}` says how far the log was sent, but is not understood ({e}); if it is removed, rows may be sent twice",
                    crate::harmless::path(&path)
                ))
            })?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(source) => return Err(Failure::File { action: "read", path, source }),
        };
        Ok(Self { log: log.to_owned(), path, content, _lock: lock })
    }

    /// Step and run time in seconds from which the first upload began.
    pub(crate) fn start(&self) -> Option<(i64, f64)> {
        let runtime = self.content.starting_runtime.unwrap_or(0) as f64 / 1e3;
        Some((self.content.starting_step?, runtime))
    }

    /// What was sent to this run before.
    pub(crate) fn sending(&self, server: &str, target: &Target) -> Option<Sending> {
        self.content.ups_track.clone().filter(|sending| sending.is_to(server, target))
    }

    /// Which of several writers of one run the log is, if it is one: what was said first counts.
    pub(crate) fn writer(&mut self, new: Option<&Writer>) -> Option<Writer> {
        if self.content.ups_track_writer.is_none() {
            self.content.ups_track_writer = new.cloned();
        }
        self.content.ups_track_writer.clone()
    }

    /// Whether the run was rewound for this log. An empty name stands for the server's default.
    pub(crate) fn is_rewound(&self, server: &str, run: &Run) -> bool {
        let is = |own: &str, asked: &str| asked.is_empty() || own == asked;
        self.content.ups_track.as_ref().is_some_and(|sending| {
            let named = is(&sending.entity, &run.entity) && is(&sending.project, &run.project);
            sending.rewound && sending.server == server && sending.run == run.run_id && named
        })
    }

    /// Where the log was sent, and how far: the server's address, the run, what arrived.
    #[cfg(feature = "cli")]
    pub(crate) fn sent(&self) -> Option<(&str, Target, &Sending)> {
        let sending = self.content.ups_track.as_ref()?;
        let Sending { server, entity, project, run, .. } = sending;
        let target = Target { entity: entity.clone(), project: project.clone(), run: run.clone() };
        Some((server, target, sending))
    }

    /// Remembers from where an upload begins.
    #[expect(clippy::cast_possible_truncation, reason = "a run time in milliseconds")]
    pub(crate) fn begin(&mut self, step: i64, runtime: f64) {
        self.content.starting_step = Some(step);
        self.content.starting_runtime = Some((runtime * 1e3) as i64);
    }

    /// Remembers how far an upload is: the file is the old one or the new one, whenever the process is killed.
    pub(crate) fn save(&mut self, sending: &Sending) -> Result<(), Failure> {
        self.content.ups_track = Some(sending.clone());
        let text = serde_json::to_vec(&self.content).unwrap_or_default();
        replace(&self.path, &text)
    }
}

/// What is remembered, in the hands of all who send.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) memory: Memory,
    pub(crate) sending: Sending,
}

impl Book {
    pub(crate) fn save(&mut self) -> Result<(), Failure> {
        self.memory.save(&self.sending)
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
    fn lines_on_their_way_arrived_or_not() {
        let place = Place { lines: 10, offset: 15, in_flight: 5 };
        assert_eq!(place.on_server(15), Some(Place { in_flight: 0, ..place }));
        assert_eq!(place.on_server(20), Some(Place { lines: 15, offset: 20, in_flight: 0 }));
        // The server is slower with its count than with its answer.
        assert_eq!(place.on_server(12), Some(Place { in_flight: 0, ..place }));
        assert_eq!(place.on_server(21), None);
        let at_rest = Place { in_flight: 0, ..place };
        assert_eq!(at_rest.on_server(30), Some(Place { offset: 30, ..at_rest }));
    }

    #[test]
    fn what_is_remembered_is_for_one_run() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("run-x.wandb");
        fs::write(&log, "").unwrap();
        fs::write(beside(&log, ".syncstate"), r#"{"starting_step": 7, "starting_runtime": 1500, "new": 1}"#)
            .unwrap();
        let target = |run: &str| Target { entity: "e".into(), project: "p".into(), run: run.into() };
        let mut memory = Memory::open(&log).unwrap();
        assert_eq!(memory.start(), Some((7, 1.5)));
        let mut sending = Sending::new("http://s", &target("r"));
        sending.alerts = 3;
        memory.save(&sending).unwrap();
        // Only one at a time.
        assert!(Memory::open(&log).unwrap_err().to_string().contains("another process"));
        drop(memory);
        let memory = Memory::open(&log).unwrap();
        assert_eq!(memory.sending("http://s", &target("r")).unwrap().alerts, 3);
        assert!(memory.sending("http://s", &target("q")).is_none());
        assert!(memory.sending("http://t", &target("r")).is_none());
        let text = fs::read_to_string(beside(&log, ".syncstate")).unwrap();
        assert!(text.contains(r#""new":1"#), "{text}");
        drop(memory);
        fs::write(beside(&log, ".syncstate"), "{").unwrap();
        assert!(Memory::open(&log).unwrap_err().to_string().contains("sent twice"));
    }
}
