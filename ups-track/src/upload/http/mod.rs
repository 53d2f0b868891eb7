//! HTTP as W&B's servers need it: the key goes to the server and nowhere else, what fails for a while is tried again,
//! and no answer can fill the memory.

mod answer;
mod authorization;
pub(crate) mod bandwidth;
mod body;
mod client;
mod connect;
mod fault;
mod fetch;
mod gate;
mod packed;
mod pulse;
mod rate_limit;
pub(crate) mod retry;
mod storage;
mod tls;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;

pub(crate) use body::Digest;
pub(crate) use client::{Asked, Client};
pub(crate) use fetch::Expected;
pub(crate) use pulse::Pulse;
pub(crate) use storage::{Put, upload_headers};
