//! Putting the sources together, and refusing what breaks a rule.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::rules;
use super::source::{Given, Sources};
use super::yaml;
use super::{Mode, Moment, Resume, Settings, uplink};
use crate::error::{Error, Kind, Result};
use crate::os::small;

/// What the builder was told; `None` leaves the setting to the environment, the settings files and the defaults.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    pub(crate) mode: Option<Mode>,
    pub(crate) run_id: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) entity: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) job_type: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) config: Map<String, Value>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) resume: Option<Resume>,
    pub(crate) resume_from: Option<String>,
    pub(crate) fork_from: Option<String>,
    pub(crate) console: Option<bool>,
    pub(crate) quiet: Option<bool>,
    pub(crate) strict: Option<bool>,
    pub(crate) flush_interval: Option<Duration>,
    pub(crate) finish_patience: Option<Duration>,
    pub(crate) copy_limit: Option<u64>,
}

/// The default time between two flushes of the log: what `kill -9` can lose at most.
const FLUSH_INTERVAL: Duration = Duration::from_millis(100);

/// The file that keeps the id of a directory's last run.
const RESUME_FILE: &str = "wandb-resume.json";

/// Bytes of saved files that a run copies at its end: a few seconds of a usual disk.
const COPY_LIMIT: u64 = 1_000_000_000;

/// The time between two summary records.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(5);

fn copy_limit(given: &Overrides, sources: &Sources) -> Result<u64> {
    let given = given.copy_limit.map(|bytes| Given::builder("copy_limit", bytes.to_string()));
    let Some(found) = sources.find(given, &["UPS_TRACK_COPY_LIMIT"], "copy_limit") else {
        return Ok(COPY_LIMIT);
    };
    size(&found.value)
        .ok_or_else(|| found.refuse("copy limit", "must be a number of bytes, such as 500M, 20G or 0"))
}

/// A number of bytes, or of thousands of them (`K`, `M`, `G`, `T`).
fn size(text: &str) -> Option<u64> {
    let text = text.trim().trim_end_matches(['b', 'B']);
    let units = [('k', 1), ('m', 2), ('g', 3), ('t', 4)];
    let unit = units.iter().find(|(unit, _)| text.ends_with([*unit, unit.to_ascii_uppercase()]));
    let (number, power) =
        unit.map_or((text, 0), |(_, power)| (text.get(..text.len() - 1).unwrap_or(""), *power));
    number.trim_end().parse::<u64>().ok()?.checked_mul(1000_u64.checked_pow(power)?)
}

