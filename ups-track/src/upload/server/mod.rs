//! A W&B server: which one, what lets us in there, and what it is asked. What lets us in is in requests to its address and
//! nowhere else; bytes of files go by the [`Transport`](super::transport::Transport) alone, which has nothing of it.

mod access;
mod address;
mod authorization;
mod client;
mod credential;
mod features;
pub(crate) mod history;
mod ignored;
mod key;
mod netrc;
pub(crate) mod operations;
mod post;
mod preferences;
mod private_file;
mod target;
mod token;

pub(crate) use access::Access;
pub(crate) use address::Address;
pub(crate) use client::Client;
pub(crate) use credential::{Credential, KeySource};
pub(crate) use key::Key;
pub(crate) use netrc::write as write_netrc;
pub(crate) use target::Target;
