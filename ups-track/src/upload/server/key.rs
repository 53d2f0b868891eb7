//! The API key: what it may look like, and that nobody prints it.

use std::fmt;

/// An API key. It has no way to be printed.
#[derive(Clone)]
pub(crate) struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// Takes a text that has the form of a key.
    ///
    /// # Errors
    ///
    /// If it has not: the rule that it breaks, without the text.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        if text.trim() != text {
            return Err("begins or ends with white space".to_owned());
        }
        let fine = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        let parts: Vec<&str> = text.split('.').collect();
        if parts.len() == 3 && parts.iter().all(|part| fine(part.trim_end_matches('='))) {
            return Ok(Self(text.to_owned()));
        }
        // Servers of one's own put their name in front: `local-<40 characters>`.
        let secret = text.split_once('-').map_or(text, |(_, secret)| secret);
        if !fine(text) {
            return Err("has characters other than letters, digits, - and _".to_owned());
        }
        if secret.len() < 40 {
            return Err(format!("has {} characters, where a key has at least 40", secret.len()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The key itself, for a header or a netrc file.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A text in which the key, should somebody have put it there, does not stand.
    pub(crate) fn hide_in(&self, text: &str) -> String {
        text.replace(&self.0, crate::secrets::HIDDEN)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_form() {
        let forty = "0123456789abcdef0123456789abcdef01234567";
        for good in [forty, &format!("local-{forty}"), &format!("{forty}_x"), "aGVhZA.cGF5bG9hZA.c2ln"] {
            assert!(Key::new(good).is_ok(), "{good}");
        }
        for bad in ["", "short", &format!(" {forty}"), &format!("{forty}\n"), &format!("{forty}\"x"), "a.b"] {
            let rule = Key::new(bad).unwrap_err();
            assert!(!rule.contains(forty), "{rule}");
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = Key::new("0123456789abcdef0123456789abcdef01234567").unwrap();
        assert_eq!(format!("{key:?}"), "Key(..)");
        assert!(!key.hide_in(&format!("bad key {}", key.reveal())).contains("0123"));
    }
}
