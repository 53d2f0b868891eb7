//! The files of a run.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{Error, Result, shown};
use super::queries;
use super::run::Named;
use super::runs::Connection;
use crate::os::files::Draft;
use crate::upload::Client;
use crate::upload::is_inside;
use crate::upload::transport::Expected;

/// The most bytes that are taken of a file whose size the server does not tell.
const UNTOLD: u64 = 1 << 30;

/// A file of a run, as the server lists it.
#[derive(Debug, Clone)]
pub struct RunFile {
    run: Named,
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
    direct_url: Option<String>,
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

    /// The digest, if the server tells one that can be one.
    fn digest(&self) -> Option<[u8; 16]> {
        BASE64_STANDARD.decode(self.md5()?).ok()?.try_into().ok()
    }

    /// The media type.
    pub fn mimetype(&self) -> Option<&str> {
        self.node.mimetype.as_deref()
    }

    /// When it was last changed: ISO 8601, in UTC.
    pub fn updated_at(&self) -> Option<&str> {
        self.node.updated_at.as_deref()
    }

    /// Downloads the file to this path, from the storage that the server names and without the key. A file that is there
    /// is replaced, once all bytes have come.
    ///
    /// The address is good for a while only: list the files anew if this one was listed long ago.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be written, [`Error::Answer`] if the storage gives more or fewer bytes than the server
    /// told, or others than those of the digest that it told; otherwise as [`Api::run`](super::Api::run).
    pub fn download(&self, to: impl AsRef<Path>) -> Result<()> {
        let (to, what) = (to.as_ref(), self.what());
        let Some(url) = self.node.direct_url.clone() else {
            return Err(Error::answer(&what, "the server tells no address for it"));
        };
        let failed = |source| Error::File { path: to.to_owned(), source };
        let mut draft = Draft::of(to);
        let part = draft.made_by_caller().to_owned();
        let expected =
            Expected { limit: self.size().unwrap_or(UNTOLD), size: self.size(), md5: self.digest() };
        let fetch = async move |client: &Client| client.fetch(&url, expected, &part).await;
        self.run.api.work(&what, fetch)?;
        draft.place().map_err(failed)
    }

    /// Downloads the file to its own name below a directory, makes the directories for it, and gives the path.
    ///
    /// # Errors
    ///
    /// As [`download`](Self::download); [`Error::Answer`] if the name leads out of the directory.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), ups_track::api::Error> {
    /// # let run = ups_track::api::Api::from_env()?.run("my-team/universal-simulator/1a2b3c4d")?;
    /// for file in run.files() {
    ///     let file = file?;
    ///     if file.name().ends_with(".safetensors") {
    ///         file.download_below("baseline")?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn download_below(&self, dir: impl AsRef<Path>) -> Result<PathBuf> {
        if !is_inside(self.name()) {
            return Err(Error::answer(&self.what(), "its name leads out of the directory"));
        }
        let path = dir.as_ref().join(self.name());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| Error::File { path: parent.to_owned(), source })?;
        }
        self.download(&path)?;
        Ok(path)
    }

    fn what(&self) -> String {
        format!("file `{}` of {}", shown(self.name()), self.run.what())
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
    files: Connection<Node>,
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
        self.loaded.extend(answer.files.nodes().map(|node| RunFile { run: self.run.clone(), node }));
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
