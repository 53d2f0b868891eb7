//! What names a run on a server.

/// What names a run on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) entity: String,
    pub(crate) project: String,
    pub(crate) run: String,
}
