//! Numerics that the example programs track: nothing here knows about experiment tracking.

pub mod burgers;
pub mod network;
