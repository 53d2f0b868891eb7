//! Text that the compiler puts together: a panic in a constant can show one text and format nothing.

/// A text of at most 256 bytes; what is longer is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConstText {
    bytes: [u8; 256],
    len: usize,
}

impl ConstText {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; 256], len: 0 }
    }

    /// The text with `text` behind it.
    pub(super) const fn with(mut self, text: &str) -> Self {
        let mut rest = text.as_bytes();
        while let [byte, tail @ ..] = rest {
            if self.len < self.bytes.len() {
                self.bytes[self.len] = *byte;
                self.len += 1;
            }
            rest = tail;
        }
        self
    }

    pub(super) const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            // The cut went through a character.
            Err(_) => "a key is too long",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ConstText;

    #[test]
    fn texts_are_joined_and_cut() {
        assert_eq!(ConstText::new().with("a").with("ö").as_str(), "aö");
        assert_eq!(ConstText::new().with(&"a".repeat(300)).as_str().len(), 256);
    }
}
