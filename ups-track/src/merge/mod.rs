//! From the shards into the run's log, each record once: while the run goes on by its own writer, afterwards by
//! whoever is asked to.
//!
//! A record that came out of a shard says so (`Record::uuid`), and within a shard they come in order. So the log itself
//! tells how far each shard was merged, whatever was killed when.

mod beside;
mod failed;
mod incoming;
mod live;
mod offline;

pub(crate) use live::Merger;
#[cfg(feature = "cli")]
pub(crate) use offline::Outcome;
pub(crate) use offline::{Purpose, merge};
