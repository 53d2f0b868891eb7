//! The data kinds: what a value is decides where W&B shows it. One file each.

pub(crate) mod alert;
pub(crate) mod cells;
pub(crate) mod config;
mod const_text;
pub(crate) mod file;
#[cfg(feature = "half")]
mod half;
pub(crate) mod key;
pub(crate) mod keyset;
pub(crate) mod metric;
pub(crate) mod scalar;
pub(crate) mod scope;
pub(crate) mod secret;
pub(crate) mod summary;
pub(crate) mod table;
