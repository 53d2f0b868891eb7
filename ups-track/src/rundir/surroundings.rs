//! What is written in the run's directory beside the log.

use std::collections::HashSet;
use std::fs;
use std::io;

use super::RunDir;
use super::output_log::OutputLog;
use crate::ledger::{Host, Ledger};
use crate::log::record;
use crate::os::files::write_whole;
use crate::recorder::{Op, Stream};
use crate::settings::config_yaml;

/// The side files and `output.log`, and what a change of tags needs.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// Where files go; none in a capture.
    pub(crate) dir: Option<RunDir>,
    /// The run record as it was last written; of a shard, as it began.
    pub(crate) run: record::Run,
    /// The run record as it is to be written, if something may have changed.
    amended: Option<record::Run>,
    /// The tags that were told.
    tags: HashSet<String>,
    output_log: OutputLog,
    /// Files that belong to values, where there is no directory.
    pub(crate) media: Vec<(String, Vec<u8>)>,
}

impl Surroundings {
    pub(crate) fn new(dir: Option<RunDir>, run: record::Run) -> Self {
        Self {
            dir,
            tags: run.tags.iter().cloned().collect(),
            run,
            amended: None,
            output_log: OutputLog::default(),
            media: Vec::new(),
        }
    }

    /// Brings `output.log` up to date.
    pub(crate) fn write_output_log(&mut self) {
        // A shard's console is in that of its run.
        match self.dir.as_ref().filter(|dir| dir.shard.is_none()) {
            // The console is in the log as well; its readable copy is a convenience.
            Some(dir) => drop(self.output_log.write(&dir.files.join("output.log"))),
            None => self.output_log.forget(),
        }
    }

    /// Writes what is unfinished of the console as well.
    pub(crate) fn end_output_log(&mut self) {
        self.output_log.finish();
        self.write_output_log();
    }

    /// The side files and what the console has shown.
    pub(crate) fn write_all(&mut self, ledger: &Ledger, now: u64) {
        self.end_output_log();
        self.write_side_files(ledger, now);
    }

    pub(crate) fn write_side_files(&self, ledger: &Ledger, now: u64) {
        // A shard's values are in the side files of its run.
        let Some(dir) = self.dir.as_ref().filter(|dir| dir.shard.is_none()) else { return };
        // These are copies of what is in the log: failing to write them loses nothing.
        drop(write_whole(&dir.files.join("wandb-summary.json"), &ledger.summary_json(now)));
        drop(write_whole(&dir.files.join("config.yaml"), config_yaml(ledger.config()).as_bytes()));
    }
}

impl Host for Surroundings {
    fn console(&mut self, stream: Stream, text: &str) {
        self.output_log.feed(stream == Stream::Stderr, text);
    }

    fn console_lines(&mut self, text: &str) {
        self.output_log.lines(text);
    }

    fn media(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let Some(dir) = &self.dir else {
            self.media.push((path.to_owned(), content.to_vec()));
            return Ok(());
        };
        let target = dir.files.join(path);
        target.parent().map_or(Ok(()), fs::create_dir_all)?;
        write_whole(&target, content)
    }

    fn amend(&mut self, op: Op) {
        let run = self.amended.get_or_insert_with(|| self.run.clone());
        match op {
            Op::Tags(mut tags) => {
                tags.retain(|tag| self.tags.insert(tag.clone()));
                run.tags.append(&mut tags);
            }
            Op::Notes(notes) => run.notes = notes,
            Op::Name(name) => run.display_name = name,
            _ => {}
        }
    }

    fn amended(&mut self) -> Option<record::Run> {
        let amended = self.amended.take().filter(|amended| *amended != self.run)?;
        // A shard tells what changes, and nothing of what it has told before: others change the run as well.
        if self.dir.as_ref().is_none_or(|dir| dir.shard.is_none()) {
            self.run.clone_from(&amended);
        }
        Some(amended)
    }
}
