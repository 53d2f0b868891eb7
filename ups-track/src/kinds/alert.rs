//! Alerts: messages to a person. They become W&B alerts, and are said on the console at once.

use std::time::Duration;

/// How serious an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AlertLevel {
    /// Something to know.
    #[default]
    Info,
    /// Something to look at.
    Warn,
    /// Something that is broken.
    Error,
}

impl AlertLevel {
    /// The word W&B uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// A message to a person.
///
/// ```
/// use std::time::Duration;
/// use ups_track::{Alert, AlertLevel};
/// let alert = Alert::new("loss diverged").text("NaN at step 12").level(AlertLevel::Error).wait(Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) level: AlertLevel,
    pub(crate) wait: Duration,
}

impl Alert {
    /// An alert of level info without text.
    pub fn new(title: impl Into<String>) -> Self {
        // One minute is what W&B's own client waits between two alerts of one title.
        Self {
            title: title.into(),
            text: String::new(),
            level: AlertLevel::Info,
            wait: Duration::from_mins(1),
        }
    }

    /// What is said of it on standard error.
    pub(crate) fn line(&self) -> String {
        let colon = if self.text.is_empty() { "" } else { ": " };
        format!("alert: {}{colon}{}", self.title, self.text)
    }

    /// Sets the text below the title.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Sets the level.
    #[must_use]
    pub fn level(mut self, level: AlertLevel) -> Self {
        self.level = level;
        self
    }

    /// Sets the time within which W&B sends an alert with this title only once.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}
