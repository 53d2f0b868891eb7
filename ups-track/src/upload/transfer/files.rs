//! Files of a run: looked at one after another, small ones first, asked for in batches, sent several at a time, and not
//! again if they are there already.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::HeaderMap;
use tokio::task::{JoinSet, spawn_blocking};

use super::snapshot::{Look, Snapshot, look};
use super::versions::Versions;
use crate::upload::server::Target;
use crate::upload::state::Shared;
use crate::upload::transport::{Digest, Open, Part, Pulse, Put, upload_headers};
use crate::upload::{Client, Failure};

/// Files in one request for places.
const BATCH: usize = 100;

/// Bytes of their files, if it is more than one.
const BATCH_BYTES: u64 = 64 * 1024 * 1024;

/// Files that are sent at the same time.
const AT_ONCE: usize = 8;

/// What became of the files.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// On the server, whether they were sent now or before.
    pub(crate) there: Vec<String>,
    /// Recorded, but not on the disk, or with a name that a file of a run cannot have.
    pub(crate) missing: Vec<String>,
    /// Written to since the run has ended, which does not hold them: what they are now is not the run's.
    pub(crate) changed: Vec<String>,
    pub(crate) failed: Vec<String>,
}

/// How often a file is sent anew that changes meanwhile, before a copy of it is made.
const TRIES: usize = 3;

/// A file that has to be sent.
#[derive(Debug, Clone)]
struct ToSend {
    name: String,
    path: PathBuf,
    look: Look,
    versions: Arc<Versions>,
}

/// What is found under a name.
enum Found {
    File(ToSend),
    /// Another version than the run's.
    Changed,
    Nothing,
}

/// A digest as it is remembered.
fn shown(digest: &Digest) -> String {
    BASE64_STANDARD.encode(digest)
}

/// A name with slashes: in a log that was written on Windows it may have backslashes, which no file of a run has otherwise.
pub(crate) fn with_slashes(name: String) -> String {
    if name.contains('\\') { name.replace('\\', "/") } else { name }
}

