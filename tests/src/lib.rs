//! What the integration tests of ups-track share: a W&B-compatible server, the real client, and the comparison
//! of the two runs that they leave on the server.

pub mod json;
#[cfg(target_os = "linux")]
pub mod kills;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod lockless;
pub mod log;
pub mod normalized;
pub mod server;
#[cfg(unix)]
pub mod signals;
pub mod soak;
#[cfg(unix)]
pub mod terminal;
pub mod wandb;
