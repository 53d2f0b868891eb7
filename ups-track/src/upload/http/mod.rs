//! HTTP as W&B's servers need it: the key goes to the server and nowhere else, what fails for a while is tried again,
//! and no answer can fill the memory.

mod answer;
mod body;
mod client;
mod fault;
mod pulse;
pub(crate) mod retry;
mod tls;

use body::FileBody;
pub(crate) use client::{Asked, Client, Put, upload_headers};
pub(crate) use pulse::Pulse;
