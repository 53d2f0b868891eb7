//! What a key may look like: one rule, read by the macros' constants and at run time.

use super::const_text::ConstText;

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFault {
    /// The key has no characters.
    Empty,
    /// The key begins with `_`: such names belong to W&B (`_step`, `_timestamp`, …).
    Reserved,
    /// The key has this byte outside `A-Z a-z 0-9 _ - . /` (for text beyond ASCII: its first byte).
    Character(u8),
}

/// Checks a key of a metric, summary value or config entry.
///
/// Allowed are ASCII letters, digits, `_`, `-`, `.` and `/`, and no `_` in front. The rule is narrower than what
/// the server stores: charts, filters and the query language of W&B stumble over everything else.
pub(crate) const fn fault(key: &str) -> Option<KeyFault> {
    let bytes = key.as_bytes();
    match bytes {
        [] => return Some(KeyFault::Empty),
        [b'_', ..] => return Some(KeyFault::Reserved),
        _ => {}
    }
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        if !matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'/') {
            return Some(KeyFault::Character(*byte));
        }
        rest = tail;
    }
    None
}

/// A key that was checked when the program was compiled, for names that are not literals in a macro call.
///
/// ```
/// use ups_track::Key;
/// const LOSS: Key = Key::new("train/loss");
/// assert_eq!(LOSS.as_str(), "train/loss");
/// ```
///
/// A bad name does not compile where it is a constant:
///
/// ```compile_fail
/// use ups_track::Key;
/// const LOSS: Key = Key::new("_loss"); // names that begin with `_` belong to W&B
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(&'static str);

impl Key {
    /// Checks and makes a key; call it in a `const` item, so that a bad name is a compile error.
    ///
    /// # Panics
    ///
    /// If the name is empty, begins with `_`, or has a character outside `A-Z a-z 0-9 _ - . /`.
    #[expect(clippy::panic, reason = "in a const item this panic is the compile error")]
    pub const fn new(name: &'static str) -> Self {
        const ALLOWED: &str = "allowed are ASCII letters, digits, `_`, `-`, `.` and `/`";
        let text = match fault(name) {
            None => return Self(name),
            Some(KeyFault::Empty) => ConstText::new().with("the key is empty"),
            Some(KeyFault::Reserved) => ConstText::new()
                .with("key `")
                .with(name)
                .with("` is reserved: names beginning with `_` belong to W&B"),
            Some(KeyFault::Character(byte)) => {
                let text = ConstText::new().with("key `").with(name).with("` holds ");
                let text = match core::str::from_utf8(&[byte]) {
                    Ok(character) => text.with("'").with(character).with("'"),
                    Err(_) => text.with("a character that is not ASCII"),
                };
                text.with("; ").with(ALLOWED)
            }
        };
        panic!("{}", text.as_str())
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyFault, fault};

    #[test]
    fn the_rule() {
        for good in ["loss", "train/loss", "a.b-c_d/9", "9"] {
            assert_eq!(fault(good), None, "{good}");
        }
        assert_eq!(fault(""), Some(KeyFault::Empty));
        assert_eq!(fault("_step"), Some(KeyFault::Reserved));
        assert_eq!(fault("train loss"), Some(KeyFault::Character(b' ')));
        assert_eq!(fault("verlust_ü"), Some(KeyFault::Character(0xc3)));
    }
}
