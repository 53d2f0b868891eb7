//! The macros of [`ups-track`](https://docs.rs/ups-track); use them through that crate, which re-exports them all.
//!
//! Every macro goes the same way: parse what the user wrote (keeping every span), check it and collect all faults,
//! expand. Folders are the families: `calls` (`metric!` and its like), `functions` (attributes), `derives`.

mod calls;
mod derives;
mod errors;
mod functions;
mod key_rule;
mod keys;
mod krate;
mod options;
mod secret_names;
#[cfg(test)]
mod tests;
mod values;

use proc_macro::TokenStream;

/// Logs one row of metrics at a step: W&B history, that is line charts.
///
/// ```
/// # use ups_track::{Key, Metrics, metric};
/// # let (epoch, loss, grad_norm, lr) = (3_u64, 0.5, 1.0, 1e-3);
/// # #[derive(Metrics)] struct Losses { data: f64, physics: Option<f64> }
/// # let losses = Losses { data: 0.4, physics: None };
/// # const RATE: Key = Key::new("opt/lr");
/// metric!(step = epoch, loss, grad_norm, half = loss / 2.0);
/// metric!(step = epoch, "grad/norm" = grad_norm, {RATE} = lr);
/// metric!(step = epoch, ..losses);
/// ```
///
/// | form | meaning |
/// |---|---|
/// | `step = expr` | the step, a number; anywhere in the call; may go backwards or repeat; required, unless a row brings it |
/// | `name` | the variable `name` under the key `name` |
/// | `name = expr`, `"a/b" = expr` | a value under a key: any text that does not begin with `_`, nor begin or end with a blank |
/// | `{KEY} = expr` | a value under the key of a constant `Key` |
/// | `..row` | all values of a `#[derive(Metrics)]` struct or of `(key, number)` pairs; several are allowed |
///
/// A value is of any integer or float type, a reference or `Option` of one (absent when `None`), or a type that
/// implements `MetricValue`. Text, bools and literals do not compile: what never changes is config, one final value is
/// a summary. Inside a stage every key, `step` too, gets the stage's name in front.
///
/// # Expansion
///
/// A static with the keys, and a call with the values; shortened:
///
/// ```text
/// static SITE: Site = Site::new("ups_track::metric", &["step", "metric.loss", "metric.grad_norm"], ..);
/// match (epoch, loss, grad_norm) {
///     values => if on() { row(&SITE, values) }
/// }
/// ```
///
/// The values are evaluated once, from left to right, whether or not anything records. The row goes straight to the run in
/// force; a layer of `tracing` that asks for events of level TRACE and target `ups_track::metric` is told it as well, with
/// these fields, or those of a `..row` or `{KEY}` as one field `values`.
#[proc_macro]
pub fn metric(input: TokenStream) -> TokenStream {
    calls::metric(input.into()).into()
}

/// Sets final values of the run: W&B summary, never a chart.
///
/// ```
/// # use ups_track::{EvalSummary, Key, summary};
/// # const NOTE: Key = Key::new("final/note");
/// # #[derive(EvalSummary)] struct Scores { nrmse: f64 }
/// # let scores = Scores { nrmse: 0.09 };
/// summary!(weights = 180, verdict = "good", "final/loss" = 0.25);
/// summary!(..scores);
/// summary!({NOTE} = "as in the paper");
/// ```
///
/// A value is a number, a bool or text, or a reference or `Option` of one. Keys are as in [`metric!`], but never get a
/// stage in front: a summary is a value of the run. A later row of metrics does not overwrite it.
///
/// # Expansion
///
/// A static with the keys, and a call with the values, as of [`metric!`].
#[proc_macro]
pub fn summary(input: TokenStream) -> TokenStream {
    calls::summary(input.into()).into()
}

/// Records what the run was given: W&B config, never a chart or a summary.
///
/// ```
/// # use ups_track::{RunConfig, config};
/// # #[derive(RunConfig)] struct Hyper { lr: f64 }
/// # let hyper = Hyper { lr: 1e-3 };
/// config!(eval_samples = 3072, name = "small", layers = [64, 64]);
/// config!(..hyper);
/// ```
///
/// A value is anything that is a `ConfigValue`: numbers, bools, text, lists, maps, `#[derive(RunConfig)]` types. Values
/// under names that look like secrets are replaced before they are written.
///
/// # Expansion
///
/// A static with the keys, and a call with the values, as of [`metric!`].
#[proc_macro]
pub fn config(input: TokenStream) -> TokenStream {
    calls::config(input.into()).into()
}

