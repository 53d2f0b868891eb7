//! What can be asked for.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::settings::rules;

const EXAMPLES: &str = "\
Examples:
  ups-track show                                 the run, or the runs, below ./wandb
  ups-track show wandb/latest-run                one run: config, summary, metrics, files, ...
  ups-track verify --quiet wandb                 says only what is wrong; see the exit code
  ups-track export wandb/latest-run > rows.jsonl
  ups-track merge wandb                          adds what attached children left behind
  ups-track run --project p -- ./evaluate        a command as part of a run

Each command explains itself: ups-track show --help";

const SHOW: &str = "\
A PATH is a `.wandb` log, a run directory, a `wandb` directory or the one above it, or
the id of a run below ./wandb. Of a directory with several runs there is one line per run.

Logs of W&B's own client are shown too. A run that was killed is shown as far as it got.

Examples:
  ups-track show wandb/latest-run
  ups-track show abc12345 --rows 20 --console 40
  ups-track show --all wandb/offline-run-20260101_120000-abc12345 | less -R

Exit code: 0 shown; 2 damaged (shown up to the damage), unreadable or not found.";

const VERIFY: &str = "\
Reads every byte of the logs and checks checksums, framing and records: the run record
first, `_step` strictly increasing, an exit record at the end.

Examples:
  ups-track verify wandb/latest-run
  ups-track verify --quiet wandb || echo 'something is not whole'

Exit code: 0 whole and finished; 1 readable, but not finished (no exit record, or a torn
end as after a crash: everything before it is fine; or a run that never began); 2 damaged, unreadable or not found.
With several logs it is the worst one's.";

