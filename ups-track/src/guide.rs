//! The guide: pages on one question each. There is no code here.

/// How to find the right macro in ten seconds, and what the calls of W&B's Python client became.
#[doc = include_str!("guide/which_kind.md")]
pub mod which_kind {}

/// How several processes that a launcher starts record: rank 0 alone, all into one run, or a run each.
#[doc = include_str!("guide/many_ranks.md")]
pub mod many_ranks {}
