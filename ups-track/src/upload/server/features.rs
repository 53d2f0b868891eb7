//! What a server can do beyond what all can.

/// What a server can do beyond what all can.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// Bodies of the file stream may be gzip.
    pub(crate) gzip: bool,
    /// Lines of the console may be JSON.
    pub(crate) structured_console: bool,
}
