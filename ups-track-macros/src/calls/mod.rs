//! The macros that look like functions: one file each.

mod alert;
mod config;
mod entries;
mod file;
mod metric;
mod summary;
mod table;

pub(crate) use alert::alert;
pub(crate) use config::config;
pub(crate) use file::file;
pub(crate) use metric::metric;
pub(crate) use summary::summary;
pub(crate) use table::table;
