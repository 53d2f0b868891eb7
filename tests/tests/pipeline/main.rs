//! Pipelines of whole processes: the context, linked and attached children, and what is in the parent's log afterwards,
//! whoever was killed. The programs are in `src/bin/pipeline`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests end by panicking")]

mod attached;
mod children;
mod fork;
mod hostile;
mod kill;
#[cfg(target_os = "linux")]
mod kills;
mod linked;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[cfg(target_os = "linux")]
mod lockless;
mod merge;
mod place;
mod poor;
mod python_context;
mod ranks;
mod shell;
mod shell_signals;
mod shell_terminal;
mod stress;
