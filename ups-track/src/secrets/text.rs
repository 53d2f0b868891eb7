//! Secrets in text: in addresses, behind a name, after `Bearer`, in PEM blocks, and keys of a known shape.
//!
//! The text is gone through once, word by word; a word is what stands between blanks and quotes.

use std::borrow::Cow;
use std::ops::Range;

use super::names::{Sign, sign};
use super::{HIDDEN, shapes};

/// What stands before the name of a secret is looked at as far as this.
const LONGEST_NAME: usize = 64;

/// What the name of a secret has in it, in small letters: a cheap look before the names' own rule.
const HINTS: &[&str] = &[
    "pass", "pw", "secret", "cred", "key", "jwt", "token", "auth", "bearer", "cookie", "dsn", "str", "pat",
    "private", "sig",
];

/// The text without the secrets in it.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    // The shortest are `a:b@c` and `pwd=x`.
    if text.len() < 8 && !text.contains([':', '=']) {
        return Cow::Borrowed(text);
    }
    let mut search = Search { text, found: Vec::new(), end: 0 };
    search.all();
    search.replaced()
}

/// A search through a text.
struct Search<'t> {
    text: &'t str,
    /// What is to go, and what is put there.
    found: Vec<(Range<usize>, &'static str)>,
    /// Up to where the text is done with.
    end: usize,
}

