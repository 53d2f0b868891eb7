//! How the settings want uploads to be.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::ignored::Ignored;
use crate::settings::Sources;
use crate::upload::Failure;

/// How the settings want uploads to be.
#[derive(Debug, Clone)]
pub(crate) struct Preferences {
    /// Whether the bodies of the file stream may be compressed, where the server can read that.
    pub(crate) gzip: bool,
    /// The label of the lines of the console.
    pub(crate) label: Option<String>,
    /// Files that are not uploaded.
    pub(crate) ignored: Ignored,
    /// Headers that tell a server for whom a service account works.
    pub(crate) person: HeaderMap,
}

impl Preferences {
    /// What environment and settings files say.
    ///
    /// # Errors
    ///
    /// If one of the settings is bad: which one, and the rule. Values that may be secret are not in it.
    pub(crate) fn find(sources: &Sources) -> Result<Self, Failure> {
        let no_gzip = ["WANDB_X_FILE_STREAM_NO_GZIP", "WANDB__FILE_STREAM_NO_GZIP"];
        let no_gzip =
            sources.flag(&no_gzip, "x_file_stream_no_gzip").map_err(|e| Failure::Settings(e.with_cause()))?;
        let label = sources.find(None, &["WANDB_X_LABEL", "WANDB__LABEL"], "x_label");
        Ok(Self {
            gzip: !no_gzip.unwrap_or(false),
            label: label.map(|found| crate::harmless::clean(&found.value).into_owned()),
            ignored: Ignored::find(sources)?,
            person: person(sources)?,
        })
    }
}

/// For whom a service account works, as GraphQL requests say it.
fn person(sources: &Sources) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (var, name, header) in [
        ("WANDB_USERNAME", "username", HeaderName::from_static("x-wandb-username")),
        ("WANDB_USER_EMAIL", "email", HeaderName::from_static("x-wandb-user-email")),
    ] {
        if let Some(found) = sources.find(None, &[var], name) {
            let value = HeaderValue::try_from(found.value.trim()).map_err(|_| {
                Failure::setting("what is given", &found, "has characters that no header can have")
            })?;
            headers.insert(header, value);
        }
    }
    Ok(headers)
}