/// Settles every setting.
pub(crate) fn resolve(given: &Overrides, sources: &mut Sources) -> Result<Settings> {
    let root_dir = root_dir(given, sources)?;
    read_settings_files(&root_dir, sources)?;
    let sources = &*sources;

    let text = |method: &str, value: &Option<String>, vars: &[&str], name: &str| {
        sources.find(value.as_ref().map(|v| Given::builder(method, v)), vars, name)
    };

    let (mode, mode_given) = mode(given, sources)?;
    let run_id = text("id", &given.run_id, &["WANDB_RUN_ID"], "run_id");
    if let Some(id) = &run_id {
        rules::run_id(&id.value).map_err(|rule| id.refuse("run id", rule))?;
    }
    let project = text("project", &given.project, &["WANDB_PROJECT"], "project");
    if let Some(project) = &project {
        rules::project(&project.value).map_err(|rule| project.refuse("project", rule))?;
    }
    let resume = resume(given, sources)?;
    let branch = branch(given, sources, resume)?;
    let sweep_id = text("sweep_id", &None, &["WANDB_SWEEP_ID"], "sweep_id");
    if let Some(sweep) = sweep_id.as_ref().filter(|s| s.value.trim() != s.value) {
        return Err(sweep.refuse("sweep id", "must not begin or end with white space"));
    }
    let value = |found: Option<Given>| found.map(|g| g.value);
    let flag = |vars: &[&str], name: &str| sources.flag(vars, name);
    let run_id = match (value(run_id), resume) {
        (Some(id), _) => id,
        (None, Some(Resume::Auto)) => {
            last_run_id(&root_dir.join(RESUME_FILE)).unwrap_or_else(crate::os::id::generate)
        }
        (None, _) => crate::os::id::generate(),
    };
    let silent = flag(&["WANDB_SILENT"], "silent")?.unwrap_or(false);

    Ok(Settings {
        mode,
        mode_given,
        run_id,
        project: value(project),
        entity: value(text("entity", &given.entity, &["WANDB_ENTITY"], "entity")),
        name: value(text("name", &given.name, &["WANDB_NAME", "WANDB_RUN_NAME"], "run_name")),
        notes: value(text("notes", &given.notes, &["WANDB_NOTES", "WANDB_RUN_NOTES"], "run_notes")),
        group: value(text("group", &given.group, &["WANDB_RUN_GROUP"], "run_group")),
        job_type: value(text(
            "job_type",
            &given.job_type,
            &["WANDB_JOB_TYPE", "WANDB_RUN_JOB_TYPE"],
            "run_job_type",
        )),
        tags: tags(given, sources)?,
        config: config(given, sources)?,
        root_dir,
        resume,
        branch,
        sweep_id: value(sweep_id),
        is_member: false,
        host: value(sources.find(None, &["WANDB_HOST"], "host")),
        username: value(sources.find(None, &["WANDB_USERNAME"], "username")),
        email: value(sources.find(None, &["WANDB_USER_EMAIL"], "email")),
        program: value(sources.find(None, &["WANDB_PROGRAM"], "program")),
        args: args(sources)?,
        docker: value(sources.find(None, &["WANDB_DOCKER"], "docker")),
        git_commit: value(sources.find(None, &["WANDB_GIT_COMMIT"], "git_commit")),
        git_remote: value(sources.find(None, &["WANDB_GIT_REMOTE_URL"], "git_remote_url")),
        use_git: !flag(&["WANDB_DISABLE_GIT"], "disable_git")?.unwrap_or(false),
        machine_info: !flag(
            &["WANDB_X_DISABLE_MACHINE_INFO", "WANDB__DISABLE_MACHINE_INFO"],
            "x_disable_machine_info",
        )?
        .unwrap_or(false),
        metadata: !flag(&["WANDB_X_DISABLE_META", "WANDB__DISABLE_META"], "x_disable_meta")?.unwrap_or(false),
        console: console(given, sources)?,
        silent,
        quiet: match given.quiet {
            Some(quiet) => quiet,
            None => flag(&["WANDB_QUIET"], "quiet")?.unwrap_or(false),
        },
        strict: match given.strict {
            Some(strict) => strict,
            None => flag(&["UPS_TRACK_STRICT"], "strict")?.unwrap_or(false),
        },
        // `latest-run` is the pipeline's run, not that of a part of it.
        symlink: flag(&["WANDB_SYMLINK"], "symlink")?.unwrap_or(!is_linked_child(sources)),
        flush_interval: flush_interval(given, sources)?,
        copy_limit: copy_limit(given, sources)?,
        uplink: uplink::resolve(given, sources)?,
        summary_interval: SUMMARY_INTERVAL,
        rank: None,
        resume_file: RESUME_FILE.to_owned(),
    })
}

/// Reads the person's settings file and that of the directory of runs.
fn read_settings_files(root_dir: &Path, sources: &mut Sources) -> Result<()> {
    let usual = || sources.home.as_ref().map(|home| home.join(".config/wandb"));
    let config_dir = sources.var_path("WANDB_CONFIG_DIR").or_else(usual);
    if let Some(dir) = config_dir {
        sources.read_file(&dir.join("settings"))?;
    }
    sources.read_file(&root_dir.join("settings"))
}

#[cfg(feature = "online")]
impl Sources {
    /// Reads the settings files, for those who have no run.
    pub(crate) fn read_settings_files(&mut self) -> Result<()> {
        let root_dir = root_dir(&Overrides::default(), self)?;
        read_settings_files(&root_dir, self)
    }
}

