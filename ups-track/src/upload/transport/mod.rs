//! Bytes to a server and to a storage, and back: connections, attempts, limits, bodies of any size, signs of progress. It
//! knows no key: what lets us in is a header of a request like any other, and only `server` has one. So nothing that is
//! put to a storage or fetched from there can bear it. No answer can fill the memory.

mod answer;
mod attempt;
mod bandwidth;
mod body;
mod connect;
mod fault;
mod fetch;
mod gate;
mod headers;
mod packed;
mod place;
mod pool;
mod proxies;
mod pulse;
mod put;
mod rate_limit;
mod retry;
mod tls;
mod wishes;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(super) mod tests;

pub(crate) use answer::{Answer, Asked, shown};
#[cfg(feature = "cli")]
pub(crate) use attempt::Retry;
pub(crate) use attempt::{Attempt, Trouble};
pub(crate) use body::{Digest, Open, Part};
pub(crate) use fetch::Expected;
pub(crate) use packed::{gzip, is_worth_it};
pub(crate) use place::Place;
pub(crate) use pool::Transport;
pub(crate) use pulse::Pulse;
pub(crate) use put::{Put, upload_headers};
pub(crate) use rate_limit::{Quota, RateLimit};
pub(crate) use retry::{Endpoint, SlowWaits};
