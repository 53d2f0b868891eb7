//! How the settings want connections to be.

use super::bandwidth;
use super::headers::Extra;
use super::proxies::Proxies;
use crate::settings::Sources;
use crate::upload::Failure;

/// How the settings want connections to be.
#[derive(Debug, Clone)]
pub(super) struct Wishes {
    /// Bytes per second that may be sent.
    pub(super) limit: Option<u64>,
    /// Whether certificates are not looked at.
    pub(super) insecure: bool,
    /// Headers for all requests.
    pub(super) extra: Extra,
    pub(super) proxies: Proxies,
}

impl Wishes {
    /// What environment and settings files say.
    ///
    /// # Errors
    ///
    /// If one of the settings is bad: which one, and the rule. Values that may be secret are not in it.
    pub(super) fn find(sources: &Sources) -> Result<Self, Failure> {
        let limit = match sources.find(None, &["UPS_TRACK_UPLOAD_LIMIT"], "upload_limit") {
            None => None,
            Some(found) => Some(bandwidth::limit(&found.value).map_err(|rule| {
                Failure::setting(&format!("`{}`", crate::harmless::clean(&found.value)), &found, &rule)
            })?),
        };
        let extra = ["WANDB_X_EXTRA_HTTP_HEADERS", "WANDB__EXTRA_HTTP_HEADERS"];
        let extra = match sources.find(None, &extra, "x_extra_http_headers") {
            None => Extra::default(),
            Some(found) => {
                Extra::parse(&found.value).map_err(|rule| Failure::setting("what is given", &found, &rule))?
            }
        };
        let insecure = sources
            .flag(&["WANDB_INSECURE_DISABLE_SSL"], "insecure_disable_ssl")
            .map_err(|e| Failure::Settings(e.with_cause()))?;
        Ok(Self { limit, insecure: insecure.unwrap_or(false), extra, proxies: Proxies::find(sources)? })
    }
}