impl<'t> Search<'t> {
    fn replaced(mut self) -> Cow<'t, str> {
        if self.found.is_empty() {
            return Cow::Borrowed(self.text);
        }
        self.found.sort_by_key(|(range, _)| range.start);
        let mut clean = String::with_capacity(self.text.len());
        let mut at = 0;
        for (range, by) in self.found {
            if range.end > at {
                clean.push_str(self.text.get(at..range.start.max(at)).unwrap_or_default());
                clean.push_str(by);
                at = range.end;
            }
        }
        clean.push_str(self.text.get(at..).unwrap_or_default());
        Cow::Owned(clean)
    }

    /// Hides a part, unless it is hidden already.
    fn hide(&mut self, range: Range<usize>) {
        self.end = self.end.max(range.end);
        if !range.is_empty() && !self.at(range.start).starts_with(HIDDEN) {
            self.found.push((range, HIDDEN));
        }
    }

    /// The text from a place on.
    fn at(&self, place: usize) -> &'t str {
        self.text.get(place..).unwrap_or_default()
    }

    fn all(&mut self) {
        let bytes = self.text.as_bytes();
        let end_of = |start: usize, wanted: bool| {
            let rest = bytes.get(start..).unwrap_or_default();
            start + rest.iter().position(|b| is_between(*b) == wanted).unwrap_or(rest.len())
        };
        let mut at = end_of(0, false);
        while at < bytes.len() {
            let end = end_of(at, true);
            self.word(at..end);
            // A value may reach over several words.
            at = end_of(end.max(self.end), false);
        }
    }

    fn word(&mut self, word: Range<usize>) {
        let text = self.text.get(word.clone()).unwrap_or_default();
        if text.contains('@') {
            self.addresses(&word, text);
        }
        self.after_option(&word, text);
        self.after_bearer(&word, text);
        let mut was_inside = false;
        for (offset, b) in text.bytes().enumerate() {
            let at = word.start + offset;
            let is_inside = std::mem::replace(&mut was_inside, b.is_ascii_alphanumeric() || b == b'_');
            if at < self.end {
                continue;
            }
            match b {
                b'=' => self.after_name(at, true),
                b':' if !self.at(at).starts_with("://") => self.after_name(at, false),
                b'-' if self.at(at).starts_with("-----BEGIN") => self.pem(at),
                _ if is_inside || !b.is_ascii_alphabetic() || at + shapes::SHORTEST > word.end => {}
                _ => {
                    let key = shapes::key_at(self.text, at).or_else(|| shapes::hook_at(self.text, at));
                    if let Some(key) = key {
                        self.hide(key);
                    }
                }
            }
        }
    }

    /// Hides a private key.
    fn pem(&mut self, start: usize) {
        let block = self.at(start);
        let head = block.get("-----BEGIN".len()..).and_then(|head| head.split_once("-----"));
        let is_private = |kind: &str| kind.ends_with("PRIVATE KEY") || kind.ends_with("PRIVATE KEY BLOCK");
        let Some((_, inside)) = head.filter(|(kind, _)| is_private(kind)) else { return };
        let end = inside.find("-----END").and_then(|end| {
            let tail = inside.get(end + "-----END".len()..)?;
            let tail = tail.get(tail.find("-----")? + 5..)?;
            Some(self.text.len() - tail.len())
        });
        // One that was cut off is one, too.
        self.hide(start..end.unwrap_or(self.text.len()));
    }

    /// Takes the user and password out of the addresses of a word.
    fn addresses(&mut self, word: &Range<usize>, text: &str) {
        let mut schemes = text.match_indices("://").map(|(at, _)| at).peekable();
        if schemes.peek().is_none() {
            self.bare_address(word, text);
            return;
        }
        while let Some(scheme) = schemes.next() {
            let begin = scheme + 3;
            let end = schemes.peek().map_or(text.len(), |next| {
                let before = text.get(begin..*next).unwrap_or_default();
                let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
                begin + before.trim_end_matches(is_scheme).len()
            });
            if let Some(length) = text.get(begin..end).and_then(credentials) {
                let start = word.start + begin;
                self.found.push((start..start + length, ""));
            }
        }
    }

    /// Hides `password@` of `user:password@host` without a scheme.
    fn bare_address(&mut self, word: &Range<usize>, text: &str) {
        let Some(at) = text.rfind('@') else { return };
        let before = text.get(..at).unwrap_or_default();
        let host = text.get(at + 1..).unwrap_or_default();
        // Behind a name: `--db=user:password@host`.
        let begin = before.find('=').map_or(0, |at| at + 1);
        let both = before.get(begin..).unwrap_or_default();
        let begin = before.len() - both.trim_start_matches(['(', '[', '{', ',']).len();
        let Some((user, password)) = before.get(begin..).and_then(|both| both.split_once(':')) else {
            return;
        };
        let is_user = user.starts_with(|c: char| c.is_ascii_alphabetic())
            && user.chars().all(|c| c.is_ascii_alphanumeric() || "_.+-".contains(c))
            && !matches!(
                user,
                "mailto" | "sip" | "sips" | "xmpp" | "acct" | "cid" | "mid" | "models" | "runs"
            );
        let is_host = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && !["sha256:", "sha384:", "sha512:", "md5:"].iter().any(|digest| host.starts_with(digest));
        let version = password.strip_prefix('v').unwrap_or(password);
        let is_version = version.chars().all(|c| c.is_ascii_digit() || c == '.') || password == "latest";
        if is_user && is_host && !is_version && !password.starts_with('/') {
            let start = word.start + begin + user.len() + 1;
            self.hide(start..word.start + at);
        }
    }

    /// `--token X`: hides the word behind.
    fn after_option(&mut self, word: &Range<usize>, text: &str) {
        let is_option = text.starts_with("--") && !text.contains('=');
        if is_option
            && sign(text).is_some()
            && let Some(next) = self.next_word(word.end)
            && !self.at(next.start).starts_with('-')
        {
            self.hide(next);
        }
    }

    /// `Bearer X`: hides the word behind, unless it is one of a language.
    fn after_bearer(&mut self, word: &Range<usize>, text: &str) {
        let scheme = text.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        let scheme = scheme.rsplit([':', '=']).next().unwrap_or(scheme);
        let is_bearer = scheme.eq_ignore_ascii_case("bearer");
        if !is_bearer && scheme != "Basic" {
            return;
        }
        let Some(next) = self.next_word(word.end) else { return };
        let token = self.text.get(next.clone()).unwrap_or_default();
        let is_plain =
            token.len() < 20 && token.chars().all(|c| c.is_ascii_lowercase() || ",;:!?)".contains(c));
        let is_basic =
            token.len() >= 8 && (token.ends_with('=') || token.contains(|c: char| c.is_ascii_digit()));
        if is_bearer && !is_plain || !is_bearer && is_basic {
            self.hide(next);
        }
    }

    /// The word behind a place, if it stands on the same line.
    fn next_word(&self, end: usize) -> Option<Range<usize>> {
        let rest = self.at(end);
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '"', '\'', '\\']).len();
        let rest = rest.get(blank..)?;
        let length = rest.bytes().position(is_between).unwrap_or(rest.len());
        (blank > 0 && length > 0).then_some(end + blank..end + blank + length)
    }

    /// `name=value`, `name: value`, `"name": "value"`: hides the value of a secret's name.
    fn after_name(&mut self, separator: usize, is_assigned: bool) {
        let Some(name) = Name::before(self.text, separator).filter(|name| name.is_secret(is_assigned)) else {
            return;
        };
        let rest = self.at(separator + 1);
        let value = if name.is_header(is_assigned) { header_value(rest) } else { value(rest) };
        let value = separator + 1 + value.start..separator + 1 + value.end;
        let text = self.text.get(value.clone()).unwrap_or_default();
        if !matches!(text, "None" | "null" | "true" | "false" | "True" | "False" | "***") {
            self.hide(value);
        }
    }
}

/// A name before a separator.
struct Name<'t> {
    text: &'t str,
    /// The word before it, for `API key: ..`.
    before: &'t str,
    /// Everything that stands before the name.
    mark: &'t str,
}

impl<'t> Name<'t> {
    fn before(text: &'t str, separator: usize) -> Option<Self> {
        let mut start = separator.saturating_sub(LONGEST_NAME);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let window = text.get(start..separator)?;
        let window = window.trim_end_matches([' ', '"', '\'', '\\', '`']);
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let mark = window.trim_end_matches(is_part);
        let name = window.get(mark.len()..)?;
        let outer = mark.strip_suffix(' ').unwrap_or_default();
        let before = outer.get(outer.trim_end_matches(is_part).len()..)?;
        has_hint(name).then_some(Self { text: name, before, mark })
    }

