//! What the run tells about where it runs: the environment record and `wandb-metadata.json`.

use serde_json::{Map, Value, json};

use super::git;
use crate::ledger::{scrub, timestamp};
use crate::log::record::{Cpu, Environment, Memory};
use crate::os;
use crate::os::id;
use crate::secrets;
use crate::settings::{Settings, Sources};

/// Gathers the environment; `start` in nanoseconds since 1970.
pub(crate) fn gather(settings: &Settings, sources: &Sources, start: u64) -> Environment {
    let mut environment = Environment {
        os: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        started_at: Some(timestamp(start)),
        writer_id: (0..4).map(|_| id::generate()).collect(),
        ..Environment::default()
    };
    if settings.use_git {
        environment.git = gather_git(settings, sources);
    }
    if !settings.machine_info {
        return environment;
    }
    let executable = std::env::current_exe().ok();
    let args = settings.args.clone().unwrap_or_else(|| arguments().skip(1).collect());
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    scrub::environment(Environment {
        docker: text(&settings.docker),
        args,
        program: settings.program.clone().or_else(|| arguments().next()).unwrap_or_default(),
        email: text(&settings.email),
        root: sources.current_dir.display().to_string(),
        host: host(settings).unwrap_or_default(),
        username: settings
            .username
            .clone()
            .or_else(|| sources.var("USER").map(|user| user.value))
            .unwrap_or_default(),
        executable: executable.map(|path| path.display().to_string()).unwrap_or_default(),
        slurm: sources
            .vars_with_prefix("SLURM_")
            .filter(|(name, _)| !secrets::is_secret_name(name))
            .map(|(name, value)| (name.trim_start_matches("SLURM_").to_ascii_lowercase(), value.to_owned()))
            .collect(),
        ..with_machine(environment)
    })
}

/// The program and its arguments; what is no character in them becomes a sign for that.
fn arguments() -> impl Iterator<Item = String> {
    std::env::args_os().map(|argument| argument.to_string_lossy().into_owned())
}

/// The host's name as the run shows it.
pub(crate) fn host(settings: &Settings) -> Option<String> {
    settings.host.clone().or_else(os::host_name)
}

pub(crate) fn gather_git(settings: &Settings, sources: &Sources) -> Option<crate::log::record::Git> {
    let mut found = git::around(&sources.current_dir).unwrap_or_default();
    if let Some(commit) = &settings.git_commit {
        found.commit.clone_from(commit);
    }
    if let Some(remote) = &settings.git_remote {
        found.remote_url = secrets::clean(remote).into_owned();
    }
    (found != crate::log::record::Git::default()).then_some(found)
}

/// Adds processors and memory, where the system tells.
fn with_machine(mut environment: Environment) -> Environment {
    let logical = std::thread::available_parallelism().map_or(0, usize::from);
    let logical = u32::try_from(logical).unwrap_or(0);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':').map(str::trim))
    };
    let physical = field("cpu cores").and_then(|v| v.parse().ok()).unwrap_or(logical);
    environment.cpu_count = physical;
    environment.cpu_count_logical = logical;
    environment.cpu = Some(Cpu {
        count: physical,
        count_logical: logical,
        model: field("model name").unwrap_or_default().to_owned(),
    });
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = memory.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    });
    environment.memory = total.map(|kib| Memory { total: kib * 1024 });
    environment
}

/// The environment as `wandb-metadata.json`: the protobuf's JSON form.
pub(crate) fn metadata_json(e: &Environment) -> Value {
    let mut out = Map::new();
    let mut text = |key: &str, value: &str| {
        if !value.is_empty() {
            out.insert(key.to_owned(), Value::from(value));
        }
    };
    text("os", &e.os);
    text("program", &e.program);
    text("docker", &e.docker);
    text("email", &e.email);
    text("root", &e.root);
    text("host", &e.host);
    text("username", &e.username);
    text("executable", &e.executable);
    text("writerId", &e.writer_id);
    if let Some(t) = &e.started_at {
        let at = os::utc(u64::try_from(t.seconds).unwrap_or(0));
        // As protobuf's JSON form has it: three, six or nine digits.
        let nanos = t.nanos.clamp(0, 999_999_999);
        let fraction = match nanos {
            0 => String::new(),
            n if n % 1_000_000 == 0 => format!(".{:03}", n / 1_000_000),
            n if n % 1000 == 0 => format!(".{:06}", n / 1000),
            n => format!(".{n:09}"),
        };
        text(
            "startedAt",
            &format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}Z",
                at.year, at.month, at.day, at.hour, at.minute, at.second
            ),
        );
    }
    if !e.args.is_empty() {
        out.insert("args".into(), json!(e.args));
    }
    if let Some(git) = &e.git {
        let known = [("remote", &git.remote_url), ("commit", &git.commit)];
        let known = known.into_iter().filter(|(_, value)| !value.is_empty());
        out.insert("git".into(), known.map(|(key, value)| (key.to_owned(), json!(value))).collect());
    }
    if let Some(cpu) = &e.cpu {
        out.insert("cpu_count".into(), json!(e.cpu_count));
        out.insert("cpu_count_logical".into(), json!(e.cpu_count_logical));
        out.insert(
            "cpu".into(),
            json!({"count": cpu.count, "countLogical": cpu.count_logical, "model": cpu.model}),
        );
    }
    if let Some(memory) = &e.memory {
        // The protobuf's JSON form has 64-bit integers as text.
        out.insert("memory".into(), json!({"total": memory.total.to_string()}));
    }
    if !e.slurm.is_empty() {
        out.insert("slurm".into(), json!(e.slurm));
    }
    Value::Object(out)
}