/// Whether a name leads to a file below the run's `files/`, and nowhere else.
pub(crate) fn is_inside(name: &str) -> bool {
    let path = Path::new(name);
    !name.is_empty()
        && !name.contains(['\\', '\0'])
        && path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// Sends the files of these names from a directory: small ones first, whatever large ones take.
///
/// # Errors
///
/// If the server gives no places for them, or gives such that were not asked for.
pub(crate) async fn send(
    client: Rc<Client>,
    target: Target,
    dir: PathBuf,
    names: Vec<String>,
    book: Shared,
) -> Result<Outcome, Failure> {
    let log = book.borrow().memory.log.clone();
    let (sizes, versions) = sizes(&dir, names, log).await?;
    let mut sending = Sends { client, target, book, outcome: Outcome::default(), running: JoinSet::new() };
    let mut batch = Batch::default();
    for (length, name) in sizes {
        if sending.client.preferences().ignored.has(&name) {
            continue;
        }
        // What can go shall not wait until a large file is looked at.
        if batch.is_full(length) {
            sending.begin(std::mem::take(&mut batch).files).await?;
        }
        match find(&dir, &name, &versions, sending.client.transport().pulse()).await {
            Found::File(file) => {
                let before = sending.book.borrow().sending.files.get(&name).cloned();
                if before == Some(shown(&file.look.digest)) {
                    sending.outcome.there.push(name);
                } else {
                    batch.bytes += file.look.length;
                    batch.files.push(file);
                }
            }
            Found::Changed => sending.outcome.changed.push(name),
            Found::Nothing => sending.outcome.missing.push(name),
        }
    }
    sending.begin(batch.files).await?;
    while sending.one().await? {}
    Ok(sending.outcome)
}

/// The names with the lengths of their files, the shortest first, and which versions are the run's.
async fn sizes(
    dir: &Path,
    names: Vec<String>,
    log: PathBuf,
) -> Result<(Vec<(u64, String)>, Arc<Versions>), Failure> {
    let within = dir.to_owned();
    aside(dir, move || {
        let length = |name: &str| is_inside(name).then(|| within.join(name).metadata().ok()).flatten();
        let sizes = names.into_iter().map(|name| (length(&name).map_or(0, |data| data.len()), name));
        let mut sizes: Vec<_> = sizes.collect();
        sizes.sort();
        Ok((sizes, Arc::new(Versions::of(&log))))
    })
    .await
}

/// Files for which places are asked for together.
#[derive(Default)]
struct Batch {
    files: Vec<ToSend>,
    bytes: u64,
}

impl Batch {
    /// Whether it goes before a file of this length is looked at.
    fn is_full(&self, next: u64) -> bool {
        let bytes = self.bytes.saturating_add(next);
        !self.files.is_empty() && (self.files.len() >= BATCH || bytes > BATCH_BYTES)
    }
}

/// Files on their way.
struct Sends {
    client: Rc<Client>,
    target: Target,
    book: Shared,
    outcome: Outcome,
    running: JoinSet<(String, Result<Digest, Failure>)>,
}

impl Sends {
    /// Begins to send files, several at a time with those that are under way.
    async fn begin(&mut self, files: Vec<ToSend>) -> Result<(), Failure> {
        if files.is_empty() {
            return Ok(());
        }
        for (file, place) in places(&self.client, &self.target, files).await? {
            while self.running.len() >= AT_ONCE && self.one().await? {}
            let (client, target) = (Rc::clone(&self.client), self.target.clone());
            self.running.spawn_local(async move {
                let sent = deliver(&client, &target, place, &file).await;
                (file.name, sent)
            });
        }
        Ok(())
    }

    /// Waits until one is through; false if there is none.
    async fn one(&mut self) -> Result<bool, Failure> {
        match self.running.join_next().await {
            None => return Ok(false),
            Some(Ok((name, Ok(digest)))) => {
                self.book.borrow_mut().has_file(&name, shown(&digest))?;
                self.outcome.there.push(name);
            }
            Some(Ok((name, Err(failure)))) => {
                self.outcome.failed.push(format!("`{}`: {failure}", crate::harmless::clean(&name)));
            }
            Some(Err(e)) => {
                self.outcome.failed.push(format!("an upload ended in an unexpected way: {e}"));
            }
        }
        Ok(true)
    }
}

/// The file of a name, if there is one that can be read and is the run's.
async fn find(dir: &Path, name: &str, versions: &Arc<Versions>, pulse: &Arc<Pulse>) -> Found {
    if !is_inside(name) {
        return Found::Nothing;
    }
    let path = dir.join(name);
    let looked = {
        let (name, path) = (name.to_owned(), path.clone());
        let (versions, pulse) = (Arc::clone(versions), Arc::clone(pulse));
        // Asked after it was read: what was read is the version that is allowed.
        spawn_blocking(move || look(&path, &pulse).map(|look| (look, versions.allow(&name, &path)))).await
    };
    match looked {
        Ok(Ok((look, true))) => {
            Found::File(ToSend { name: name.to_owned(), path, look, versions: Arc::clone(versions) })
        }
        Ok(Ok((_, false))) => Found::Changed,
        _ => Found::Nothing,
    }
}

/// Reads a file elsewhere: a large one shall not keep lines from being sent.
async fn look_at(path: &Path, pulse: &Arc<Pulse>) -> Result<Look, Failure> {
    let (own, pulse) = (path.to_owned(), Arc::clone(pulse));
    aside(path, move || look(&own, &pulse)).await
}

/// Does something with a file on a thread for such things.
async fn aside<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let done = spawn_blocking(work).await.unwrap_or_else(|e| Err(std::io::Error::other(e)));
    done.map_err(|source| Failure::File { action: "read", path: path.to_owned(), source })
}

/// The digest of a file, if there is one that can be read.
#[cfg(feature = "cli")]
pub(crate) async fn digest_of(dir: &Path, name: &str) -> Option<String> {
    match find(dir, name, &Arc::default(), &Arc::default()).await {
        Found::File(file) => Some(shown(&file.look.digest)),
        Found::Changed | Found::Nothing => None,
    }
}

