//! The subscriber for programs that bring none.

use tracing_subscriber::Registry;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::error::{Kind, Result};

/// Installs a registry with our layer, which also writes messages to standard error: those of level info, or what
/// `RUST_LOG` says.
pub(crate) fn install() -> Result<()> {
    let spec = std::env::var("RUST_LOG").unwrap_or_default();
    let echo = match spec.parse::<Targets>() {
        Ok(targets) if !spec.is_empty() => targets,
        _ => Targets::new().with_default(LevelFilter::INFO),
    };
    let subscriber = Registry::default().with(crate::layer::with_echo(echo));
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Kind::SubscriberTaken)?;
    Ok(())
}
