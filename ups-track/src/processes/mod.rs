//! The processes of a pipeline: children with runs of their own (linked), children that record into their parent's run
//! (attached).

mod adjust;
mod child;
mod command;
mod environment;
#[cfg(feature = "tokio")]
mod tokio;
mod watch;

pub use child::{Child, ChildOptions};
pub use command::{TrackCommand, TrackedChild, TrackedCommand};
#[cfg(feature = "cli")]
pub(crate) use watch::exit_code;
