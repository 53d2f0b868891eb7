//! What goes along with the lines of a run: files and alerts, each queued, looked at beside the event loop, and sent. Lines
//! never wait for them.

mod alerts;
mod errand;
mod files;
mod shelf;
mod snapshot;
mod versions;

pub(crate) use alerts::Alerts;
pub(crate) use errand::Errand;
#[cfg(feature = "cli")]
pub(crate) use files::digest_of;
pub(crate) use files::{Outcome, is_inside, with_slashes};
pub(crate) use shelf::Shelf;
#[cfg(feature = "cli")]
pub(crate) use versions::Versions;
