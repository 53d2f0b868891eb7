//! The files of a run.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{Error, Result};
use super::queries;
use super::run::Named;
use super::runs::PageInfo;

/// A file of a run, as the server lists it.
#[derive(Debug, Clone)]
pub struct RunFile {
    node: Node,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    name: String,
    size_bytes: Option<Value>,
    mimetype: Option<String>,
    updated_at: Option<String>,
    md5: Option<String>,
}

impl RunFile {
    /// The path in the run, with slashes. A server may name anything: do not use it as a path of this machine unseen.
    pub fn name(&self) -> &str {
        &self.node.name
    }

    /// The size in bytes.
    pub fn size(&self) -> Option<u64> {
        // Some servers write large numbers as text.
        match self.node.size_bytes.as_ref()? {
            Value::String(text) => text.parse().ok(),
            number => number.as_u64(),
        }
    }

    /// The MD5 digest as base64.
    pub fn md5(&self) -> Option<&str> {
        self.node.md5.as_deref()
    }

    /// The media type.
    pub fn mimetype(&self) -> Option<&str> {
        self.node.mimetype.as_deref()
    }

    /// When it was last changed: ISO 8601, in UTC.
    pub fn updated_at(&self) -> Option<&str> {
        self.node.updated_at.as_deref()
    }
}

/// The files of a run; pages are asked for when they are needed. After an error there is nothing more.
///
/// ```no_run
/// # fn main() -> Result<(), ups_track::api::Error> {
/// # let run = ups_track::api::Api::from_env()?.run("my-team/universal-simulator/1a2b3c4d")?;
/// for file in run.files() {
///     let file = file?;
///     println!("{:?}: {:?} bytes", file.name(), file.size());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is read until it is iterated over"]
pub struct RunFiles {
    run: Named,
    loaded: VecDeque<RunFile>,
    cursor: Option<String>,
    more: bool,
}

#[derive(Deserialize)]
struct Answer {
    files: Connection,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    edges: Vec<Edge>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
struct Edge {
    node: Node,
}

impl RunFiles {
    pub(super) fn new(run: Named) -> Self {
        Self { run, loaded: VecDeque::new(), cursor: None, more: true }
    }

    fn load(&mut self) -> Result<()> {
        let mut variables = Map::new();
        variables.insert("fileCursor".to_owned(), self.cursor.clone().into());
        variables.insert("fileLimit".to_owned(), 100.into());
        let answer: Answer = self.run.ask("the files of a run", ("RunFiles", queries::FILES), variables)?;
        let next = answer.files.page_info.next(self.cursor.as_deref(), &self.run.what())?;
        (self.more, self.cursor) = (next.is_some(), next);
        self.loaded.extend(answer.files.edges.into_iter().map(|Edge { node }| RunFile { node }));
        Ok(())
    }
}

impl Iterator for RunFiles {
    type Item = Result<RunFile>;

    fn next(&mut self) -> Option<Result<RunFile, Error>> {
        while self.loaded.is_empty() && self.more {
            if let Err(error) = self.load() {
                self.more = false;
                return Some(Err(error));
            }
        }
        self.loaded.pop_front().map(Ok)
    }
}

impl std::iter::FusedIterator for RunFiles {}
