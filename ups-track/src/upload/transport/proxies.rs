//! Proxies: those of W&B's settings, else those that programs usually have (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).

use reqwest::header::HeaderValue;
use reqwest::{NoProxy, Proxy, Url};

use crate::settings::Sources;
use crate::upload::Failure;

/// Where requests go through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies {
    /// For `http` and for `https`: what W&B's settings name.
    set: [Option<Url>; 2],
    /// What other programs use.
    usual: [Option<String>; 2],
    /// Hosts that the usual ones are not for.
    except: Option<String>,
}

impl Proxies {
    /// What the settings say.
    ///
    /// # Errors
    ///
    /// If one is no URL. Credentials inside are not in the message.
    pub(super) fn find(sources: &Sources) -> Result<Self, Failure> {
        let usual = |names: &[&str]| names.iter().find_map(|name| sources.var(name)).map(|found| found.value);
        // A web server's child gets `HTTP_PROXY` from whoever sends a header `Proxy`.
        let in_web_server = sources.var("REQUEST_METHOD").is_some();
        let http = if in_web_server { "http_proxy" } else { "HTTP_PROXY" };
        Ok(Self {
            set: [
                set(sources, "WANDB_HTTP_PROXY", "http_proxy")?,
                set(sources, "WANDB_HTTPS_PROXY", "https_proxy")?,
            ],
            usual: [
                usual(&["http_proxy", http, "all_proxy", "ALL_PROXY"]),
                usual(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            ],
            except: usual(&["no_proxy", "NO_PROXY"]),
        })
    }

    /// The proxies as a client takes them, with what they want to have as authorization; none if it shall find the
    /// usual ones itself.
    ///
    /// # Errors
    ///
    /// If one cannot be used.
    pub(crate) fn build(&self, authorization: Option<&HeaderValue>) -> Result<Vec<Proxy>, reqwest::Error> {
        if self.set.iter().all(Option::is_none) && authorization.is_none() {
            return Ok(Vec::new());
        }
        let except = || self.except.as_deref().and_then(NoProxy::from_string);
        let [http, https] = &self.set;
        let [usual_http, usual_https] = &self.usual;
        let mut proxies = Vec::new();
        match (http, usual_http) {
            (Some(url), _) => proxies.push(Proxy::http(url.clone())?),
            (None, Some(url)) => proxies.push(Proxy::http(url)?.no_proxy(except())),
            (None, None) => {}
        }
        match (https, usual_https) {
            (Some(url), _) => proxies.push(Proxy::https(url.clone())?),
            (None, Some(url)) => proxies.push(Proxy::https(url)?.no_proxy(except())),
            (None, None) => {}
        }
        let authorized = |proxy: Proxy| match authorization {
            Some(value) => proxy.custom_http_auth(value.clone()),
            None => proxy,
        };
        Ok(proxies.into_iter().map(authorized).collect())
    }
}

/// A proxy of W&B's settings.
fn set(sources: &Sources, var: &str, name: &str) -> Result<Option<Url>, Failure> {
    let Some(found) = sources.find(None, &[var], name) else { return Ok(None) };
    let value = found.value.trim();
    // As for `HTTPS_PROXY`, the scheme may be left out.
    let text = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let url = Url::parse(&text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty())
    });
    url.map(Some).ok_or_else(|| {
        let shown = crate::secrets::clean(&text);
        let shown = format!("`{}`", crate::harmless::clean(&shown));
        Failure::setting(&shown, &found, "must be the http or https URL of a proxy")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_url_and_its_password_no_text() {
        let find = |value: &str| {
            Proxies::find(&Sources::from_vars(&[("WANDB_HTTPS_PROXY", value)], std::path::Path::new(".")))
        };
        for good in ["http://p:3128", "p:3128", "https://me:pw@p"] {
            assert!(find(good).unwrap().set[1].is_some(), "{good}");
        }
        for bad in ["ftp://me:hunter2@p", "http://", "http://me:hunter2@p:port"] {
            let said = find(bad).unwrap_err().to_string();
            assert!(said.contains("WANDB_HTTPS_PROXY") && !said.contains("hunter2"), "{said}");
        }
    }
}
