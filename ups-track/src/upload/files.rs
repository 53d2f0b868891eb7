//! Files of a run: asked for in batches, sent several at a time, and not again if they are there already.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::HeaderMap;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::Failure;
use super::graphql::{Granted, Target};
use super::http::{Client, Put, upload_headers};
use super::state::{Memory, Sending};

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
    pub(crate) failed: Vec<String>,
}

/// A file that has to be sent.
#[derive(Debug)]
struct ToSend {
    name: String,
    path: PathBuf,
    length: u64,
    digest: String,
}

/// Whether a name leads to a file below the run's `files/`, and nowhere else.
pub(super) fn is_inside(name: &str) -> bool {
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
    client: &Rc<Client>,
    target: &Target,
    dir: &Path,
    names: &[String],
    sending: &mut Sending,
    memory: &mut Memory,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let mut to_send = Vec::new();
    for name in names {
        match look(dir, name) {
            Some(file) if sending.files.get(name) == Some(&file.digest) => outcome.there.push(name.clone()),
            Some(file) => to_send.push(file),
            None => outcome.missing.push(name.clone()),
        }
    }
    for batch in to_send.chunks(BATCH) {
        let names: Vec<&str> = batch.iter().map(|file| file.name.as_str()).collect();
        let granted = client.grant(target, &names).await?;
        send_batch(client, batch, granted, sending, &mut outcome).await?;
        memory.save(sending)?;
    }
    Ok(outcome)
}

/// The file of a name, if there is one that can be read.
fn look(dir: &Path, name: &str) -> Option<ToSend> {
    let path = is_inside(name).then(|| dir.join(name))?;
    // Nothing that never ends, such as a pipe.
    let length = path.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
    let digest = digest(&path, length).ok()?;
    Some(ToSend { name: name.to_owned(), path, length, digest })
}

/// The digest of a file, if there is one that can be read.
#[cfg(feature = "cli")]
pub(super) fn digest_of(dir: &Path, name: &str) -> Option<String> {
    look(dir, name).map(|file| file.digest)
}

fn digest(path: &Path, length: u64) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut file = File::open(path)?.take(length);
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(piece.get(..read).unwrap_or_default());
    }
    Ok(BASE64_STANDARD.encode(hash.finalize()))
}

async fn send_batch(
    client: &Rc<Client>,
    batch: &[ToSend],
    granted: Granted,
    sending: &mut Sending,
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
            let (name, digest) = (file.name.clone(), file.digest.clone());
            let (path, length) = (file.path.clone(), file.length);
            running.spawn_local(async move {
                let result = put(&client, &url, &headers, path, length).await;
                (name, digest, result)
            });
        }
        match running.join_next().await {
            None => return Ok(()),
            Some(Ok((name, digest, Ok(())))) => {
                sending.files.insert(name.clone(), digest);
                outcome.there.push(name);
            }
            Some(Ok((name, _, Err(failure)))) => {
                outcome.failed.push(format!("`{}`: {failure}", crate::harmless::clean(&name)));
            }
            Some(Err(e)) => outcome.failed.push(format!("an upload ended in an unexpected way: {e}")),
        }
    }
}

async fn put(
    client: &Client,
    url: &str,
    headers: &HeaderMap,
    path: PathBuf,
    length: u64,
) -> Result<(), Failure> {
    let open = || File::open(&path);
    client.put(&Put { url, headers, length, open: &open }).await
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