/// Logs tables: rows to compare, as W&B tables.
///
/// ```
/// # use ups_track::{Key, TableRow, table};
/// #[derive(TableRow)]
/// struct Case {
///     name: String,
///     rel_l2: f64,
/// }
/// # const WORST: Key = Key::new("eval/worst");
/// let cases = vec![Case { name: "disk".into(), rel_l2: 0.01 }];
/// table!("eval/cases" = cases);
/// table!(cases, {WORST} = &cases[..1]);
/// ```
///
/// A table is a `Table`, `Vec`, array or slice of a `#[derive(TableRow)]` struct; a row of another shape does not compile.
/// Keys are as in [`summary!`]: no stage stands in front. Logged again under the same key, it is a newer version of the
/// table. W&B shows 10,000 rows; more are left out with a warning.
///
/// # Expansion
///
/// `log_table("eval/cases", &cases)`: a table does not fit a `tracing` field.
#[proc_macro]
pub fn table(input: TokenStream) -> TokenStream {
    calls::table(input.into()).into()
}

/// Sends a message to a person: a W&B alert.
///
/// ```
/// # use std::time::Duration;
/// # use ups_track::alert;
/// # let step = 3;
/// alert!("training is done");
/// alert!(level = warn, "loss diverged", "NaN at step {step}");
/// alert!(level = error, wait = Duration::from_secs(600), "disk is nearly full");
/// ```
///
/// | option | meaning | default |
/// |---|---|---|
/// | `level = info \| warn \| error` | how serious it is | `info` |
/// | `wait = <Duration>` | W&B sends an alert of this title only once within this time | one minute |
///
/// Then come the title and, if wanted, a text with format arguments.
///
/// # Expansion
///
/// `alert(AlertLevel::Warn, format_args!("{}", title), Some(format_args!(…)), None)`: the text is put together where
/// something records. The alert is also said on standard error.
#[proc_macro]
pub fn alert(input: TokenStream) -> TokenStream {
    calls::alert(input.into()).into()
}

/// Saves a file with the run: a checkpoint, a report.
///
/// ```
/// # use ups_track::file;
/// # let path = std::path::Path::new("no-such-file");
/// file!("out/model.bin", policy = end);
/// file!(path);
/// ```
///
/// | option | meaning |
/// |---|---|
/// | `policy = now` | the content as it is now is copied and uploaded |
/// | `policy = end` | what the file holds when the run ends |
/// | `policy = live` | now, again whenever it changes, and at the end; the default |
///
/// A path below the current directory keeps its folders. A file that is not there is refused with a warning.
///
/// # Expansion
///
/// `file(path, FilePolicy::End)`
#[proc_macro]
pub fn file(input: TokenStream) -> TokenStream {
    calls::file(input.into()).into()
}

/// Makes a function a stage: every metric inside is `<stage>/...`, charted against `<stage>/step`.
///
/// ```
/// # use ups_track::{metric, track_stage};
/// #[track_stage("operator", best(loss = "min"))]
/// fn train(epochs: u64) -> Result<f64, std::io::Error> {
///     let mut loss = 1.0;
///     for epoch in 0..epochs {
///         loss *= 0.9;
///         metric!(step = epoch, loss);
///     }
///     Ok(loss)
/// }
/// ```
///
/// | option | meaning |
/// |---|---|
/// | `best(loss = "min", acc = "max")` | keeps the best value, its step and the rest of its row as summary: `operator/best_loss`, `operator/best_loss/step`, … |
/// | `summary(loss = "min,max,mean")` | what the summary keeps of a metric instead of its last value: `min`, `max`, `mean`, `first`, `last`, `none` |
/// | `step = "epoch"` | the key of the step metric; `step` if not given |
/// | `err` | an `Err` raises an alert with its text |
/// | `level = "debug"` | the level of the span; `info` if not given |
/// | `fields(k = v)` | more fields of the span |
/// | `crate = ::path` | where ups-track is, if it was renamed |
///
/// A stage inside a stage joins the names: `training/operator`. At its end a stage leaves its wall time and outcome as
/// summary: `operator/duration_s`, and `operator/status`, one of `ok`, `error` (`Err` was returned), `panic`,
/// `cancelled` (the future was dropped).
///
/// It goes on functions and methods, synchronous and asynchronous, generic, with `impl Trait`, also below
/// `#[async_trait]`; not on `const fn`.
///
/// # Expansion
///
/// Shortened, for a function that returns a `Result`:
///
/// ```text
/// fn train(epochs: u64) -> Result<f64, Error> {
///     static STAGE: StageSite = StageSite::new("operator", "loss=min", ..);
///     let mut stage = StageGuard::enter(&STAGE, span!(target: "ups_track::stage", Level::INFO, "train", stage = "operator"));
///     let out = (move || -> Result<f64, Error> { …the body… })();
///     stage.done(out.is_err());
///     out
/// }
/// ```
///
/// The stage is entered on the thread; the span is for other layers, and its `fields` are evaluated where one looks.
#[proc_macro_attribute]
pub fn track_stage(args: TokenStream, item: TokenStream) -> TokenStream {
    functions::track_stage(&args.into(), &item.into()).into()
}

