//! Instrumentation that puts a Rust training program on [Weights & Biases](https://wandb.ai) (W&B): attributes, macros and a
//! `tracing` layer turn what a program says into the *correct* W&B data kinds. Native Rust down to W&B's own log
//! and from there to the server: no Python, no helper process.
//!
//! ```
//! use ups_track::{EvalSummary, RunConfig, config, eval_summary, metric, track_stage};
//!
//! #[derive(RunConfig)] // -> the Config tab
//! struct Hyper {
//!     lr: f64,
//!     epochs: u64,
//! }
//!
//! #[derive(EvalSummary)] // -> the Summary tab, never a chart
//! struct Scores {
//!     #[track(goal = "min")]
//!     nrmse: f64,
//! }
//!
//! #[track_stage("operator", best(loss = "min"))] // every metric below is operator/...
//! fn train(hyper: &Hyper) -> f64 {
//!     let mut loss = 1.0;
//!     for epoch in 0..hyper.epochs {
//!         loss *= 1.0 - hyper.lr;
//!         metric!(step = epoch, loss, lr = hyper.lr);
//!     }
//!     loss
//! }
//!
//! #[eval_summary] // the returned value is the summary: eval/nrmse
//! fn evaluate(loss: f64) -> Result<Scores, std::io::Error> {
//!     Ok(Scores { nrmse: loss.sqrt() })
//! }
//!
//! # fn program() -> Result<(), std::io::Error> {
//! // #[ups_track::main(project = "universal-simulator")] on `main` starts and ends the run.
//! let hyper = Hyper { lr: 0.1, epochs: 20 };
//! config!(..hyper);
//! evaluate(train(&hyper))?;
//! # Ok(())
//! # }
//! # let captured = ups_track::testing::capture(|| program().unwrap());
//! # assert_eq!(captured.rows.len(), 20);
//! # assert!(captured.summary("eval/nrmse").is_some());
//! ```
//!
//! # Which kind is this value?
//!
//! | what it is | macro | plain event | W&B |
//! |---|---|---|---|
//! | a number that changes with a step | [`metric!`], `#[derive(Metrics)]` | `metric.x` + `step` | history, a line chart |
//! | one final value of the run | [`summary!`], [`macro@eval_summary`], `#[derive(EvalSummary)]` | `summary.x` | summary |
//! | what the run was given | [`config!`], `#[derive(RunConfig)]` | `config.x` | config |
//! | rows to compare | [`table!`], `#[derive(TableRow)]` | | table |
//! | a message to a person | [`alert!`] | `alert.title` | alert |
//! | a checkpoint, a report | [`file!`] | `file.x` | files |
//! | a line for people | any `tracing` message | | console |
//!
//! A value of the wrong kind does not compile, and the error says which macro takes it. The [guide](guide::which_kind) has
//! the table in full, and what the calls of W&B's Python client became.
//!
//! Macros and attributes record directly: they need no subscriber and no layer, and no filter silences them. Their arguments are
//! evaluated once, in order, as those of a function are, whether or not anything records: `metric!(step, loss = all_reduce(x))`
//! does the same on every rank. Where another layer of `tracing` asks for events of level TRACE and target `ups_track::metric`
//! (`summary`, `config`, `table`, `alert`, `file`), they are told it as well; a stage is a span of target `ups_track::stage`.
//!
//! # Which run?
//!
//! The run *in force*: the innermost that the thread has entered ([`Run::enter`], [`Run::scope`]), else the global run, which
//! is the first that was started and has not ended. [`carry`], [`CarryStage`] and [`StageContext`] take run and stage to other
//! threads and tasks. Without any run nothing happens, and nothing is said: a library may use the macros.
//!
//! | a program | writes |
//! |---|---|
//! | with one run | [`macro@main`], [`init`], or [`RunBuilder::start`] at the beginning |
//! | with several, one after the other | `let run = Run::builder().start()?;` in the loop, dropped or finished at its end |
//! | with several at the same time | `.global(false).start()?`, and `run.scope(..)` on the thread of each |
//! | with another one inside its run | the same |
//!
//! A run that a thread has started, while what the thread records goes to another one, is told once.
//!
//! # Without our macros
//!
//! A program that only has `tracing` adds [`layer`] to its subscriber; the prefix of a field names its kind, and a field
//! `stage` on a span names a stage:
//!
//! ```no_run
//! use tracing::{info, info_span};
//! use tracing_subscriber::prelude::*;
//!
//! tracing_subscriber::registry().with(ups_track::layer()).init();
//! let _stage = info_span!("train", stage = "operator").entered();
//! info!(metric.loss = 0.5, metric.lr = 1e-3, step = 1, "epoch done");
//! info!(summary.nrmse = 0.09);
//! info!(config.eval_samples = 3072);
//! ```
//!
//! They go to the run in force as well; [`Run::layer`] is a layer that records into one run alone. With a bare layer the first
//! value starts a run from the environment, if there is none; a message does not. Values go to the stage that the *thread* is
//! in, or to that of an explicit `parent:`. A global filter above the layer (an `EnvFilter` on the whole
//! subscriber) silences plain events like those of every other layer: give such a filter to the other layers with
//! `.with_filter(..)`.
//!
//! # One pipeline, one run
//!
//! An orchestrator has the run; its processes find it in their environment, with no settings of their own:
//!
//! ```no_run
//! use std::process::Command;
//! use ups_track::{Child, Run, TrackCommand};
//!
//! #[ups_track::main(project = "universal-simulator")]
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let run = Run::global().ok_or("no run")?;
//!     // A run of its own with tag `parent:<run id>`, in the parent's group; in any language.
//!     Command::new("train").track(&run, Child::Linked.job_type("train")).status()?;
//!     // What it records is this run's: rows, summary, config, files, alerts, as if it were logged here.
//!     let mut small = Command::new("evaluate").arg("--small").track(&run, Child::Attached).spawn()?;
//!     let mut full = Command::new("evaluate").track(&run, Child::Attached.name("full")).spawn()?;
//!     small.wait()?;
//!     full.wait()?;
//!     Ok(())
//! }
//! ```
//!
//! A child is an ordinary program of this crate: [`macro@main`], [`init`] and [`layer`] find out by themselves whose run it
//! is. `children/<name>/status`, `exit_code` and `duration_s` tell in the run's summary how it ended; one that fails raises
//! an alert. Arguments and the like may be added after `track`, too. When `wait` or `status` returns, what an attached child has
//! recorded is in the run, before what the parent records later (if the parent is itself attached, a moment later). A child that
//! does not use this crate is not disturbed, and a stock `wandb.init()` in it is linked by its environment;
//! `UPS_TRACK_PARENT_CONTEXT` names it the [`Context`] of its parent.
//!
//! An attached child that uses W&B's own client (0.31 is tested) writes an online run beside its parent, in mode shared: as a
//! writer with the child's name as its label, which neither speaks for the run nor ends it. What it sends is on the server and not
//! in the parent's log, so that gates and reports that read the log do not see it; what its client writes over in the run's config
//! is put back at the latest when the run ends. A client or server that does not know mode shared is not safe as a second writer,
//! nor is one that was given a mode of its own: link such a child ([`Child::Linked`]), or let it resume the run when its parent has
//! ended. Offline it writes one more log of the same id, to be synced behind that of its parent.
//!
//! An attached child writes a log of its own, a *shard* in the run's directory, at the price of any log. The run's process
//! merges it while both go on, a few tenths of a second later, each record once: whichever process is killed, what
//! reached a shard reaches the run. If the run's process is gone, the child that ends next does it, or
//! `ups-track merge`.
//!
//! Whose run a program records into is settled in this order: [`RunBuilder::context`]; [`RunBuilder::id`] of another
//! run, or [`RunBuilder::global`]`(false)`: a run of its own; `UPS_TRACK_CHILD=linked`: one from the `WANDB_*` variables;
//! `WANDB_CONTEXT_FILE`: the run of that [`Context`]; else its own. What a program does that does not find the file,
//! [`ContextFile`] says (`UPS_TRACK_CONTEXT`): it does not start, goes on with a run of its own, or begins the run and writes the file.
//! The context file is the one that the Python side of UPS
//! writes and reads; of a run that another program has, a Rust child writes one more log with the same id, which the server
//! appends: rows and config, while `wandb sync` makes the summary that of the log that is synced last; `ups-track sync` keeps
//! what a later log does not set. Such a child leaves the run's name, notes, group, job type and end alone, and adds its tags,
//! config and definitions. (A server tells how a run had ended, finished or failed, but not the exit code.) A mode goes by
//! builder, `WANDB_MODE`, context.
//!
//! # A run that people edit
//!
//! Name, notes, tags and config that a person changes on the run's page stay, while the run is live, when it is gone on with, and when
//! its log is sent again: an update sends only what the program has said anew since. A program that says again what it said
//! before, such as the same name in its next session, says nothing new. What was told is remembered beside the log, in
//! `<log>.told`; without that file (another machine, another client) a run that is gone on with keeps the name and notes that it
//! has, its tags are joined, and its config is that of the program.
//!
//! A pipeline that is a shell script uses the command `ups-track run` (feature `cli`), which starts a run, or joins the one
//! around it, runs a command as a child of it, and ends with the command's exit code:
//!
//! ```sh
//! ups-track run --project burgers -- sh -c '
//!     ups-track run --linked --name train --job-type train -- python train.py &&
//!     ups-track run --name evaluate -- ./evaluate'
//! ```
//!
//! A process that was forked without `exec` records nothing (said once) until it starts a run of its own.
//!
//! # Many ranks, one run
//!
//! `torchrun`, SLURM, MPI and indexed jobs of Kubernetes start a program many times. They are recognised by their variables,
//! and [`Ranks`] (`UPS_TRACK_RANKS`) decides: rank 0 records and the others are disabled (`first`, the default), every rank
//! records into one run on a shared disk (`shards`), every rank has a run in one group (`linked`). The
//! [guide](guide::many_ranks) has the launchers, the policies and their fine print.
//!
//! # What can be lost
//!
//! | end | lost at most |
//! |---|---|
//! | return from `main`, `finish`, dropped guard, `std::process::exit` | nothing |
//! | panic, SIGINT, SIGTERM, SIGHUP (with [`init`] or [`macro@main`]) | nothing; the log says exit code 1, 255, 143, 129 |
//! | `kill -9`, SIGTERM with a bare layer | the last flush interval, 100 ms by default; no exit record |
//! | power cut | what the operating system had not yet written; nothing is forced to the disk |
//! | a disk that is full for a while | nothing, as long as 16 MB hold what comes meanwhile; what is more is counted, and told when there is room again and at the end |
//! | the log is deleted, replaced or cut by somebody | what was in it; told within seconds, and by `finish` with the number of rows |
//!
//! A guard that is dropped while `main` returns an `Err`, or shortly before `exit`, leaves the exit code of the process, where the
//! system tells it (glibc): see [`RunGuard`]. For a moment the page of an online run may show it as finished.
//!
//! A run that is gone on with (`WANDB_RESUME`) keeps the best values of its earlier part if that was recorded below the same
//! directory, as `wandb-summary.json` has them: the last 5 s before a `kill -9` may be missing there, and what another machine has
//! recorded, or a run was rewound from (`WANDB_RESUME_FROM`), is not known.
//!
//! A run holds its saved files as they were at its end: [`Run::save_file`] tells how, and what becomes of large ones.
//!
//! Signals within a second of the first are the same wish, whoever sends them: they change nothing. One that comes later
//! ends the process as soon as the log is complete, without waiting for the upload. A signal that is ignored (`nohup`) stays
//! ignored, and a handler of the program's own decides alone.
//!
//! After each of them `ups-track sync` (or `wandb sync`) uploads what is there. Recording never fails the program and never waits for a
//! network; a thread waits for the writer only when it is 256 KiB of rows ahead of it, or all threads together 8 MiB.
//!
//! # Secrets
//!
//! Everybody who sees a run sees what is in it. Before anything becomes a record, `[hidden by ups-track]` takes the place of
//!
//! - values whose *name* tells: `password`, `api_key`, `dsn`, `hf_token`, `authorization`, in any spelling
//!   (`OpenAIKey`, `--db-pass`) and place (`db.password`, `"password": ".."` or `Password=..;` within a text). `token`, `pass`,
//!   `auth` and `private` tell only where the whole name of a config entry, summary value or argument, or a parameter of an
//!   address, is that word, and their value is text: `pad_token`, `max_tokens` and `author` are recorded;
//! - what can be told *by itself*: user and password in addresses (taken out), signatures and tokens among their parameters,
//!   what follows `Bearer`, private keys in PEM, web tokens, and keys of services that give them a prefix (AWS, GitHub,
//!   Hugging Face, Slack, Google and others).
//!
//! This holds for config, program arguments, metadata and the git remote, summary values, alerts, notes, names, tags, cells of
//! tables and lines of the console. Numbers in metrics and summary are results and stay, whatever they are called.
//!
//! It does not hold for what looks like anything else: a password under a name of its own, a key without a prefix (the older
//! keys of W&B are 40 digits, as the hash of a commit is), text that reaches the console in pieces, the names of keys, stages
//! and files, and the contents of files. [`Secret`] is the way to be sure.
//!
//! # Keys
//!
//! A key is any text, as for W&B: `train loss`, `損失`, `a.b` (one flat key) are recorded as they are, and two keys that
//! differ stay different. W&B keeps `_step`, `_timestamp`, `_runtime` and `_wandb` for itself, and an empty key is none: such
//! values are refused and counted. Keys that begin with `_` (its pages do not show them), that begin or end with a blank, or
//! that hold a character that cannot be seen are recorded and told once; in a macro or a [`Key`] constant they do not
//! compile, since in source code they are slips. W&B's pages sort and filter only by keys of letters, digits and `_`.
//!
//! # To the server
//!
//! A run is recorded *online* if there is an API key (`WANDB_API_KEY`, an identity token, or the netrc file, which
//! `ups-track login` writes) and no other mode was asked for; without a key it is recorded offline, which one line says.
//! Online is offline plus a thread that reads the log and sends it to the server of `WANDB_BASE_URL`:
//!
//! - Starting a run does not wait for the server, nor does anything else: a server that is down, slow or refuses is told
//!   once, in one line with the remedy, and the run goes on in its log. As long as the run lives, so do the attempts: every
//!   minute at most while nobody answers, and after a refusal (a wrong key, no access, a sign-in page) a minute later, then
//!   up to an hour, with the key and the settings as they are then, so that `ups-track login` beside the run is enough.
//! - Rows, summary and console are sent every 15 s (`WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL`), the first rows at once; tags,
//!   names, notes and config when they change; files by their [policy](FilePolicy), never before waiting metrics.
//! - [`Run::url`] is the run's page, once the server knows the run. [`Run::stop_requested`] and [`Run::on_stop`] tell of
//!   the stop button there; nothing else happens by itself.
//! - The end of the run waits while the upload makes progress; without any for 30 s ([`RunBuilder::finish_patience`]), or
//!   for longer than `WANDB_FINISH_TIMEOUT`, it says what is missing and the command that sends it. [`Finished`] knows, too.
//! - `WANDB_RESUME` goes on with a run that the server has; what `must` and `never` demand turns out at the server, beside
//!   the program, which is told, and recorded in its log.
//! - Mode `shared` lets several processes on several hosts write one run at the same time (`WANDB_X_LABEL`,
//!   `WANDB_X_PRIMARY`, `WANDB_X_UPDATE_FINISH_STATE`), each in lines of its own; W&B calls it experimental. Ranks choose it
//!   with [`Ranks::Shared`], and a program that is given the context of a run on another host uses it by itself.
//!
//! `ups-track sync` (feature `cli`) uploads logs of this crate and of W&B's own client later: it needs no Python, goes on
//! where an interrupted upload was, whoever did it, and marks what is uploaded as `wandb sync` does.
//! A library without feature `online` has no HTTP, TLS or async runtime in it, and records offline. Not there yet: artifacts.
//!
//! What changes how an upload goes; the settings files have the same names in lower case and without `WANDB_`:
//!
//! | variable | what it does |
//! |---|---|
//! | `WANDB_IDENTITY_TOKEN_FILE` | a file with the identity token (a JWT) of this workload, instead of a key; it is exchanged for access tokens, which `WANDB_CREDENTIALS_FILE` keeps (default `~/.config/wandb/credentials.json`) |
//! | `UPS_TRACK_UPLOAD_LIMIT` (`upload_limit`) | bytes per second for all bodies together, such as `500k`, `2M`; under it, bytes of files wait for lines of metrics and the console |
//! | `WANDB_IGNORE_GLOBS` | files that stay here: a comma list of patterns relative to `files/`; `*` stays inside a directory, `**` does not |
//! | `WANDB_X_LABEL` | the label of the lines of the console |
//! | `WANDB_X_FILE_STREAM_NO_GZIP` | `true`: lines are never compressed. The default is `false`: they are, where the server can read it (W&B's own client does not compress by default) |
//! | `WANDB_X_EXTRA_HTTP_HEADERS` | a JSON object of headers for all requests, also those to the storage; they never replace ours, and `Proxy-Authorization` goes to the proxy alone |
//! | `WANDB_HTTPS_PROXY`, `WANDB_HTTP_PROXY` | the proxy for servers with and without TLS; else `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` |
//! | `WANDB_INSECURE_DISABLE_SSL` | `true`: certificates are not checked, with a warning; `SSL_CERT_FILE` and `SSL_CERT_DIR` name such as are to be trusted |
//! | `WANDB_USERNAME`, `WANDB_USER_EMAIL` (`email`) | for whom a service account works |
//! | `WANDB_X_GRAPHQL_…`, `WANDB_X_FILE_STREAM_…`, `WANDB_X_FILE_TRANSFER_…` | how often and how long is tried: `RETRY_MAX`, `RETRY_WAIT_MIN_SECONDS`, `RETRY_WAIT_MAX_SECONDS`, `TIMEOUT_SECONDS` |
//!
//! With feature `online` the module `api` reads back what is on the server: runs with filters and order, and their configs,
//! summaries, histories and files.
//!
//! # Environment
//!
//! `WANDB_MODE` (`online`, `offline`, `shared`, `disabled`), `WANDB_PROJECT`, `WANDB_ENTITY`, `WANDB_NAME`, `WANDB_RUN_ID`,
//! `WANDB_RUN_GROUP`, `WANDB_JOB_TYPE`, `WANDB_TAGS`, `WANDB_NOTES`, `WANDB_DIR`, `WANDB_CONFIG_DIR`, `WANDB_RESUME`,
//! `WANDB_RESUME_FROM`, `WANDB_FORK_FROM`, `WANDB_SWEEP_ID`, `WANDB_SWEEP_PARAM_PATH`, `WANDB_CONFIG_PATHS`,
//! `WANDB_CONSOLE`, `WANDB_SILENT`, `WANDB_QUIET`, `WANDB_HOST`, `WANDB_USERNAME`, `WANDB_USER_EMAIL`, `WANDB_PROGRAM`,
//! `WANDB_ARGS`, `WANDB_DOCKER`, `WANDB_DISABLE_GIT`, `WANDB_GIT_COMMIT`, `WANDB_GIT_REMOTE_URL`, `WANDB_SYMLINK`,
//! `WANDB_CONTEXT_FILE`, `UPS_TRACK_CONTEXT` (see [`ContextFile`]), `UPS_TRACK_CHILD`, `UPS_TRACK_STRICT` (see [`RunBuilder::strict`]), `UPS_TRACK_RANKS`,
//! `UPS_TRACK_COPY_LIMIT` (see [`Run::save_file`]), `UPS_TRACK_RANKS_LABEL`, `UPS_TRACK_RANKS_PATIENCE`, `UPS_TRACK_RANKS_ID` (see [`Ranks`]), `WANDB_X_DISABLE_META`,
//! `WANDB_X_DISABLE_MACHINE_INFO`, `WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL`, and for the server those of the section above and
//! `UPS_TRACK_FINISH_PATIENCE`. What the
//! [builder](RunBuilder) sets goes before the environment, that before W&B's settings files, those before the defaults. A
//! bad value is an error at the start that names the variable, the value and the rule.

