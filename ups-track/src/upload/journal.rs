//! What was sent of a log, in `<log>.sent`: lines of JSON that are only ever added, and the whole written anew at each
//! beginning. A request is written here, and on the disk, before it is sent: after a power cut nobody knows whether its
//! lines arrived, but which ones.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Failure;
use super::leftover::Leftover;
use super::server::Target;
use crate::log::beside;
use crate::os::files::{append_to, write_whole_for_good};

/// Bytes that are added before the whole is written anew.
const MOST: u64 = 1024 * 1024;

/// How far one of the streams is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[u64; 4]", into = "[u64; 4]")]
pub(crate) struct Place {
    /// Lines of this log that are done with: the server has confirmed them, or they were left out.
    pub(crate) lines: u64,
    /// The server's line at which the next one goes.
    pub(crate) offset: u64,
    /// Lines that were on their way when this was written: the server has them, or not.
    pub(crate) in_flight: u64,
    /// Lines of those that are done with which no server takes.
    pub(crate) left_out: u64,
}

impl From<[u64; 4]> for Place {
    fn from([lines, offset, in_flight, left_out]: [u64; 4]) -> Self {
        Self { lines, offset, in_flight, left_out }
    }
}

impl From<Place> for [u64; 4] {
    fn from(place: Place) -> Self {
        [place.lines, place.offset, place.in_flight, place.left_out]
    }
}

/// What was sent to one run of one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sending {
    /// Whom.
    pub(super) to: To,
    /// History, system metrics, console.
    pub(crate) lanes: [Place; 3],
    pub(crate) alerts: u64,
    /// Rows of the log, and the step that the next one has at least, as others had added to the run.
    pub(crate) floors: Vec<(u64, i64)>,
    /// The files that are there, with their digests.
    pub(crate) files: BTreeMap<String, String>,
    /// What all was sent of, but for what cannot be.
    pub(super) leftover: Option<Leftover>,
}

/// Which run of which server, and whether it was taken back to the step from which this log goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct To {
    pub(super) server: String,
    pub(super) entity: String,
    pub(super) project: String,
    pub(super) run: String,
    /// The server's own name of it: a run that was deleted and made anew has another.
    pub(super) id: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) rewound: bool,
}

impl Sending {
    pub(crate) fn new(server: &str, target: &Target, id: &str, rewound: bool) -> Self {
        let Target { entity, project, run } = target.clone();
        let (server, id) = (server.to_owned(), id.to_owned());
        Self { to: To { server, entity, project, run, id, rewound }, ..Self::default() }
    }

    /// Rows of the log that the server has.
    pub(crate) fn rows(&self) -> u64 {
        let [history, ..] = self.lanes;
        history.lines.saturating_sub(history.left_out)
    }

    pub(super) fn target(&self) -> Target {
        let To { entity, project, run, .. } = self.to.clone();
        Target { entity, project, run }
    }

    /// What the request that is on its way has brought: all of its lines.
    pub(crate) fn arrived(&mut self) {
        for place in &mut self.lanes {
            let arrived = std::mem::take(&mut place.in_flight);
            place.lines += arrived;
            place.offset += arrived;
        }
    }

    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::To(to) => *self = Self { to, ..Self::default() },
            Entry::At(lanes) => self.lanes = lanes,
            Entry::Alerts(alerts) => self.alerts = alerts,
            Entry::Floor(rows, step) => self.floors.push((rows, step)),
            Entry::File(name, digest) => drop(self.files.insert(name, digest)),
            Entry::Leftover(leftover) => self.leftover = leftover,
        }
    }

    fn entries(&self) -> impl Iterator<Item = Entry> {
        let files = self.files.iter().map(|(name, digest)| Entry::File(name.clone(), digest.clone()));
        let floors = self.floors.iter().map(|(rows, step)| Entry::Floor(*rows, *step));
        let leftover = self.leftover.clone().map(|leftover| Entry::Leftover(Some(leftover)));
        [Entry::To(self.to.clone()), Entry::Alerts(self.alerts)]
            .into_iter()
            .chain(floors)
            .chain(files)
            .chain(leftover)
            .chain([Entry::At(self.lanes)])
    }
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    /// All that follows was sent there.
    To(To),
    At([Place; 3]),
    Alerts(u64),
    Floor(u64, i64),
    File(String, String),
    Leftover(Option<Leftover>),
}

/// The file.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: Option<File>,
    added: u64,
}

