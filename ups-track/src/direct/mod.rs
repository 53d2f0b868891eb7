//! The way of macros, attributes and direct calls: straight into the run in force, with or without a subscriber.
//!
//! Arguments are evaluated as those of a function are, whatever records. What other layers of `tracing` may want to know
//! is told them where one of them asks for it, see [`site`].

pub(crate) mod carry;
pub(crate) mod refuse;
pub(crate) mod rows;
pub(crate) mod site;
pub(crate) mod stages;
pub(crate) mod values;
