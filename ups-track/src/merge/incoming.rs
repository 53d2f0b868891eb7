//! One shard that is being merged: where its reader stands, and what became of it.

use std::fs::File;
use std::io::{BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::harmless;
use crate::ledger::{Host, Ledger, Memo, Merged};
use crate::log::record::{Kind, Record};
use crate::log::{ReadError, Reader, lean};
use crate::os::lock::Lock;
use crate::shards;

/// Bytes that are merged in one go, so that a long shard does not hold up others.
const AT_ONCE: u64 = 64 << 10;

/// In the directory of a shard: an alert has told that its rank has failed.
const TOLD: &str = "told";

/// What is known of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShardState {
    /// It may go on.
    Open,
    /// Its process has completed it.
    Done,
    /// It is not read (any further).
    Bad,
}

/// See the module docs.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) name: String,
    /// Whose it is, if it is a rank's.
    pub(crate) rank: Option<u32>,
    /// The exit code of its process, if that has ended well enough to tell.
    exit: Option<i32>,
    dir: PathBuf,
    file: Option<File>,
    /// The end of the last record that was read.
    position: u64,
    /// The number of that record.
    number: u64,
    /// Records up to this number are in the run's log.
    merged: u64,
    /// Whether the run record has said that the shard belongs to the run.
    belongs: bool,
    memo: Memo,
    uuid: String,
    pub(crate) state: ShardState,
    /// Rows and records that were merged now.
    pub(crate) rows: u64,
    pub(crate) records: u64,
    /// What is wrong with it, for people; of records that were refused the first.
    pub(crate) complaints: Vec<String>,
    has_refused: bool,
}

impl Incoming {
    /// A shard of which the run's log has the records up to number `merged`.
    pub(crate) fn new(run_dir: &Path, name: &str, merged: u64) -> Self {
        Self {
            dir: shards::place(run_dir).join(name),
            rank: shards::rank_of(name),
            exit: None,
            name: name.to_owned(),
            file: None,
            position: 0,
            number: 0,
            merged,
            belongs: false,
            memo: Memo::default(),
            uuid: String::new(),
            state: ShardState::Open,
            rows: 0,
            records: 0,
            complaints: Vec::new(),
            has_refused: false,
        }
    }

    /// Whether the shard's process still writes.
    pub(crate) fn is_alive(&self) -> bool {
        self.state == ShardState::Open && Lock::is_taken(&self.dir)
    }

    /// The rank and its exit code, if it has failed and nobody has told of it.
    pub(crate) fn untold_failure(&self) -> Option<(u32, i32)> {
        let failure = self.rank.zip(self.exit.filter(|code| *code != 0));
        failure.filter(|_| !self.dir.join(TOLD).exists())
    }

    /// That it has failed was told.
    pub(crate) fn note_told(&mut self) {
        if self.untold_failure().is_some() {
            // It is told twice otherwise, if the run is merged again.
            drop(File::create_new(self.dir.join(TOLD)));
        }
    }

    /// The bytes that its log has now.
    pub(crate) fn length(&self) -> u64 {
        std::fs::symlink_metadata(self.dir.join(shards::LOG)).map_or(0, |meta| meta.len())
    }

    /// Whether its log was not read up to this byte.
    pub(crate) fn has_more_before(&self, end: u64) -> bool {
        self.state == ShardState::Open && self.position < end
    }

    /// Merges what has come; true if there may be more at once.
    pub(crate) fn advance(
        &mut self,
        run_dir: &Path,
        run_id: &str,
        ledger: &mut Ledger,
        host: &mut dyn Host,
    ) -> bool {
        if self.state != ShardState::Open {
            return false;
        }
        if self.file.is_none() {
            match shards::open(run_dir, &self.name) {
                Ok(file) => self.file = file,
                Err(reason) => self.give_up(&reason),
            }
        }
        // Out of `self` while it is read from.
        let Some(file) = self.file.take() else { return false };
        let more = self.read(&file, run_id, ledger, host);
        if self.state == ShardState::Open {
            self.file = Some(file);
        }
        more
    }

    fn read(&mut self, mut file: &File, run_id: &str, ledger: &mut Ledger, host: &mut dyn Host) -> bool {
        let length = file.metadata().map_or(0, |meta| meta.len());
        if length <= self.position || file.seek(SeekFrom::Start(self.position)).is_err() {
            return false;
        }
        let path = self.dir.join(shards::LOG);
        let source = BufReader::with_capacity(64 * 1024, file);
        let mut reader = if self.position == 0 {
            Reader::new(source, &path)
        } else {
            Reader::resume(source, &path, self.position)
        };
        let until = self.position.saturating_add(AT_ONCE);
        while self.position < until && self.state == ShardState::Open && ledger.output().error().is_none() {
            match reader.next_raw() {
                Ok(Some(bytes)) => self.record(bytes, run_id, ledger, host),
                Ok(None) => return false,
                Err(e) => {
                    self.fault(&e);
                    return false;
                }
            }
            self.position = reader.position();
        }
        self.state == ShardState::Open && ledger.output().error().is_none()
    }

    /// A record that is not whole may become so, as long as somebody writes; and if nobody does, a torn end is what a
    /// kill leaves.
    fn fault(&mut self, e: &ReadError) {
        if !e.is_torn() && !Lock::is_taken(&self.dir) {
            self.give_up(&format!("is damaged: {}", harmless::clean(&e.to_string())));
        }
    }

    fn give_up(&mut self, reason: &str) {
        self.state = ShardState::Bad;
        self.complaints.push(format!("{reason}; it is left alone"));
    }

    fn record(&mut self, bytes: &[u8], run_id: &str, ledger: &mut Ledger, host: &mut dyn Host) {
        self.number += 1;
        if !self.belongs {
            return self.first(bytes, run_id);
        }
        if self.number <= self.merged {
            return self.notice_exit(bytes);
        }
        self.uuid.clear();
        self.uuid.push_str(&self.name);
        self.uuid.push('/');
        self.uuid.push_str(itoa::Buffer::new().format(self.number));
        match ledger.merge(bytes, &self.uuid, &mut self.memo, host) {
            Merged::Row => {
                self.rows += 1;
                self.records += 1;
            }
            Merged::Other => self.records += 1,
            Merged::Nothing => self.notice_exit(bytes),
            Merged::Refused(what) => {
                if !std::mem::replace(&mut self.has_refused, true) {
                    self.complaints.push(format!("has {}, which is not merged", harmless::clean(&what)));
                }
            }
        }
    }

    /// The records before and with the run record, which must be that of our run.
    fn first(&mut self, bytes: &[u8], run_id: &str) {
        match lean::decode(bytes).map(|record| record.kind) {
            Ok(Some(Kind::Header(_))) if self.number == 1 => {}
            Ok(Some(Kind::Run(run))) if run.run_id == run_id => self.belongs = true,
            Ok(Some(Kind::Run(run))) => {
                let other = harmless::clean(&run.run_id).into_owned();
                self.give_up(&format!("belongs to run `{other}`, not to this one"));
            }
            _ => self.give_up("does not begin with a run record"),
        }
    }

    fn notice_exit(&mut self, bytes: &[u8]) {
        // Field 18, a message: what tells an exit record without decoding every row of a long shard.
        let is_exit = bytes.windows(2).take(12).any(|tag| tag == [0x92, 0x01]);
        if is_exit && let Ok(Record { kind: Some(Kind::Exit(exit)), .. }) = lean::decode(bytes) {
            self.state = ShardState::Done;
            self.exit = Some(exit.exit_code);
        }
    }
}
