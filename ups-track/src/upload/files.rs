//! Files of a run: asked for in batches, sent several at a time, and not again if they are there already.

use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::HeaderMap;
use tokio::task::{JoinSet, spawn_blocking};

use super::Failure;
use super::graphql::{Granted, Target};
use super::http::{Client, Digest, Put, upload_headers};
use super::snapshot::{Look, Snapshot, look};
use super::state::Shared;
use super::versions::Versions;

/// Files in one request for places.
const BATCH: usize = 100;

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
    versions: Rc<Versions>,
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

/// Sends the files of these names from a directory.
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
    let mut outcome = Outcome::default();
    let mut to_send = Vec::new();
    let ignored = &client.preferences().ignored;
    let versions = Rc::new(Versions::of(&book.borrow().memory.log));
    for name in names.into_iter().filter(|name| !ignored.has(name)) {
        match find(&dir, &name, &versions).await {
            Found::File(file)
                if book.borrow().sending.files.get(&name) == Some(&shown(&file.look.digest)) =>
            {
                outcome.there.push(name);
            }
            Found::File(file) => to_send.push(file),
            Found::Changed => outcome.changed.push(name),
            Found::Nothing => outcome.missing.push(name),
        }
    }
    for batch in to_send.chunks(BATCH) {
        let names: Vec<&str> = batch.iter().map(|file| file.name.as_str()).collect();
        let granted = client.grant(&target, &names).await?;
        send_batch(&client, batch, granted, &book, &mut outcome).await?;
        book.borrow_mut().save()?;
    }
    Ok(outcome)
}

/// The file of a name, if there is one that can be read and is the run's.
async fn find(dir: &Path, name: &str, versions: &Rc<Versions>) -> Found {
    if !is_inside(name) {
        return Found::Nothing;
    }
    let path = dir.join(name);
    let Ok(look) = look_at(&path).await else { return Found::Nothing };
    // Asked after it was read: what was read is the version that is allowed.
    if versions.allow(name, &path) {
        Found::File(ToSend { name: name.to_owned(), path, look, versions: Rc::clone(versions) })
    } else {
        Found::Changed
    }
}

/// Reads a file elsewhere: a large one shall not keep lines from being sent.
async fn look_at(path: &Path) -> Result<Look, Failure> {
    let own = path.to_owned();
    aside(path, move || look(&own)).await
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
pub(super) async fn digest_of(dir: &Path, name: &str) -> Option<String> {
    match find(dir, name, &Rc::default()).await {
        Found::File(file) => Some(shown(&file.look.digest)),
        Found::Changed | Found::Nothing => None,
    }
}

async fn send_batch(
    client: &Rc<Client>,
    batch: &[ToSend],
    granted: Granted,
    book: &Shared,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let not_understood = |message: String| Failure::Answer {
        server: client.address().base().to_owned(),
        what: "places for files",
        message,
    };
    let headers = upload_headers(&granted.upload_headers)
        .map_err(|line| not_understood(format!("`{}` is no header", client.shown(&line))))?;
    let headers = Arc::new(headers);
    let mut waiting = Vec::new();
    // What the server calls a file never becomes a path: it must be a name that we asked for.
    for place in &granted.files {
        let Some(file) = batch.iter().find(|file| file.name == place.name) else {
            let message = format!("a place for `{}`, which nobody asked for", client.shown(&place.name));
            return Err(not_understood(message));
        };
        let url = place.upload_url.as_ref();
        let url =
            url.ok_or_else(|| not_understood(format!("no place for `{}`", client.shown(&place.name))))?;
        waiting.push((file, url.clone()));
    }
    if let Some(file) = batch.iter().find(|file| !granted.files.iter().any(|place| place.name == file.name)) {
        return Err(not_understood(format!("no place for `{}`", client.shown(&file.name))));
    }
    let mut running = JoinSet::new();
    let mut waiting = waiting.into_iter();
    loop {
        while running.len() < AT_ONCE
            && let Some((file, url)) = waiting.next()
        {
            let (client, headers) = (Rc::clone(client), Arc::clone(&headers));
            let file = file.clone();
            running.spawn_local(async move { (file.name.clone(), put(&client, &url, &headers, file).await) });
        }
        match running.join_next().await {
            None => return Ok(()),
            Some(Ok((name, Ok(digest)))) => {
                book.borrow_mut().sending.files.insert(name.clone(), shown(&digest));
                outcome.there.push(name);
            }
            Some(Ok((name, Err(failure)))) => {
                outcome.failed.push(format!("`{}`: {failure}", crate::harmless::clean(&name)));
            }
            Some(Err(e)) => outcome.failed.push(format!("an upload ended in an unexpected way: {e}")),
        }
    }
}

/// Sends one version of a file as a whole, and gives its digest.
async fn put(client: &Client, url: &str, headers: &HeaderMap, file: ToSend) -> Result<Digest, Failure> {
    // Nobody closes it.
    let _turn = client.transfers.acquire().await;
    let ToSend { name, path, mut look, versions } = file;
    let allowed = || if versions.allow(&name, &path) { Ok(()) } else { Err(Failure::Changing) };
    for _ in 0..TRIES {
        match put_once(client, url, headers, look, &|| File::open(&path)).await {
            Err(Failure::Changing) => look = look_at(&path).await?,
            done => return done.map(|()| look.digest),
        }
        allowed()?;
    }
    // Beside `files/`, where nobody takes it for a file of the run.
    let depth = Path::new(&name).components().count();
    let dir = path.ancestors().nth(depth + 1).unwrap_or(Path::new("")).to_owned();
    let from = path.clone();
    let copy = aside(&path, move || Snapshot::take(&from, &dir)).await?.ok_or(Failure::Changing)?;
    allowed()?;
    put_once(client, url, headers, copy.look, &|| copy.open()).await.map(|()| copy.look.digest)
}

async fn put_once(
    client: &Client,
    url: &str,
    headers: &HeaderMap,
    Look { length, digest }: Look,
    open: &(dyn Fn() -> std::io::Result<File> + Sync),
) -> Result<(), Failure> {
    client.put(&Put { url, headers, length, digest, open }).await
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