/// Where a file goes, for a while.
struct Granted {
    url: String,
    headers: Arc<HeaderMap>,
}

/// Asks for places, one for each of the files.
async fn places(
    client: &Client,
    target: &Target,
    files: Vec<ToSend>,
) -> Result<Vec<(ToSend, Granted)>, Failure> {
    let not_understood = |message: String| Failure::Answer {
        server: client.address().base().to_owned(),
        what: "places for files",
        message,
    };
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let granted = client.grant(target, &names).await?;
    let headers = upload_headers(&granted.upload_headers)
        .map_err(|line| not_understood(format!("`{}` is no header", client.shown(&line))))?;
    let headers = Arc::new(headers);
    let mut urls = BTreeMap::new();
    // What the server calls a file never becomes a path: it must be a name that we asked for.
    for place in granted.files {
        if !names.contains(&place.name.as_str()) {
            let message = format!("a place for `{}`, which nobody asked for", client.shown(&place.name));
            return Err(not_understood(message));
        }
        urls.extend(place.upload_url.map(|url| (place.name, url)));
    }
    let place = |file: ToSend| match urls.remove(&file.name) {
        Some(url) => Ok((file, Granted { url, headers: Arc::clone(&headers) })),
        None => Err(not_understood(format!("no place for `{}`", client.shown(&file.name)))),
    };
    files.into_iter().map(place).collect()
}

/// Sends a file to its place. One that the storage refuses may have ended meanwhile: another is asked for, once.
async fn deliver(client: &Client, target: &Target, place: Granted, file: &ToSend) -> Result<Digest, Failure> {
    match put(client, &place, file).await {
        Err(failure) if failure.may_have_ended() => {
            let mut renewed = places(client, target, vec![file.clone()]).await?;
            let Some((_, place)) = renewed.pop() else { return Err(failure) };
            put(client, &place, file).await
        }
        sent => sent,
    }
}

/// Sends one version of a file as a whole, and gives its digest.
async fn put(client: &Client, granted: &Granted, file: &ToSend) -> Result<Digest, Failure> {
    let ToSend { name, path, look, versions } = file;
    let (place, pulse) = (client.place(&granted.url)?, client.transport().pulse());
    let put = async |Look { length, digest }, open: &Open| {
        let part = Part { from: 0, length, digest };
        client.transport().put(&Put { place: &place, headers: &granted.headers, part, open }).await
    };
    let mut look = *look;
    let allowed = || if versions.allow(name, path) { Ok(()) } else { Err(Failure::Changing) };
    let own = path.clone();
    let open: Open = Arc::new(move || File::open(&own));
    for _ in 0..TRIES {
        match put(look, &open).await {
            Err(Failure::Changing) => look = look_at(path, pulse).await?,
            done => return done.map(|()| look.digest),
        }
        allowed()?;
    }
    // Beside `files/`, where nobody takes it for a file of the run.
    let depth = Path::new(name).components().count();
    let dir = path.ancestors().nth(depth + 1).unwrap_or(Path::new("")).to_owned();
    let (from, pulse) = (path.clone(), Arc::clone(pulse));
    let copy = aside(path, move || Snapshot::take(&from, &dir, &pulse)).await?.ok_or(Failure::Changing)?;
    allowed()?;
    let look = copy.look;
    let open: Open = Arc::new(move || copy.open());
    put(look, &open).await.map(|()| look.digest)
}

#[cfg(test)]
mod tests {
    use super::is_inside;

    #[test]
    fn names_stay_inside() {
        for good in ["a", "a/b.txt", "media/table/x_1.table.json", "..a/b.."] {
            assert!(is_inside(good), "{good}");
        }
        for bad in ["", "/etc/passwd", "..", "a/../../b", "./a", "C:\\x", "..\\x", "a\0b"] {
            assert!(!is_inside(bad), "{bad}");
        }
    }
}
