//! The processes of a pipeline: children with runs of their own (linked), children that record into their parent's run
//! (attached), and how the logs of the latter become part of the run's.

mod adjust;
mod child;
mod command;
mod environment;
pub(crate) mod merge;
pub(crate) mod shard;
#[cfg(feature = "tokio")]
mod tokio;
mod watch;

pub use child::{Child, ChildOptions};
pub use command::{TrackCommand, TrackedChild, TrackedCommand};
pub(crate) use watch::Names;
#[cfg(feature = "cli")]
pub(crate) use watch::exit_code;
