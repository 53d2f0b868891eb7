//! What a key may look like. The library and the macros have this file each, to the letter: a test compares them.
//!
//! W&B takes any text that is not empty, but for the names of its own values. What it takes is recorded as it is, so that
//! keys that differ stay different. Of that, a key that cannot be meant in source code is refused by the compiler, where
//! it costs a person a look: a program whose keys come at run time must not lose data over it, and is told once.

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFault {
    /// The key has no characters.
    Empty,
    /// The key is the name of a value of W&B's own.
    Own,
    /// The key begins with `_`, as the values of W&B's own do, which its pages do not show.
    Hidden,
    /// The key has a blank at one of its ends.
    Blank,
    /// The key has a character that cannot be seen: a control character, or one that hides or turns text.
    Unseen,
}

impl KeyFault {
    /// What is wrong, behind the key.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Empty => "is empty",
            Self::Own | Self::Hidden => "is reserved: names beginning with `_` belong to W&B",
            Self::Blank => "begins or ends with a blank",
            Self::Unseen => "holds a character that cannot be seen",
        }
    }
}

/// Checks a key of a metric, summary value, config entry or table.
pub(crate) const fn fault(key: &str) -> Option<KeyFault> {
    match key.as_bytes() {
        [] => return Some(KeyFault::Empty),
        b"_step" | b"_timestamp" | b"_runtime" | b"_wandb" => return Some(KeyFault::Own),
        [b'_', ..] => return Some(KeyFault::Hidden),
        _ => {}
    }
    let mut rest = key.as_bytes();
    let mut is_first = true;
    while let Some((c, tail)) = next(rest) {
        if is_unseen(c) {
            return Some(KeyFault::Unseen);
        }
        if matches!(c, 0x20 | 0xa0 | 0x3000) && (is_first || tail.is_empty()) {
            return Some(KeyFault::Blank);
        }
        is_first = false;
        rest = tail;
    }
    None
}

/// The first character of UTF-8, and what is behind it.
const fn next(bytes: &[u8]) -> Option<(u32, &[u8])> {
    Some(match bytes {
        [a @ 0..=0x7f, rest @ ..] => (*a as u32, rest),
        [a @ 0xc0..=0xdf, b, rest @ ..] => ((*a as u32 & 0x1f) << 6 | *b as u32 & 0x3f, rest),
        [a @ 0xe0..=0xef, b, c, rest @ ..] => {
            ((*a as u32 & 0x0f) << 12 | (*b as u32 & 0x3f) << 6 | *c as u32 & 0x3f, rest)
        }
        [a, b, c, d, rest @ ..] => (
            (*a as u32 & 0x07) << 18 | (*b as u32 & 0x3f) << 12 | (*c as u32 & 0x3f) << 6 | *d as u32 & 0x3f,
            rest,
        ),
        // The end: no text ends within a character.
        _ => return None,
    })
}

/// Whether a character cannot be seen, or hides or turns others.
const fn is_unseen(c: u32) -> bool {
    matches!(
        c,
        0..=0x1f
            | 0x7f..=0x9f
            | 0x61c
            | 0x200b
            | 0x200e..=0x200f
            | 0x2028..=0x202e
            | 0x2060..=0x206f
            | 0xfeff
            | 0xfff9..=0xfffb
            | 0xe0000..=0xe007f
    )
}

#[cfg(test)]
mod tests {
    use super::{KeyFault, fault};

    #[test]
    fn the_rule() {
        for good in [
            "loss",
            "train/loss",
            "a.b-c_d/9",
            "9",
            "train loss",
            "verlust_ü",
            "損失",
            "%acc",
            "a*",
            "a=b,c",
            "é\u{200d}x",
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
        assert_eq!(fault(""), Some(KeyFault::Empty));
        for own in ["_step", "_wandb"] {
            assert_eq!(fault(own), Some(KeyFault::Own), "{own}");
        }
        assert_eq!(fault("_loss"), Some(KeyFault::Hidden));
        for blank in [" a", "a ", " ", "a\u{a0}", "\u{3000}a"] {
            assert_eq!(fault(blank), Some(KeyFault::Blank), "{blank:?}");
        }
        for unseen in ["a\nb", "\u{1b}[2J", "a\u{9b}b", "a\u{202e}b", "\u{feff}a", "損\u{e0041}失", "\0"] {
            assert_eq!(fault(unseen), Some(KeyFault::Unseen), "{unseen:?}");
        }
    }
}