/// `<dir>/wandb`, or `<dir>/.wandb` where that exists already.
fn root_dir(given: &Overrides, sources: &Sources) -> Result<PathBuf> {
    let asked = given.dir.as_ref().map(|dir| sources.current_dir.join(dir));
    let dir = asked.or_else(|| sources.var_path("WANDB_DIR")).unwrap_or_else(|| sources.current_dir.clone());
    if !dir.is_absolute() {
        return Err(Kind::NoCurrentDir.into());
    }
    let hidden = dir.join(".wandb");
    Ok(if hidden.is_dir() { hidden } else { dir.join("wandb") })
}

fn mode(given: &Overrides, sources: &Sources) -> Result<(Mode, bool)> {
    let found = sources.find(given.mode.map(|m| Given::builder("mode", m.as_str())), &["WANDB_MODE"], "mode");
    let Some(found) = found else { return Ok((Mode::Offline, false)) };
    match Mode::from_word(&found.value) {
        Some(mode @ (Mode::Online | Mode::Shared)) if cfg!(not(feature = "online")) => {
            Err(Kind::ModeNotBuilt { mode: mode.as_str(), from: found.from }.into())
        }
        Some(mode) => Ok((mode, true)),
        None => Err(found.refuse("mode", "must be online, offline, shared or disabled")),
    }
}

fn resume(given: &Overrides, sources: &Sources) -> Result<Option<Resume>> {
    if given.resume.is_some() {
        return Ok(given.resume);
    }
    let Some(found) = sources.find(None, &["WANDB_RESUME"], "resume") else { return Ok(None) };
    match Resume::from_word(&found.value) {
        Some(resume) => Ok(Some(resume)),
        None => Err(found.refuse("resume", "must be allow, must, never or auto")),
    }
}

fn branch(given: &Overrides, sources: &Sources, resume: Option<Resume>) -> Result<Option<Moment>> {
    let from = |method: &str, value: &Option<String>, var: &str, name: &str| {
        sources.find(value.as_ref().map(|v| Given::builder(method, v)), &[var], name)
    };
    let rewind = from("resume_from", &given.resume_from, "WANDB_RESUME_FROM", "resume_from");
    let fork = from("fork_from", &given.fork_from, "WANDB_FORK_FROM", "fork_from");
    let (found, what) = match (rewind, fork) {
        (Some(rewind), Some(_)) => {
            return Err(rewind.refuse("resume_from", "cannot be combined with fork_from: choose one"));
        }
        (Some(rewind), None) => (rewind, "resume_from"),
        (None, Some(fork)) => (fork, "fork_from"),
        (None, None) => return Ok(None),
    };
    if resume.is_some() {
        return Err(found.refuse(what, "cannot be combined with resume: choose one"));
    }
    let moment = found.value.split_once("?_step=").and_then(|(run, step)| {
        let step = step.parse::<f64>().ok().filter(|s| s.is_finite() && *s >= 0.0)?;
        (!run.is_empty()).then(|| Moment { run: run.to_owned(), step })
    });
    match moment {
        Some(moment) => Ok(Some(moment)),
        None => Err(found.refuse(what, "must have the form `<run id>?_step=<number>`")),
    }
}

fn tags(given: &Overrides, sources: &Sources) -> Result<Vec<String>> {
    let (tags, found) = match (&given.tags, sources.find(None, &["WANDB_TAGS"], "run_tags")) {
        (Some(tags), found) => (tags.iter().cloned().chain(parent_tags(found, sources)).collect(), None),
        (None, Some(found)) => (found.list(), Some(found)),
        (None, None) => return Ok(Vec::new()),
    };
    for tag in &tags {
        rules::tag(tag).map_err(|rule| {
            let from =
                found.as_ref().map_or_else(|| "`Run::builder().tags(..)`".to_owned(), |f| f.from.clone());
            Error::from(Kind::Setting { what: "tag", value: tag.clone(), from, rule })
        })?;
    }
    Ok(tags)
}

fn is_linked_child(sources: &Sources) -> bool {
    sources.var(super::CHILD).is_some_and(|kind| kind.value == "linked")
}