    /// Whether what follows is a secret. `is_assigned` if that is an equals sign.
    fn is_secret(&self, is_assigned: bool) -> bool {
        let is_signature = self.text.eq_ignore_ascii_case("sig")
            || self.text.eq_ignore_ascii_case("signature")
            || ends_with(self.text, "-signature");
        match sign(self.text) {
            Some(Sign::Sure) => true,
            Some(Sign::Likely) if is_assigned && self.is_parameter() => true,
            None if is_signature && is_assigned => self.is_parameter(),
            _ => {
                !self.before.is_empty()
                    && sign(self.before).is_none()
                    && sign(&format!("{}_{}", self.before, self.text)) == Some(Sign::Sure)
            }
        }
    }

    /// A parameter of an address or command: `?token=`, `;pass=`, `--auth=`.
    fn is_parameter(&self) -> bool {
        self.mark.ends_with(['?', '&', ';']) || self.text.starts_with("--")
    }

    /// A header whose value has blanks in it.
    fn is_header(&self, is_assigned: bool) -> bool {
        !is_assigned && (ends_with(self.text, "authorization") || ends_with(self.text, "cookie"))
    }
}

/// Whether a name may be that of a secret.
fn has_hint(name: &str) -> bool {
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        let begins = |hint: &&str| {
            hint.as_bytes().first().is_some_and(|b| b.eq_ignore_ascii_case(first))
                && rest.get(..hint.len()).is_some_and(|part| part.eq_ignore_ascii_case(hint.as_bytes()))
        };
        if HINTS.iter().any(begins) {
            return true;
        }
        rest = tail;
    }
    false
}

/// Whether text ends with a word, whatever the case of its letters.
fn ends_with(text: &str, word: &str) -> bool {
    text.len()
        .checked_sub(word.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(word))
}

/// The value at the beginning of a text, quoted or not.
fn value(text: &str) -> Range<usize> {
    let blank = text.len() - text.trim_start_matches([' ', '\t']).len();
    let rest = text.get(blank..).unwrap_or_default();
    let escape = rest.len() - rest.trim_start_matches('\\').len();
    let inner = rest.get(escape..).unwrap_or_default();
    if let Some(quote) = inner.chars().next().filter(|c| is_quote(*c)) {
        let start = blank + escape + quote.len_utf8();
        let inside = text.get(start..).unwrap_or_default();
        return start..start + quoted(inside, quote, escape > 0);
    }
    let length =
        rest.find(|c: char| c.is_whitespace() || is_quote(c) || matches!(c, ';' | '&')).unwrap_or(rest.len());
    let value = rest.get(..length).unwrap_or_default().trim_end_matches([')', ']', '}', ',']);
    blank..blank + value.len()
}

/// The length of a quoted value, or of its line if the quote is not closed.
fn quoted(inside: &str, quote: char, is_escaped: bool) -> usize {
    let mut before = ' ';
    for (at, c) in inside.char_indices() {
        if c == '\n' {
            return at;
        }
        if c == quote && (before == '\\') == is_escaped {
            return at - usize::from(is_escaped);
        }
        before = if before == '\\' && c == '\\' && !is_escaped { ' ' } else { c };
    }
    inside.len()
}

/// The value of a header: its line, or up to the quote around it.
fn header_value(text: &str) -> Range<usize> {
    let blank = text.len() - text.trim_start_matches([' ', '\t', '"', '\'', '\\']).len();
    let rest = text.get(blank..).unwrap_or_default();
    let length = rest.find(|c: char| matches!(c, '\n' | '\r' | '\\') || is_quote(c)).unwrap_or(rest.len());
    blank..blank + length
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`')
}

/// What stands between words.
fn is_between(b: u8) -> bool {
    b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b'<' | b'>')
}

/// How much of an address, from behind `://` on, are user and password.
fn credentials(address: &str) -> Option<usize> {
    let authority_end = address.find(['/', '?', '#', '\\']).unwrap_or(address.len());
    let authority = address.get(..authority_end)?;
    let last = address.rfind('@')?;
    if let Some(at) = authority.rfind('@') {
        // `me:p@ss/word@host`: what follows the first `@` is no host.
        let host = authority.get(at + 1..)?;
        let is_host = last == at || host.contains(['.', ':', '[']) || host == "localhost";
        let is_query = address.get(..last)?.contains(['?', '#']);
        return Some(if is_host || is_query || !authority.contains(':') { at + 1 } else { last + 1 });
    }
    // `me:pass/word@host`: what follows the colon is no port.
    let (user, port) = authority.split_once(':')?;
    let is_port = port.chars().all(|c| c.is_ascii_digit());
    (!is_port && !user.contains('[')).then_some(last + 1)
}
