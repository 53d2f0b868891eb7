//! Downloads: from the storage to a file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use md5::{Digest as _, Md5};
use reqwest::Method;

use super::answer::{Answer, Asked};
use super::attempt::Attempt;
use super::place::{MOST_REDIRECTS, Place, at_least};
use super::pool::Transport;
use super::retry::Endpoint;
use crate::upload::Failure;

/// What is known of a file before it comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    /// Bytes that there may be.
    pub(crate) limit: u64,
    /// Bytes that there are.
    pub(crate) size: Option<u64>,
    /// The MD5 digest.
    pub(crate) md5: Option<[u8; 16]>,
}

impl Transport {
    /// Gets what is behind a signed URL into a new file, if it is what is expected.
    ///
    /// # Errors
    ///
    /// What the last attempt met.
    pub(crate) async fn fetch(&self, place: &Place, expected: Expected, to: &Path) -> Result<(), Failure> {
        self.retrying(Endpoint::Storage, async || self.fetch_once(place, expected, to).await).await
    }

    async fn fetch_once(&self, named: &Place, expected: Expected, to: &Path) -> Result<(), Attempt> {
        let asked = Asked { endpoint: Endpoint::Storage, what: "a download", limit: 0 };
        let timeout = self.policy(Endpoint::Storage).attempt.min(at_least(expected.limit));
        let mut place = named.clone();
        for _ in 0..=MOST_REDIRECTS {
            let server = place.origin();
            // What may be secret does not go to another place than the server has named.
            let request = if place.is_beside(named) {
                self.to(Method::GET, place.url())
            } else {
                self.bare(Method::GET, place.url())
            };
            let request = request.timeout(timeout);
            let mut response =
                request.send().await.map_err(|e| self.broken(&e, &server, Endpoint::Storage))?;
            if response.status().is_success() {
                return self.save(&mut response, &server, expected, to).await;
            }
            if !response.status().is_redirection() {
                let answer = Answer::read(response, 0).await;
                let answer = answer.map_err(|e| self.broken(&e, &server, Endpoint::Storage))?;
                return Err(answer.refusal(asked, &server, str::to_owned));
            }
            place = place.next(&response).map_err(Attempt::last)?;
        }
        Err(Attempt::last(place.too_many()))
    }

    async fn save(
        &self,
        response: &mut reqwest::Response,
        server: &str,
        Expected { limit, size, md5 }: Expected,
        to: &Path,
    ) -> Result<(), Attempt> {
        let odd = |message: String| {
            let (server, what) = (server.to_owned(), "a download");
            Failure::Answer { server, what, message }
        };
        let local = |source| Attempt::last(Failure::File { action: "write", path: to.to_owned(), source });
        let mut file = new_file(to).map_err(local)?;
        let (mut length, mut digest) = (0, Md5::new());
        while let Some(piece) =
            response.chunk().await.map_err(|e| self.broken(&e, server, Endpoint::Storage))?
        {
            length += piece.len() as u64;
            if length > limit {
                return Err(Attempt::last(odd(format!("more than the {limit} bytes that there may be"))));
            }
            digest.update(&piece);
            file.write_all(&piece).map_err(local)?;
        }
        match size {
            Some(size) if size != length => {
                Err(Attempt::again(odd(format!("{length} bytes, where there are {size}"))))
            }
            _ if md5.is_some_and(|md5| md5 != <[u8; 16]>::from(digest.finalize())) => {
                Err(Attempt::again(odd("other bytes than those whose digest the server tells".to_owned())))
            }
            _ => Ok(()),
        }
    }
}

/// A file that was not there; what an earlier attempt has left is gone.
fn new_file(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => File::options().write(true).create_new(true).open(path),
    }
}