const EXPORT: &str = "\
Rows keep their order and their numbers keep every digit. Nested keys are joined with a
dot. NaN and infinities, which JSON does not have, become the strings \"NaN\", \"Infinity\"
and \"-Infinity\"; in CSV they are bare words.

  jsonl  one JSON object per row; a summary or config is one object, nested as logged
  csv    a header with every key in order of first appearance, then one line per row; a
         key that a row lacks is an empty cell (an empty text is \"\"); quoting as in
         RFC 4180, lines end with a line feed; a summary or config has columns key, value

Examples:
  ups-track export wandb/latest-run > rows.jsonl
  ups-track export wandb/latest-run --format csv --output rows.csv
  ups-track export abc12345 --what summary | jq .

Exit code: 0 exported; 1 the log has a torn end, everything before it is exported;
2 damaged (exported up to the damage), unreadable or not found.";

const MERGE: &str = "\
Programs that record into the run of another one (`Child::Attached`) write shards, which
the run's own process adds to its log while it runs. This adds what came later, or what a
process that was killed could not add. Each record is added once, however often this is
called; a log with nothing to add is not touched, and one that is still being written is
left to its process.

Examples:
  ups-track merge wandb
  ups-track merge --dry-run wandb/latest-run

Exit code: 0 all is merged; 1 a run or a shard is still being written (or, with --dry-run,
there is something to merge); 2 a log or shard is damaged, refused or not found.";

#[cfg(feature = "online")]
const SYNC: &str = "\
Uploads what a run recorded: rows, summary, config, console, files, alerts. Logs of
ups-track and of W&B's own client alike, without Python. Shards of attached children are
merged first.

What is uploaded is marked with an empty file `<log>.synced`, as `wandb sync` does, and
either tool then skips it. `<log>.syncstate`, `.sent` and `.told` say how far an upload
came: one that was interrupted goes on there, and nothing is sent twice. What the server has
is a log's own only if it says the same: other sessions of a run, other programs and other
machines may have sent theirs before. A log of which something can never be sent is not
marked and not sent again, unless --include-synced wants it.

Of a damaged log, what precedes the damage is uploaded; it is not marked. Artifacts and
TensorBoard files are not uploaded yet: a log with any is not marked either, and `wandb
sync` is the tool for it.

Several logs of one run are uploaded one after another, as they began: rows go behind those
that are there, config and summary keep what a later log does not set. A run that was
recorded to be resumed goes on with step, run time, config, summary, tags and notes of the
one on the server; one that rewinds itself takes the server's back to that step, once.

In directories named `run-…`, of runs that were online, only logs of ups-track are taken:
what it could deliver is marked.

--watch uploads what there is and follows what is still being written, by this crate or by
W&B's client offline, as well as runs that begin meanwhile in the directories. A run ends when
its process does; one of W&B's client, when it is finished, or when its log has not grown for
--gone-after minutes and no process of this machine has it open. What has failed is told, and
tried again later. It ends by Ctrl-C, at any time, or, if only logs are named, with the last of
them. What a run's own process sends is left to it.

--prune deletes directories of runs that are marked, whole, and not being written, if the
server says that it has every row and every file, and those of runs that never began: whose process was
killed before it recorded anything. All other runs are kept, and it is said why, such as those
with artifacts or with shards that are not merged.

The server is WANDB_BASE_URL, the key WANDB_API_KEY or what `ups-track login` stored; or an
identity token, with WANDB_IDENTITY_TOKEN_FILE. UPS_TRACK_UPLOAD_LIMIT=2M sends no more than
that many bytes per second; WANDB_IGNORE_GLOBS='*.ckpt' leaves files out.

Examples:
  ups-track sync wandb
  ups-track sync --dry-run wandb
  ups-track sync --project burgers --entity my-team wandb/latest-run
  ups-track sync --watch wandb
  ups-track sync --prune --older-than 24 wandb

Exit code: 0 all is uploaded (or, with --prune, deleted); 1 something is left (a torn end,
artifacts, a run that is still being written, one that is kept); 2 a log is damaged or was
not found, or the server did not take it.";

#[cfg(feature = "online")]
const LOGIN: &str = "\
Reads an API key, from the terminal without showing it or from a pipe, asks the server
whose it is, and stores it in the netrc file (NETRC, else ~/.netrc), where W&B's own client
looks as well. The server is WANDB_BASE_URL.

Examples:
  ups-track login
  ups-track login < key.txt

Exit code: 0 stored; 2 the key has not the form of one, or the server does not accept it.";

const RUN: &str = "\
Starts a run, or joins that of WANDB_CONTEXT_FILE, runs COMMAND as a child of it, and ends
with its exit code. What the command records with ups-track, in any of its processes, is the
run's (--attached), or that of a run of its own with tag parent:<run id> in the same group
(--linked), which W&B's own clients get as well. A command that records nothing is fine.

The run's summary tells of the command as children/<name>/status, exit_code and duration_s; one
that fails raises an alert. What the options leave open, WANDB_* variables say; with
WANDB_MODE=disabled the command simply runs. Inside another `ups-track run` this one joins.

Standard input, output and error are the command's own. SIGINT, SIGTERM, SIGHUP, SIGQUIT,
SIGUSR1 and SIGUSR2 are passed on to it; what a terminal sends to both, such as Ctrl-C, it
gets once. (`timeout` signals both as well: use `timeout --foreground`.)

Examples:
  ups-track run --project burgers -- sh pipeline.sh
  ups-track run --linked --job-type train --name operator -- python train.py --lr 1e-3

Exit code: the command's; 128 and the number of the signal that has ended it; 127 if there
is no such command, 126 if it cannot be run; 125 for bad options, or if no run could start.";

/// Looks into runs on disk, recorded by ups-track or by W&B's own client, and runs commands as part of one.
#[derive(Debug, Parser)]
#[command(name = "ups-track", version, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows what a run holds.
    #[command(after_help = SHOW)]
    Show(Show),
    /// Checks that logs are whole, and says what is wrong with them.
    #[command(after_help = VERIFY)]
    Verify(Verify),
    /// Writes rows, summary, config or console as JSON lines or CSV.
    #[command(after_help = EXPORT)]
    Export(Export),
    /// Adds what attached children have recorded to the log of their run.
    #[command(after_help = MERGE)]
    Merge(Merge),
    /// Uploads logs to a W&B server.
    #[cfg(feature = "online")]
    #[command(after_help = SYNC)]
    Sync(Sync),
    /// Stores the API key for a W&B server.
    #[cfg(feature = "online")]
    #[command(after_help = LOGIN)]
    Login,
    /// Tells which server and entity would be used, and where the key comes from.
    #[cfg(feature = "online")]
    Status,
    /// Runs a command of a shell pipeline as a child of a run.
    #[command(after_help = RUN, override_usage = "ups-track run [OPTIONS] [--] COMMAND...")]
    Run(Run),
}