impl Journal {
    /// Reads what was sent of a log; none if nothing is known, or if the file is damaged.
    ///
    /// A last line that is not whole was being written when the power went, and its request was not sent yet.
    pub(super) fn open(log: &Path) -> Result<(Self, Option<Sending>), Failure> {
        let path = beside(log, ".sent");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(Failure::File { action: "read", path, source }),
        };
        Ok((Self { path, file: None, added: 0 }, read(&text)))
    }

    /// Writes all of it anew, so that it outlasts a power cut.
    pub(super) fn begin(&mut self, sending: &Sending) -> Result<(), Failure> {
        let mut text = Vec::new();
        for entry in sending.entries() {
            push(&mut text, &entry);
        }
        self.file = None;
        self.added = 0;
        write_whole_for_good(&self.path, &text).map_err(|e| self.fault(e))
    }

    /// Adds where the lanes are; `for_good` if it must outlast a power cut.
    pub(super) fn at(&mut self, sending: &Sending, for_good: bool) -> Result<(), Failure> {
        if self.added > MOST {
            return self.begin(sending);
        }
        self.add(&Entry::At(sending.lanes))?;
        match &self.file {
            Some(file) if for_good => file.sync_data().map_err(|e| self.fault(e)),
            _ => Ok(()),
        }
    }

    pub(super) fn alerts(&mut self, alerts: u64) -> Result<(), Failure> {
        self.add(&Entry::Alerts(alerts))
    }

    pub(super) fn file(&mut self, name: &str, digest: &str) -> Result<(), Failure> {
        self.add(&Entry::File(name.to_owned(), digest.to_owned()))
    }

    pub(super) fn leftover(&mut self, leftover: Option<Leftover>) -> Result<(), Failure> {
        self.add(&Entry::Leftover(leftover))
    }

    fn add(&mut self, entry: &Entry) -> Result<(), Failure> {
        let mut line = Vec::new();
        push(&mut line, entry);
        let added = self.open_to_add().and_then(|mut file| file.write_all(&line));
        self.added += line.len() as u64;
        added.map_err(|e| {
            // What follows half a line would not be understood.
            self.added = MOST + 1;
            self.fault(e)
        })
    }

    fn open_to_add(&mut self) -> io::Result<&File> {
        match &mut self.file {
            Some(file) => Ok(file),
            none => Ok(none.insert(append_to(&self.path)?)),
        }
    }

    fn fault(&self, source: io::Error) -> Failure {
        Failure::File { action: "write", path: self.path.clone(), source }
    }
}

fn push(text: &mut Vec<u8>, entry: &Entry) {
    // Nothing in an entry cannot be written.
    if serde_json::to_writer(&mut *text, entry).is_ok() {
        text.push(b'\n');
    }
}

/// What the lines say; none if they are none of ours, or one before the last is not understood.
fn read(text: &[u8]) -> Option<Sending> {
    let mut sending: Option<Sending> = None;
    let whole = text.len() - text.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len);
    for line in text.get(..whole)?.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let entry: Entry = serde_json::from_slice(line).ok()?;
        match &mut sending {
            None if !matches!(entry, Entry::To(_)) => return None,
            known => known.get_or_insert_default().take(entry),
        }
    }
    sending
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn sending() -> Sending {
        let target = Target { entity: "e".into(), project: "p".into(), run: "r".into() };
        let mut sending = Sending::new("http://s", &target, "id", true);
        sending.lanes =
            [Place { lines: 3, offset: 5, in_flight: 2, left_out: 1 }, Place::default(), Place::default()];
        sending.alerts = 2;
        sending.floors = vec![(3, 9)];
        sending.files.insert("a\n\"b".into(), "d".into());
        sending
    }

    fn same(one: &Sending, other: &Sending) -> bool {
        let facts = |s: &Sending| (s.to.clone(), s.lanes, s.alerts, s.floors.clone(), s.files.clone());
        facts(one) == facts(other)
    }

    #[test]
    fn what_is_added_is_read_and_a_torn_line_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("run-x.wandb");
        let (mut journal, none) = Journal::open(&log).unwrap();
        assert!(none.is_none());
        let mut expected = sending();
        journal.begin(&expected).unwrap();
        expected.arrived();
        journal.at(&expected, true).unwrap();
        expected.files.insert("c".into(), "e".into());
        journal.file("c", "e").unwrap();
        let text = fs::read(beside(&log, ".sent")).unwrap();
        assert!(same(&read(&text).unwrap(), &expected));
        // Cut anywhere, it is what it was at some time.
        let mut known = 0;
        for cut in 0..text.len() {
            match read(&text[..cut]) {
                None => assert_eq!(known, 0, "{cut}"),
                Some(sending) => {
                    known += 1;
                    assert_eq!(sending.to, expected.to);
                }
            }
        }
        // Damage is no knowledge.
        let mut damaged = text.clone();
        damaged[3] = b'!';
        assert!(read(&damaged).is_none());
        assert!(read(b"\0\0\0\n").is_none());
        let (_, again) = Journal::open(&log).unwrap();
        assert!(same(&again.unwrap(), &expected));
    }

    #[test]
    fn a_journal_does_not_grow_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("run-x.wandb");
        let (mut journal, _) = Journal::open(&log).unwrap();
        let sending = sending();
        journal.begin(&sending).unwrap();
        for _ in 0..40_000 {
            journal.at(&sending, false).unwrap();
        }
        assert!(beside(&log, ".sent").metadata().unwrap().len() < 2 * MOST);
        let (_, again) = Journal::open(&log).unwrap();
        assert!(same(&again.unwrap(), &sending));
    }
}
