//! The guide: pages on one question each. There is no code here.

/// How to find the right macro in ten seconds, and what the calls of W&B's Python client became.
#[doc = include_str!("guide/which_kind.md")]
pub mod which_kind {}
