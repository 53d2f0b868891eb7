//! The derives: one per data kind.

mod attrs;
mod case;
mod config;
mod config_attrs;
mod input;
mod metrics;
mod summary;
mod table;
mod types;

pub(crate) use config::run_config;
pub(crate) use metrics::metrics;
pub(crate) use summary::eval_summary;
pub(crate) use table::table_row;
