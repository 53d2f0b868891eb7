//! The attributes on functions: `#[track_stage]`, `#[eval_summary]` and `#[main]`.

mod body;
mod eval_summary;
mod main;
mod stage;
mod stage_args;
mod target;
mod types;

pub(crate) use eval_summary::eval_summary;
pub(crate) use main::main;
pub(crate) use stage::track_stage;
