//! The addresses of a server: that of its API, and that which people open.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::settings::Sources;
use crate::upload::Failure;

/// The server that W&B's released client uses by default, and the older name of it that netrc files may have.
const DEFAULT: &str = "https://api.forge.coreweave.com";
pub(super) const OLDER_HOST: &str = "api.wandb.ai";

/// What stands in a part of a path as it is.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A server's addresses.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    base: String,
    url: Url,
    app: String,
    from: String,
}

impl Address {
    /// The address of the settings.
    pub(crate) fn find(sources: &Sources) -> Result<Self, Failure> {
        let app = sources.find(None, &["WANDB_APP_URL"], "app_url").map(|found| found.value);
        match sources.find(None, &["WANDB_BASE_URL"], "base_url") {
            Some(found) => Self::new(&found.value, &found.from, app),
            None => Self::new(DEFAULT, "the default of W&B's client", app),
        }
    }

    /// The address of a base URL, which `from` names.
    pub(crate) fn new(base: &str, from: &str, app: Option<String>) -> Result<Self, Failure> {
        let base = base.trim().trim_end_matches('/').to_owned();
        let bad = |rule: &str| Failure::Address {
            value: crate::secrets::clean(&base).into_owned(),
            from: from.to_owned(),
            rule: rule.to_owned(),
        };
        let url = Url::parse(&base).map_err(|e| bad(&format!("is no URL ({e})")))?;
        let host = url.host_str().unwrap_or_default();
        if !matches!(url.scheme(), "http" | "https") || host.is_empty() {
            return Err(bad("must begin with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("must not hold credentials; the key comes from WANDB_API_KEY or netrc"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("must not have a query or fragment"));
        }
        if host == "wandb.ai" || host.ends_with(".wandb.ai") {
            if !host.starts_with("api.") && !host.contains(".api.") {
                return Err(bad("is the page that people open; the API is at https://api.wandb.ai"));
            }
            if url.scheme() != "https" {
                return Err(bad("must begin with https://"));
            }
        }
        let app = app.map_or_else(|| app_of(&base), |app| app.trim_end_matches('/').to_owned());
        Ok(Self { base, url, app, from: from.to_owned() })
    }

    /// The base URL, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// What the base URL comes from.
    pub(crate) fn from(&self) -> &str {
        &self.from
    }

    /// Whether everything between us and the server is encrypted.
    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Host and, if it is not the scheme's own, port: what names the server in a netrc file.
    pub(crate) fn netrc_machine(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Whether this is the default server, whose key may be filed under its older name.
    pub(super) fn has_older_name(&self) -> bool {
        self.base == DEFAULT
    }

    /// The URL of a path of the API.
    pub(crate) fn api(&self, parts: &[&str]) -> String {
        let mut url = self.base.clone();
        for part in parts {
            url.push('/');
            url.extend(utf8_percent_encode(part, PART));
        }
        url
    }

    /// The page where a person finds a new key.
    pub(crate) fn key_page(&self) -> String {
        format!("{}/authorize", self.app)
    }

    /// The address that people open, without a slash at its end.
    pub(crate) fn app(&self) -> &str {
        &self.app
    }

    /// The page of a run.
    pub(crate) fn run_page(&self, entity: &str, project: &str, run: &str) -> String {
        let part = |text| utf8_percent_encode(text, PART).to_string();
        format!("{}/{}/{}/runs/{}", self.app, part(entity), part(project), part(run))
    }
}

/// The address that people open, from that of the API.
fn app_of(base: &str) -> String {
    if base == DEFAULT {
        return "https://forge.coreweave.com/wandb".to_owned();
    }
    if base.contains("://api.wandb.test") {
        base.replacen("://api.", "://app.", 1)
    } else if base.contains("://api.wandb.") {
        base.replacen("://api.", "://", 1)
    } else {
        base.replacen("://api.", "://app.", 1)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn address(base: &str) -> Address {
        Address::new(base, "a test", None).unwrap()
    }

    #[test]
    fn people_open_another_address() {
        for (base, page) in [
            (DEFAULT, "https://forge.coreweave.com/wandb/e/p/runs/r"),
            ("https://api.wandb.ai/", "https://wandb.ai/e/p/runs/r"),
            ("https://api.wandb.test", "https://app.wandb.test/e/p/runs/r"),
            ("https://api.example.org", "https://app.example.org/e/p/runs/r"),
            ("http://localhost:8080/base/", "http://localhost:8080/base/e/p/runs/r"),
        ] {
            assert_eq!(address(base).run_page("e", "p", "r"), page);
        }
        assert_eq!(
            address(DEFAULT).run_page("ä/b", "p q", "r"),
            "https://forge.coreweave.com/wandb/%C3%A4%2Fb/p%20q/runs/r"
        );
    }

    #[test]
    fn an_address_has_rules() {
        for bad in [
            "",
            "wandb.ai",
            "ftp://x",
            "https://wandb.ai",
            "http://api.wandb.ai",
            "https://u:secret@h",
            "http://h/?q=1",
        ] {
            let said = Address::new(bad, "a test", None).unwrap_err().to_string();
            assert!(said.contains("a test") && !said.contains("secret"), "{said}");
        }
        assert_eq!(address("http://localhost:8080/").netrc_machine(), "localhost:8080");
        assert_eq!(address("https://api.wandb.ai:443").netrc_machine(), "api.wandb.ai");
        assert_eq!(address("http://h/x/").api(&["files", "e/..", "r"]), "http://h/x/files/e%2F../r");
    }
}
