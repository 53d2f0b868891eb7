//! Places at a storage: signed URLs, and where the storage may send us on from there.

use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Response, Url};

use crate::upload::Failure;

/// Places to which the storage may send us on.
pub(super) const MOST_REDIRECTS: usize = 5;

/// A transfer takes no longer than this, at so many bytes per second.
const SETTLING: Duration = Duration::from_mins(2);
const SLOWEST: u64 = 16 * 1024;

/// How long a transfer of so many bytes may take at least.
pub(super) fn at_least(bytes: u64) -> Duration {
    SETTLING + Duration::from_secs(bytes.div_ceil(SLOWEST))
}

/// A place at a storage. Its URL is never shown: whoever has it may use it.
#[derive(Clone)]
pub(crate) struct Place(Url);

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Place").field(&self.origin()).finish()
    }
}

impl Place {
    /// The place of a URL; `encrypted` if nothing may go there without TLS, as it was named over TLS.
    ///
    /// # Errors
    ///
    /// The rule that the URL breaks, without the URL.
    pub(crate) fn new(url: &str, encrypted: bool) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|e| format!("the address of the storage is no URL ({e})"))?;
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if !encrypted => Ok(Self(url)),
            scheme => {
                let scheme = crate::harmless::clean(scheme);
                Err(format!("the address of the storage begins with {scheme}://"))
            }
        }
    }

    pub(super) fn url(&self) -> Url {
        self.0.clone()
    }

    /// Scheme, host and port: what may be shown.
    pub(super) fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Whether it is at the same server as another one.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// Where an answer sends us. What goes over TLS is not sent on without.
    pub(super) fn next(&self, response: &Response) -> Result<Self, Failure> {
        let redirect = |to: &str| Failure::Redirect { server: self.origin(), to: to.to_owned() };
        let to = response.headers().get(LOCATION).and_then(|to| response.url().join(to.to_str().ok()?).ok());
        let to = to.ok_or_else(|| redirect("nowhere"))?;
        Self::new(to.as_str(), self.0.scheme() == "https").map_err(|message| Failure::Answer {
            server: self.origin(),
            what: "the request for an upload",
            message,
        })
    }

    /// It has sent us on too often.
    pub(super) fn too_many(&self) -> Failure {
        Failure::Redirect { server: self.origin(), to: "too many places".to_owned() }
    }
}
