//! How the settings want uploads to be.

use super::Ignored;
use super::headers::{self, Extra};
use super::proxies::Proxies;
use crate::settings::{Given, Sources};
use crate::upload::Failure;
use crate::upload::http::bandwidth;

/// How the settings want uploads to be.
#[derive(Debug, Clone)]
pub(crate) struct Preferences {
    /// Whether the bodies of the file stream may be compressed, where the server can read that.
    pub(crate) gzip: bool,
    /// The label of the lines of the console.
    pub(crate) label: Option<String>,
    /// Files that are not uploaded.
    pub(crate) ignored: Ignored,
    /// Bytes per second that may be sent.
    pub(crate) limit: Option<u64>,
    /// Whether certificates are not looked at.
    pub(crate) insecure: bool,
    /// Headers for all requests.
    pub(crate) extra: Extra,
    /// Headers that tell a server for whom a service account works.
    pub(crate) person: reqwest::header::HeaderMap,
    pub(crate) proxies: Proxies,
}

const NO_GZIP: &[&str] = &["WANDB_X_FILE_STREAM_NO_GZIP", "WANDB__FILE_STREAM_NO_GZIP"];

/// An internal setting of W&B's client, which has two names in the environment.
fn internal(sources: &Sources, name: &str) -> Option<Given> {
    let upper = name.to_ascii_uppercase();
    sources.find(None, &[&format!("WANDB_X_{upper}"), &format!("WANDB__{upper}")], &format!("x_{name}"))
}

impl Preferences {
    /// What environment and settings files say.
    ///
    /// # Errors
    ///
    /// If one of the settings is bad: which one, and the rule. Values that may be secret are not in it.
    pub(crate) fn find(sources: &Sources) -> Result<Self, Failure> {
        let flag = |vars: &[&str], name| {
            let found = sources.flag(vars, name).map_err(|e| Failure::Settings(e.with_cause()))?;
            Ok::<_, Failure>(found.unwrap_or(false))
        };
        let limit = match sources.find(None, &["UPS_TRACK_UPLOAD_LIMIT"], "upload_limit") {
            None => None,
            Some(found) => Some(bandwidth::limit(&found.value).map_err(|rule| {
                bad(&format!("`{}`", crate::harmless::clean(&found.value)), &found, &rule)
            })?),
        };
        let extra = match internal(sources, "extra_http_headers") {
            None => Extra::default(),
            Some(found) => Extra::parse(&found.value).map_err(|rule| bad("what is given", &found, &rule))?,
        };
        Ok(Self {
            gzip: !flag(NO_GZIP, "x_file_stream_no_gzip")?,
            label: internal(sources, "label").map(|found| crate::harmless::clean(&found.value).into_owned()),
            ignored: Ignored::find(sources)?,
            limit,
            insecure: flag(&["WANDB_INSECURE_DISABLE_SSL"], "insecure_disable_ssl")?,
            proxies: Proxies::find(sources)?,
            person: headers::person(sources)?,
            extra,
        })
    }
}

/// A setting that breaks a rule.
pub(super) fn bad(what: &str, found: &Given, rule: &str) -> Failure {
    Failure::Settings(format!("{what} (from {}) {rule}", found.from))
}