/// Whose child the process is, which a program's own tags do not replace.
fn parent_tags(found: Option<Given>, sources: &Sources) -> Vec<String> {
    let tags = found.filter(|_| is_linked_child(sources)).map(|found| found.list()).unwrap_or_default();
    tags.into_iter().filter(|tag| tag.starts_with("parent:")).collect()
}

/// Config files and sweep parameters lie under what the builder gave, except that a sweep's own values win.
fn config(given: &Overrides, sources: &Sources) -> Result<Map<String, Value>> {
    let mut config = Map::new();
    if let Some(paths) = sources.find(None, &["WANDB_CONFIG_PATHS"], "config_paths") {
        for path in paths.list() {
            config.extend(config_file(&sources.current_dir.join(path))?);
        }
    }
    config.extend(given.config.clone());
    if let Some(path) = sources.find_path("WANDB_SWEEP_PARAM_PATH", "sweep_param_path") {
        config.extend(config_file(&path)?);
    }
    Ok(config)
}

fn config_file(path: &Path) -> Result<Map<String, Value>> {
    let text = small::read_text(path).map_err(|e| Error::io("read the config file", path, e))?;
    yaml::parse(&text)
        .and_then(yaml::config_entries)
        .map_err(|reason| Kind::Parse { path: path.to_owned(), reason }.into())
}

fn args(sources: &Sources) -> Result<Option<Vec<String>>> {
    let Some(found) = sources.var("WANDB_ARGS") else { return Ok(None) };
    match serde_json::from_str(&found.value) {
        Ok(args) => Ok(Some(args)),
        Err(_) => Err(found.refuse("program arguments", "must be a JSON list of texts")),
    }
}

fn console(given: &Overrides, sources: &Sources) -> Result<bool> {
    if let Some(console) = given.console {
        return Ok(console);
    }
    let Some(found) = sources.find(None, &["WANDB_CONSOLE"], "console") else { return Ok(true) };
    match found.value.as_str() {
        "off" => Ok(false),
        "auto" | "wrap" | "redirect" | "wrap_raw" | "wrap_emu" => Ok(true),
        _ => Err(found.refuse("console", "must be auto or off (wrap and redirect mean auto)")),
    }
}

