//! Keys: the rule of [`rule`], at compile time for constants.

mod rule;

use super::const_text::ConstText;
pub(crate) use rule::{KeyFault, fault};

impl KeyFault {
    /// Whether W&B takes no value under such a key.
    pub(crate) const fn is_refused(self) -> bool {
        matches!(self, Self::Empty | Self::Own)
    }
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
///
/// Any other text is a key, in any script and with blanks inside, as for W&B; but its pages sort and filter only by keys of
/// letters, digits and `_`. What no eye sees (a blank at an end, control characters) is a slip in source code and does not
/// compile. A name that comes at run time is data: whatever W&B takes is recorded under exactly that name, and what would
/// not compile is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(&'static str);

impl Key {
    /// Checks and makes a key; call it in a `const` item, so that a bad name is a compile error.
    ///
    /// # Panics
    ///
    /// If the name is empty, begins with `_`, begins or ends with a blank, or has a character that cannot be seen.
    #[expect(clippy::panic, reason = "in a const item this panic is the compile error")]
    pub const fn new(name: &'static str) -> Self {
        let text = match fault(name) {
            None => return Self(name),
            Some(KeyFault::Empty) => ConstText::new().with("the key is empty"),
            Some(fault) => ConstText::new().with("key `").with(name).with("` ").with(fault.about()),
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
    fn the_macros_have_the_same_rule() {
        let theirs = include_str!("../../../ups-track-macros/src/key_rule.rs");
        assert!(theirs == include_str!("key/rule.rs"), "the two files must be equal");
    }

    #[test]
    fn what_cannot_be_seen_is_what_is_not_shown() {
        for c in '\0'..=char::MAX {
            let is_unseen = fault(&format!("a{c}a")) == Some(KeyFault::Unseen);
            assert_eq!(is_unseen, crate::harmless::harmless(c) != c, "{c:?}");
        }
    }
}
