//! Numerics that the example programs track: nothing here knows about experiment tracking.

pub mod burgers;
pub mod checkpoint;
pub mod conditioning;
pub mod diffusion;
pub mod network;