/// Makes what a function returns the run's summary: `eval/nrmse`, `eval/mse`, … never a one-point chart.
///
/// ```
/// # use ups_track::{EvalSummary, eval_summary};
/// #[derive(EvalSummary)]
/// struct Scores {
///     #[track(goal = "min")]
///     nrmse: f64,
/// }
///
/// #[eval_summary]
/// fn evaluate(model: &[f64]) -> Result<Scores, std::io::Error> {
///     Ok(Scores { nrmse: model.iter().sum() })
/// }
/// ```
///
/// | option | meaning |
/// |---|---|
/// | `prefix = "eval/ttc"` | what stands before the keys; `eval` if not given, nothing if empty |
/// | `table`, `table = "key"` | the scores also as a table of one row, under `<prefix>/table` or this key |
/// | `baseline = "…"` | what the scores are to be compared with; checked, and without effect until baselines exist |
/// | `crate = ::path` | where ups-track is, if it was renamed |
///
/// The function returns a `#[derive(EvalSummary)]` type, or a `Result` or `Option` of one; the value is passed on
/// untouched, and `Err` and `None` record nothing. `metric!` in its body does not compile.
///
/// # Expansion
///
/// The body runs as it is; then `eval_summary::<Result<Scores, Error>>("eval", None, &out)` records the values.
#[proc_macro_attribute]
pub fn eval_summary(args: TokenStream, item: TokenStream) -> TokenStream {
    functions::eval_summary(args.into(), &item.into()).into()
}

/// Starts the run before `main`, or picks it up from the environment, and ends it after: with the right exit code, also
/// after `Err`, a panic, `std::process::exit`, Ctrl-C, SIGTERM or SIGHUP.
///
/// ```no_run
/// #[ups_track::main(project = "universal-simulator", tags = ["nightly"])]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     tracing::info!("training");
///     Ok(())
/// }
/// ```
///
/// | option | meaning |
/// |---|---|
/// | `project`, `entity`, `name`, `group`, `job_type`, `notes` = `"…"` | as the builder's methods of the same names |
/// | `tags = ["…", "…"]` | the tags |
/// | `subscriber = true \| false` | whether to install a `tracing` subscriber; `true` if not given, see below |
/// | `crate = ::path` | where ups-track is, if it was renamed |
///
/// What is not given comes from the `WANDB_*` environment and W&B's settings files. Over an asynchronous `main` it stands
/// above the runtime's attribute:
///
/// ```text
/// #[ups_track::main(project = "…")]
/// #[tokio::main]
/// async fn main() { … }
/// ```
///
/// The program gets a `tracing` subscriber, which takes plain events and prints messages. A program that installs its own
/// says `subscriber = false`, and adds `ups_track::layer()` to it where plain events, messages and spans shall be recorded;
/// macros and attributes need neither.
///
/// # Expansion
///
/// `fn main() -> R { run_main(|run| run.project("…"), || -> R { …the body… }, exit_code_of, subscriber) }`
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    functions::main(args.into(), &item.into()).into()
}

