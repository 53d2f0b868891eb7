//! What the records of a log say about its run, in the form in which the server wants to have it.

mod changes;
mod console;
mod definitions;
mod described;
mod environment;
mod inherited;
mod rows;
mod telemetry;
mod told;

pub(crate) use console::{Console, Finished, LineForm};
pub(crate) use described::{Changes, Described, Names};
pub(crate) use rows::{Rows, event};
pub(crate) use told::{Base, Told};

use crate::tree::Tree;
