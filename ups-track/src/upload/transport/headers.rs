//! Headers that the settings add to requests.

use reqwest::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, PROXY_AUTHORIZATION, TRANSFER_ENCODING, USER_AGENT,
};
use serde_json::{Map, Value};

/// What only we say.
const OURS: [HeaderName; 8] = [
    AUTHORIZATION,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    HOST,
    TRANSFER_ENCODING,
    USER_AGENT,
];

/// Headers for all requests (`x_extra_http_headers`). They may hold secrets, and are not printed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extra {
    pub(crate) headers: HeaderMap,
    /// For the proxy alone.
    pub(crate) proxy: Option<HeaderValue>,
}

impl Extra {
    /// Reads a JSON object. Headers of ours are left out.
    ///
    /// # Errors
    ///
    /// The rule that the text breaks, without any value.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let object: Map<String, Value> = serde_json::from_str(text)
            .map_err(|_| "must be a JSON object of header names and texts".to_owned())?;
        let mut extra = Self::default();
        for (name, value) in object {
            let shown = crate::harmless::clean(&name).into_owned();
            let value = value.as_str().ok_or_else(|| format!("must have a text for `{shown}`"))?;
            let header = HeaderName::try_from(name.trim())
                .map_err(|_| format!("has `{shown}`, which is no name of a header"))?;
            let mut value = HeaderValue::try_from(value.trim())
                .map_err(|_| format!("has a value for `{shown}` that no header can have"))?;
            value.set_sensitive(true);
            if header == PROXY_AUTHORIZATION {
                extra.proxy = Some(value);
            } else if !OURS.contains(&header) {
                extra.headers.insert(header, value);
            }
        }
        Ok(extra)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn extra_headers_are_not_ours() {
        let text = r#"{"X-Gateway": "s3cret", "authorization": "Basic x", "HOST": "h", "Proxy-Authorization": "Basic p", "User-Agent": "me"}"#;
        let extra = Extra::parse(text).unwrap();
        assert_eq!(extra.headers.len(), 1);
        assert_eq!(extra.headers.get("x-gateway").unwrap(), "s3cret");
        assert_eq!(extra.proxy.as_ref().unwrap(), "Basic p");
        assert!(!format!("{extra:?}").contains("s3cret"));
    }

    #[test]
    fn bad_ones_are_said_without_their_values() {
        for (text, words) in [
            ("s3cret", "must be a JSON object"),
            (r#"["s3cret"]"#, "must be a JSON object"),
            (r#"{"a": {"b": "s3cret"}}"#, "must have a text for `a`"),
            (r#"{"a b": "s3cret"}"#, "`a b`, which is no name"),
            ("{\"a\": \"s3cret\\nX: y\"}", "a value for `a`"),
        ] {
            let rule = Extra::parse(text).unwrap_err();
            assert!(rule.contains(words) && !rule.contains("s3cret"), "{rule}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_given_is_not_said(name in "\\PC{0,8}", value in "\\PC{0,8}") {
            let text = serde_json::json!({(&*name): format!("s3cret{value}")}).to_string();
            if let Err(rule) = Extra::parse(&text) {
                proptest::prop_assert!(!rule.contains("s3cret"));
            }
        }
    }
}