fn flush_interval(given: &Overrides, sources: &Sources) -> Result<Duration> {
    const VARS: &[&str] =
        &["WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL", "WANDB__TRANSACTION_LOG_FLUSH_INTERVAL"];
    let builder = given.flush_interval.map(|d| Given::builder("flush_interval", d.as_secs_f64().to_string()));
    let Some(found) = sources.find(builder, VARS, "x_transaction_log_flush_interval") else {
        return Ok(FLUSH_INTERVAL);
    };
    match found.value.parse::<f64>() {
        Ok(seconds) if (0.001..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(found.refuse("log flush interval", "must be a number of seconds from 0.001 to 3600")),
    }
}

/// The run this directory had last, as W&B's `resume="auto"` keeps it.
pub(crate) fn last_run_id(file: &Path) -> Option<String> {
    let text = small::read_text(file).ok()?;
    let saved: Value = serde_json::from_str(&text).ok()?;
    let id = saved.get("run_id")?.as_str()?;
    rules::run_id(id).ok()?;
    Some(id.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn with(vars: &[(&str, &str)]) -> Result<Settings> {
        let dir = tempfile::tempdir().unwrap();
        resolve(&Overrides::default(), &mut Sources::from_vars(vars, dir.path()))
    }

    #[test]
    fn sizes() {
        for (text, bytes) in
            [("0", 0), ("7", 7), ("500M", 500_000_000), ("2 GB", 2_000_000_000), ("1k", 1000)]
        {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for bad in ["", "G", "-1", "1.5G", "1GiB", "99999999T", "x"] {
            assert_eq!(size(bad), None, "{bad}");
        }
        assert!(message(&[("UPS_TRACK_COPY_LIMIT", "much")]).contains("500M"));
    }

    fn message(vars: &[(&str, &str)]) -> String {
        with(vars).unwrap_err().to_string()
    }

    #[test]
    fn every_variable_reaches_its_setting() {
        let s = with(&[
            ("WANDB_MODE", "dryrun"),
            ("WANDB_RUN_ID", "abc"),
            ("WANDB_PROJECT", "p"),
            ("WANDB_ENTITY", "e"),
            ("WANDB_NAME", "n"),
            ("WANDB_NOTES", "some notes"),
            ("WANDB_RUN_GROUP", "g"),
            ("WANDB_JOB_TYPE", "train"),
            ("WANDB_TAGS", "a, b,,c"),
            ("WANDB_RESUME", "must"),
            ("WANDB_SWEEP_ID", "s1"),
            ("WANDB_HOST", "h"),
            ("WANDB_USERNAME", "u"),
            ("WANDB_USER_EMAIL", "u@x.invalid"),
            ("WANDB_PROGRAM", "train.rs"),
            ("WANDB_ARGS", "[\"--lr\", \"1\"]"),
            ("WANDB_DOCKER", "img"),
            ("WANDB_GIT_COMMIT", "c0ffee"),
            ("WANDB_GIT_REMOTE_URL", "https://git.invalid/x"),
            ("WANDB_DISABLE_GIT", "yes"),
            ("WANDB_CONSOLE", "off"),
            ("WANDB_SILENT", "true"),
            ("WANDB_QUIET", "1"),
            ("WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL", "0.5"),
            ("WANDB_X_DISABLE_META", "true"),
            ("WANDB__DISABLE_MACHINE_INFO", "on"),
        ])
        .unwrap();
        assert_eq!((s.mode, s.mode_given, s.run_id.as_str()), (Mode::Offline, true, "abc"));
        assert_eq!(s.project.as_deref(), Some("p"));
        assert_eq!(s.entity.as_deref(), Some("e"));
        assert_eq!(s.name.as_deref(), Some("n"));
        assert_eq!(s.notes.as_deref(), Some("some notes"));
        assert_eq!(s.group.as_deref(), Some("g"));
        assert_eq!(s.job_type.as_deref(), Some("train"));
        assert_eq!(s.tags, ["a", "b", "c"]);
        assert_eq!(s.resume, Some(Resume::Must));
        assert_eq!(s.sweep_id.as_deref(), Some("s1"));
        assert_eq!(s.host.as_deref(), Some("h"));
        assert_eq!(s.username.as_deref(), Some("u"));
        assert_eq!(s.email.as_deref(), Some("u@x.invalid"));
        assert_eq!(s.program.as_deref(), Some("train.rs"));
        assert_eq!(s.args, Some(vec!["--lr".to_owned(), "1".to_owned()]));
        assert_eq!(s.docker.as_deref(), Some("img"));
        assert_eq!(s.git_commit.as_deref(), Some("c0ffee"));
        assert_eq!(s.git_remote.as_deref(), Some("https://git.invalid/x"));
        assert!(!s.use_git && !s.console && s.silent && s.quiet && !s.metadata && !s.machine_info);
        assert_eq!(s.flush_interval, Duration::from_millis(500));
    }

    #[test]
    fn a_bad_value_names_variable_value_and_rule() {
        for (var, value, rule) in [
            ("WANDB_RUN_ID", "a/b", "must not contain '/'"),
            ("WANDB_PROJECT", "a%b", "must not contain '%'"),
            ("WANDB_TAGS", &"t".repeat(65), "has 65 characters"),
            ("WANDB_MODE", "onlin", "must be online, offline, shared or disabled"),
            ("WANDB_RESUME", "maybe", "must be allow, must, never or auto"),
            ("WANDB_SILENT", "perhaps", "must be true or false"),
            ("WANDB_CONSOLE", "loud", "must be auto or off"),
            ("WANDB_ARGS", "--lr 1", "must be a JSON list"),
            ("WANDB_FORK_FROM", "abc", "must have the form"),
            ("WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL", "0", "from 0.001 to 3600"),
            ("WANDB_FINISH_TIMEOUT", "soon", "a number of seconds"),
            ("UPS_TRACK_FINISH_PATIENCE", "-1", "a number of seconds"),
            ("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "1e300", "up to a year"),
        ] {
            let text = message(&[(var, value)]);
            assert!(text.contains(var) && text.contains(value) && text.contains(rule), "{text}");
        }
    }

    #[cfg(not(feature = "online"))]
    #[test]
    fn modes_that_need_the_server_say_so() {
        assert!(message(&[("WANDB_MODE", "online")]).contains("`online`"));
        assert!(message(&[("WANDB_MODE", "shared")]).contains("`shared`"));
    }

    #[test]
    fn the_builder_wins_over_environment_over_workspace_over_system() {
        let dir = tempfile::tempdir().unwrap();
        let system = dir.path().join("system");
        std::fs::create_dir_all(&system).unwrap();
        std::fs::create_dir_all(dir.path().join("wandb")).unwrap();
        std::fs::write(system.join("settings"), "[default]\nproject = system\nentity = system\n").unwrap();
        std::fs::write(dir.path().join("wandb/settings"), "[default]\nproject = workspace\n").unwrap();
        let vars = [("WANDB_CONFIG_DIR", system.to_str().unwrap())];
        let s = resolve(&Overrides::default(), &mut Sources::from_vars(&vars, dir.path())).unwrap();
        assert_eq!((s.project.as_deref(), s.entity.as_deref()), (Some("workspace"), Some("system")));
        let vars = [("WANDB_CONFIG_DIR", system.to_str().unwrap()), ("WANDB_PROJECT", "env")];
        let s = resolve(&Overrides::default(), &mut Sources::from_vars(&vars, dir.path())).unwrap();
        assert_eq!(s.project.as_deref(), Some("env"));
        let given = Overrides { project: Some("builder".into()), ..Overrides::default() };
        let s = resolve(&given, &mut Sources::from_vars(&vars, dir.path())).unwrap();
        assert_eq!(s.project.as_deref(), Some("builder"));
    }

    #[test]
    fn a_linked_child_stays_one_whatever_its_own_tags_are() {
        let dir = tempfile::tempdir().unwrap();
        let given = Overrides { tags: Some(vec!["own".into()]), ..Overrides::default() };
        let tags =
            |vars: &[(&str, &str)]| resolve(&given, &mut Sources::from_vars(vars, dir.path())).unwrap().tags;
        let vars = [("WANDB_TAGS", "a,parent:abc"), ("UPS_TRACK_CHILD", "linked")];
        assert_eq!(tags(&vars), ["own", "parent:abc"]);
        assert_eq!(tags(&vars[..1]), ["own"]);
    }

    #[test]
    fn a_broken_settings_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("wandb")).unwrap();
        std::fs::write(dir.path().join("wandb/settings"), "[default]\nproject\n").unwrap();
        let text =
            resolve(&Overrides::default(), &mut Sources::from_vars(&[], dir.path())).unwrap_err().to_string();
        assert!(text.contains("wandb/settings") && text.contains("line 2"), "{text}");
    }

    #[test]
    fn sweep_parameters_win_over_the_program() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("sweep.yaml"), "wandb_version: 1\n\nlr:\n  value: 0.5\n").unwrap();
        let mut given = Overrides::default();
        given.config.insert("lr".into(), 0.1.into());
        given.config.insert("epochs".into(), 3.into());
        let mut sources = Sources::from_vars(&[("WANDB_SWEEP_PARAM_PATH", "sweep.yaml")], dir.path());
        let s = resolve(&given, &mut sources).unwrap();
        assert_eq!(Value::Object(s.config), serde_json::json!({"lr": 0.5, "epochs": 3}));
    }

    #[test]
    fn the_hidden_directory_is_used_where_it_exists() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(".wandb")).unwrap();
        let s = resolve(&Overrides::default(), &mut Sources::from_vars(&[], dir.path())).unwrap();
        assert!(s.root_dir.ends_with(".wandb"));
    }
}