extern crate self as ups_track;

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
#[cfg(feature = "online")]
pub mod api;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod context;
mod direct;
mod ends;
mod error;
pub mod guide;
mod harmless;
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command alone takes values apart"))]
mod json;
mod kinds;
mod layer;
mod ledger;
pub mod log;
mod merge;
mod os;
mod processes;
mod ranks;
mod recorder;
mod run;
mod rundir;
mod say;
mod secrets;
mod settings;
mod shards;
mod shown;
mod subscriber;
mod terminal;
#[cfg(feature = "test-util")]
pub mod testing;
mod thumbnail;
#[cfg(any(feature = "cli", feature = "online"))]
mod tree;
#[cfg(feature = "online")]
#[cfg_attr(
    not(feature = "cli"),
    expect(dead_code, unused_imports, reason = "the command tells more of an upload than a run does")
)]
mod upload;

pub use context::{Context, ContextFile};
pub use direct::carry::{CarryStage, InStage, StageContext, carry};
pub use error::{Error, Result};
pub use kinds::alert::{Alert, AlertLevel};
pub use kinds::config::{ConfigValue, RunConfig};
pub use kinds::file::FilePolicy;
pub use kinds::key::Key;
pub use kinds::keyset::KeySet;
pub use kinds::metric::{MetricField, MetricValue, Metrics, Number, SteppedMetrics};
pub use kinds::scalar::Scalar;
pub use kinds::scope::ScopeOutput;
pub use kinds::secret::Secret;
pub use kinds::summary::{EvalSummary, Goal, SummaryField, SummaryOutput, SummaryValue};
pub use kinds::table::{Table, TableCell, TableRow, TableRows};
pub use layer::{Interested, Layer, Recording};
pub use processes::{Child, ChildOptions, TrackCommand, TrackedChild, TrackedCommand};
pub use ranks::{Launcher, Rank, RankOptions, Ranks};
pub use recorder::Stream;
pub use run::{EnteredRun, Finished, MetricDefinition, Run, RunBuilder, RunGuard};
pub use settings::{Mode, Resume};
pub use subscriber::{init, layer};
pub use ups_track_macros::{
    EvalSummary, Metrics, RunConfig, TableRow, alert, config, eval_summary, file, main, metric, summary,
    table, track_stage,
};
