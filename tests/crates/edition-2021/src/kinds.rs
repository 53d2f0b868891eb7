//! The derives.

/// A row.
#[derive(Debug, Clone, ::ups_track::Metrics)]
pub struct Losses<T> {
    /// A value.
    pub data: T,
    /// A value that may be absent.
    #[track(rename = "reg/l2", unit = "1")]
    pub regularisation: ::std::option::Option<f32>,
    /// A row inside.
    #[track(flatten, prefix = "physics")]
    pub residuals: Residuals,
    /// No metric.
    #[track(skip)]
    pub name: ::std::string::String,
}

/// A row inside a row.
#[derive(Debug, Clone, Copy, ::ups_track::Metrics)]
pub struct Residuals {
    /// A value.
    pub burgers: f64,
    /// A value under a keyword.
    pub r#type: u8,
}

/// A row with its step.
#[derive(Debug, Clone, Copy, ::ups_track::Metrics)]
pub struct Epoch {
    /// The step.
    #[track(step)]
    pub number: u64,
    /// A value.
    pub loss: f64,
}

/// A row of a table.
#[derive(Debug, Clone, ::ups_track::TableRow)]
pub struct Case<T> {
    /// Text.
    pub name: ::std::string::String,
    /// A number.
    #[track(rename = "relative L2 (%)")]
    pub rel_l2: T,
    /// Perhaps a flag.
    pub converged: ::std::option::Option<bool>,
    /// No column.
    #[track(skip)]
    pub field: ::std::vec::Vec<f64>,
}

/// Scores.
#[derive(Debug, Clone, ::ups_track::EvalSummary)]
pub struct Scores {
    /// Has a goal and a gate.
    #[track(goal = "min", gate(max = 0.1), unit = "1")]
    pub nrmse: f64,
    /// Text.
    pub verdict: ::std::string::String,
    /// A flag.
    pub passed: bool,
    /// Scores inside.
    #[track(flatten, prefix = "ood")]
    pub shifted: Shifted,
    /// Scores inside, without a prefix.
    #[track(flatten)]
    pub plain: Shifted,
}

/// Scores inside scores.
#[derive(Debug, Clone, Copy, ::ups_track::EvalSummary)]
pub struct Shifted {
    /// Has a goal.
    #[track(goal = "max")]
    pub accuracy: ::std::option::Option<f64>,
}

/// A config.
#[derive(Debug, Clone, ::ups_track::RunConfig)]
#[serde(rename_all = "kebab-case")]
pub struct Hyper<const N: usize> {
    /// A value.
    pub learning_rate: f64,
    /// A list.
    pub layers: [u32; N],
    /// An enum.
    pub optimizer: Optimizer,
    /// A tuple.
    pub pair: Pair,
    /// A config inside.
    #[track(flatten)]
    pub inner: Inner,
    /// A secret.
    pub api_key: ::ups_track::Secret<::std::string::String>,
    /// No config.
    #[track(skip)]
    pub cache: ::std::vec::Vec<u8>,
}

/// A config inside a config.
#[derive(Debug, Clone, Copy, ::ups_track::RunConfig)]
pub struct Inner {
    /// A value.
    pub seed: ::std::option::Option<u64>,
}

/// A tuple.
#[derive(Debug, Clone, Copy, ::ups_track::RunConfig)]
pub struct Pair(pub u8, pub u8);

/// Every kind of variant.
#[derive(Debug, Clone, Copy, ::ups_track::RunConfig)]
pub enum Optimizer {
    /// Nothing inside.
    Sgd,
    /// One value.
    Momentum(f64),
    /// Values without names.
    Both(f64, f64),
    /// Values with names.
    Adam {
        /// A value.
        beta: f64,
    },
}

/// A newtype.
#[derive(Debug, Clone, Copy)]
pub struct Joules(pub f64);

impl ::ups_track::MetricValue for Joules {
    type Field = f64;
    fn field(&self) -> f64 {
        self.0
    }
}