/// Makes a struct of numbers a row of metrics, for `metric!(step = s, ..row)` and `Run::log`.
///
/// ```
/// # use ups_track::Metrics;
/// #[derive(Metrics)]
/// struct Losses {
///     data: f64,
///     #[track(rename = "pde/residual", unit = "m/s^2")]
///     residual: Option<f32>,
///     #[track(flatten, prefix = "grad")]
///     gradients: Gradients,
///     #[track(skip)]
///     _scratch: Vec<f64>,
/// }
///
/// #[derive(Metrics)]
/// struct Gradients {
///     norm: f64,
/// }
/// ```
///
/// | option | meaning |
/// |---|---|
/// | `step` | the field is the step of the row: `metric!(..row)` and `Run::log_row` need no other |
/// | `rename = "key"` | another key than the field's name |
/// | `flatten`, `flatten, prefix = "p"` | the values of an inner `Metrics` struct, as own values or below `p/` |
/// | `unit = "J"` | the unit, for readers of the code |
/// | `skip` | not a metric |
///
/// # Expansion
///
/// `impl Metrics for Losses { fn visit_metrics(&self, each) { each("data", …); … } }`
#[proc_macro_derive(Metrics, attributes(track))]
pub fn derive_metrics(item: TokenStream) -> TokenStream {
    derives::metrics(item.into()).into()
}

/// Makes a struct of scores an evaluation summary, for `#[eval_summary]`, `summary!(..scores)` and `Run::summarize`.
///
/// ```
/// # use ups_track::EvalSummary;
/// #[derive(EvalSummary)]
/// struct Scores {
///     #[track(goal = "min", gate(max = 0.1))]
///     nrmse: f64,
///     passed: bool,
///     note: Option<String>,
/// }
/// ```
///
/// | option | meaning |
/// |---|---|
/// | `goal = "min" \| "max"` | which direction is better; on numbers only |
/// | `gate(max = 0.1)`, `gate(min = 0.9)` | the limit of a gate; checked, and without effect until gates exist |
/// | `rename`, `flatten`, `prefix`, `skip` | as in [`Metrics`](derive@Metrics) |
///
/// # Expansion
///
/// `impl EvalSummary for Scores { const GOALS = …; fn visit_summary(…) { … } }`
#[proc_macro_derive(EvalSummary, attributes(track))]
pub fn derive_eval_summary(item: TokenStream) -> TokenStream {
    derives::eval_summary(item.into()).into()
}

/// Makes a struct a row of a table, for [`table!`], `Table` and `Run::log_table`.
///
/// ```
/// # use ups_track::TableRow;
/// #[derive(TableRow)]
/// struct Case {
///     name: String,
///     #[track(rename = "relative L2 error")]
///     rel_l2: f64,
///     converged: Option<bool>,
///     #[track(skip)]
///     _field: Vec<f64>,
/// }
/// ```
///
/// | option | meaning |
/// |---|---|
/// | `rename = "name"` | another name of the column than the field's; any text |
/// | `skip` | no column |
///
/// A cell is a number, a bool, text, or an `Option` of one. The columns stand in the order of the fields.
///
/// # Expansion
///
/// `impl TableRow for Case { const COLUMNS = &["name", …]; fn cells(&self) -> Vec<Value> { … } }`
#[proc_macro_derive(TableRow, attributes(track))]
pub fn derive_table_row(item: TokenStream) -> TokenStream {
    derives::table_row(item.into()).into()
}

/// Makes a struct or enum a config, for `config!(..hyper)`, `Run::builder().config(&hyper)` and as a value inside
/// another one.
///
/// ```
/// # use ups_track::RunConfig;
/// #[derive(RunConfig)]
/// #[serde(rename_all = "kebab-case")]
/// struct Hyper {
///     learning_rate: f64,
///     optimizer: Optimizer,
///     #[track(skip)]
///     _cache: Vec<u8>,
/// }
///
/// #[derive(RunConfig)]
/// enum Optimizer {
///     Sgd,
///     Adam { beta: f64 },
/// }
/// ```
///
/// | option | meaning |
/// |---|---|
/// | `#[serde(rename, rename_all, skip, skip_serializing, flatten)]` | as serde takes them; `Serialize` itself is not needed |
/// | `#[track(rename = "key")]`, `#[track(skip)]`, `#[track(flatten)]` | the same without serde |
/// | `#[track(serde)]` | the field's own `Serialize` makes the value |
///
/// A `Secret<T>` field is left out, and text under a name that looks like a secret, such as `api_key`, does not compile.
///
/// Enums look as serde writes them: `"Sgd"`, `{"Adam": {"beta": 0.9}}`.
///
/// # Expansion
///
/// `impl RunConfig for Hyper { fn entries(&self) -> Map<String, Value> { … } }`, and `ConfigValue` to match.
#[proc_macro_derive(RunConfig, attributes(track, serde))]
pub fn derive_run_config(item: TokenStream) -> TokenStream {
    derives::run_config(item.into()).into()
}
