//! In which order runs come.

use std::fmt;

/// The order of runs, for [`RunsQuery::order`](super::RunsQuery::order).
///
/// ```
/// use ups_track::api::Order;
///
/// assert_eq!(Order::newest_first().to_string(), "-created_at");
/// assert_eq!(Order::ascending_summary("eval/nrmse").to_string(), "+summary_metrics.eval/nrmse");
/// assert_eq!(Order::descending("heartbeat_at").to_string(), "-heartbeat_at");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order(String);

impl Order {
    /// The run that was created first comes first: the order if none is asked for.
    pub fn oldest_first() -> Self {
        Self::ascending("created_at")
    }

    /// The run that was created last comes first.
    pub fn newest_first() -> Self {
        Self::descending("created_at")
    }

    /// The smallest value of the config comes first.
    pub fn ascending_config(key: &str) -> Self {
        Self(format!("+config.{key}.value"))
    }

    /// The largest value of the config comes first.
    pub fn descending_config(key: &str) -> Self {
        Self(format!("-config.{key}.value"))
    }

    /// The smallest value of the summary comes first.
    pub fn ascending_summary(key: &str) -> Self {
        Self(format!("+summary_metrics.{key}"))
    }

    /// The largest value of the summary comes first.
    pub fn descending_summary(key: &str) -> Self {
        Self(format!("-summary_metrics.{key}"))
    }

    /// By a field in the server's words, the smallest first: `created_at`, `heartbeat_at`, `config.<key>.value`,
    /// `summary_metrics.<key>`.
    pub fn ascending(field: &str) -> Self {
        Self(format!("+{field}"))
    }

    /// As [`ascending`](Self::ascending), the largest first.
    pub fn descending(field: &str) -> Self {
        Self(format!("-{field}"))
    }
}

/// The order as the server takes it.
impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
