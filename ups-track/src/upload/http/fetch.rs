//! Downloads: from the storage to a file, without the key.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use reqwest::Method;

use super::client::{Asked, Attempt, Client, ERROR_LIMIT, location, origin};
use super::retry::Endpoint;
use super::storage::{MOST_REDIRECTS, SETTLING, SLOWEST};
use crate::upload::Failure;

impl Client {
    /// Gets what is behind a signed URL into a new file: no more than `limit` bytes, and exactly `size`, if that is known.
    ///
    /// # Errors
    ///
    /// What the last attempt met.
    pub(crate) async fn fetch(
        &self,
        url: &str,
        limit: u64,
        size: Option<u64>,
        to: &Path,
    ) -> Result<(), Failure> {
        self.retrying(Endpoint::Storage, async || self.fetch_once(url, limit, size, to).await).await
    }

    async fn fetch_once(&self, url: &str, limit: u64, size: Option<u64>, to: &Path) -> Result<(), Attempt> {
        let asked = Asked { endpoint: Endpoint::Storage, what: "a download", limit: ERROR_LIMIT };
        let timeout = self
            .policy(Endpoint::Storage)
            .attempt
            .min(SETTLING + Duration::from_secs(limit.div_ceil(SLOWEST)));
        let mut url = self.storage_url(url).map_err(Attempt::last)?;
        let named = url.origin();
        for _ in 0..=MOST_REDIRECTS {
            let server = origin(&url);
            // What may be secret does not go to another place than the server has named.
            let request = if url.origin() == named {
                self.to(Method::GET, url.clone())
            } else {
                self.bare(Method::GET, url.clone())
            };
            let request = request.timeout(timeout);
            let mut response =
                request.send().await.map_err(|e| self.broken(&e, &server, Endpoint::Storage))?;
            if response.status().is_success() {
                return self.save(&mut response, &server, limit, size, to).await;
            }
            if !response.status().is_redirection() {
                return Err(self.unsuccessful(asked, &server, &mut response).await);
            }
            let to = location(&response).ok_or_else(|| {
                Attempt::last(Failure::Redirect { server: server.clone(), to: "nowhere".to_owned() })
            })?;
            url = self.storage_url(to.as_str()).map_err(Attempt::last)?;
        }
        Err(Attempt::last(Failure::Redirect { server: origin(&url), to: "too many places".to_owned() }))
    }

    async fn save(
        &self,
        response: &mut reqwest::Response,
        server: &str,
        limit: u64,
        size: Option<u64>,
        to: &Path,
    ) -> Result<(), Attempt> {
        let odd = |message: String| {
            let (server, what) = (server.to_owned(), "a download");
            Failure::Answer { server, what, message }
        };
        let local = |source| Attempt::last(Failure::File { action: "write", path: to.to_owned(), source });
        let mut file = new_file(to).map_err(local)?;
        let mut length = 0;
        while let Some(piece) =
            response.chunk().await.map_err(|e| self.broken(&e, server, Endpoint::Storage))?
        {
            length += piece.len() as u64;
            if length > limit {
                return Err(Attempt::last(odd(format!("more than the {limit} bytes that there may be"))));
            }
            file.write_all(&piece).map_err(local)?;
        }
        match size {
            Some(size) if size != length => {
                Err(Attempt::again(odd(format!("{length} bytes, where there are {size}"))))
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