#[cfg(feature = "online")]
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Sync {
    /// Logs, directories or run ids; `./wandb` if there is none
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Only say what would be uploaded
    #[arg(long, short = 'n')]
    pub(super) dry_run: bool,
    /// Upload as the run of this id (one log only)
    #[arg(long, value_name = "ID")]
    pub(super) id: Option<String>,
    /// Upload to this project
    #[arg(long, short, value_name = "NAME")]
    pub(super) project: Option<String>,
    /// Upload to this user or team
    #[arg(long, short, value_name = "NAME")]
    pub(super) entity: Option<String>,
    /// Give the run this job type
    #[arg(long, value_name = "TYPE")]
    pub(super) job_type: Option<String>,
    /// Replace tags
    #[arg(long, value_name = "OLD=NEW,...", value_delimiter = ',', value_parser = replaced_tag)]
    pub(super) replace_tags: Vec<(String, String)>,
    /// How many runs are uploaded at the same time
    #[arg(long, short, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) jobs: u16,
    /// Follow runs while they are written, also those that begin meanwhile, until Ctrl-C
    #[arg(long, short, conflicts_with_all = ["id", "dry_run", "prune"])]
    pub(super) watch: bool,
    /// With --watch: the minutes without a sign of its writer after which a log of W&B's client that has no end counts as
    /// that of a process that was killed [default: 10]
    #[arg(long, value_name = "MINUTES", requires = "watch")]
    pub(super) gone_after: Option<u32>,
    /// Say nothing of what went well
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// Also logs that are marked as uploaded
    #[arg(long)]
    pub(super) include_synced: bool,
    /// Also logs of W&B's client whose runs were online, in directories named `run-…`
    #[arg(long)]
    pub(super) include_online: bool,
    /// Upload nothing, but delete the directories of runs that are on the server, after asking
    #[arg(long, conflicts_with_all = ["id", "job_type", "replace_tags", "include_synced", "include_online", "quiet"])]
    pub(super) prune: bool,
    /// Delete without asking
    #[arg(long, short, requires = "prune")]
    pub(super) yes: bool,
    /// Delete only what was not written to for this many hours
    #[arg(long, value_name = "HOURS", requires = "prune")]
    pub(super) older_than: Option<u32>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Logs, directories or run ids; `./wandb` if there is none
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// How many of the last rows to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(super) rows: usize,
    /// How many of the last console lines to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(super) console: usize,
    /// Show everything: long lists whole, definitions, W&B's own keys
    #[arg(long)]
    pub(super) all: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// Logs, directories or run ids; `./wandb` if there is none
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Say nothing of logs that are whole and finished
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Merge {
    /// Logs, directories or run ids; `./wandb` if there is none
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Only say what would be merged
    #[arg(long, short = 'n')]
    pub(super) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// The project, if the command joins no run
    #[arg(long, value_name = "P", value_parser = project)]
    pub(super) project: Option<String>,
    /// The command records into the run; the default
    #[arg(long)]
    pub(super) attached: bool,
    /// The command has a run of its own
    #[arg(long, conflicts_with = "attached")]
    pub(super) linked: bool,
    /// What the command is called: in the run's summary, and as a run that is started for it
    #[arg(long, value_name = "N")]
    pub(super) name: Option<String>,
    /// The job type of the run that is started for it, such as `eval`
    #[arg(long, value_name = "T")]
    pub(super) job_type: Option<String>,
    /// The group that ties runs together
    #[arg(long, value_name = "G")]
    pub(super) group: Option<String>,
    /// Tags of the command's run, besides those of the environment
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = tag)]
    pub(super) tags: Vec<String>,
    /// Say nothing at the start and the end
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    pub(super) command: Vec<OsString>,
}

fn project(name: &str) -> Result<String, String> {
    rules::project(name).map(|()| name.to_owned())
}

#[cfg(feature = "online")]
fn replaced_tag(pair: &str) -> Result<(String, String), String> {
    let (old, new) = pair.split_once('=').ok_or("must be OLD=NEW")?;
    Ok((old.trim().to_owned(), tag(new)?))
}

fn tag(tag: &str) -> Result<String, String> {
    rules::tag(tag.trim()).map(|()| tag.trim().to_owned())
}

#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// A log, a directory with one run, or a run id
    #[arg(value_name = "PATH")]
    pub(super) path: PathBuf,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    pub(super) format: Format,
    /// Where to write it; a file appears only once it is complete
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// What to write
    #[arg(long, value_enum, default_value_t = What::History)]
    pub(super) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// JSON, one object per line
    Jsonl,
    /// Comma-separated values
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    /// The rows of metrics
    History,
    /// The summary
    Summary,
    /// The config
    Config,
    /// The console output, in the pieces in which it was recorded
    Console,
}
