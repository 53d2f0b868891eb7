//! Names of projects and runs, as people write them and as they copy them from the address bar.

use percent_encoding::percent_decode_str;

use super::error::{Error, Result};

/// A project; what is none is the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProjectPath {
    pub(super) entity: Option<String>,
    pub(super) project: Option<String>,
}

impl ProjectPath {
    /// Takes `entity/project`, `project`, nothing, or the address of a project's page, below `app`.
    pub(super) fn parse(text: &str, app: &str) -> Result<Self> {
        let parts = parts("project", text, app)?;
        match &parts[..] {
            [] => Ok(Self::default()),
            [project] => Ok(Self { entity: None, project: Some(project.clone()) }),
            [entity, project, rest @ ..] if rest.is_empty() || is_address(text) => {
                Ok(Self { entity: Some(entity.clone()), project: Some(project.clone()) })
            }
            _ => Err(Error::argument("project", text, "must be `entity/project` or `project`")),
        }
    }
}

/// A run, in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunPath {
    pub(super) project: ProjectPath,
    pub(super) run: String,
}

impl RunPath {
    /// Takes `entity/project/run_id`, `project/run_id`, `run_id`, or the address of a run's page, below `app`.
    pub(super) fn parse(text: &str, app: &str) -> Result<Self> {
        let parts = parts("run", text, app)?;
        let (entity, project, run) = match &parts[..] {
            [run] => (None, None, run),
            [project, run] if !is_address(text) => (None, Some(project), run),
            [entity, project, run] if !is_address(text) => (Some(entity), Some(project), run),
            [entity, project, runs, run, rest @ ..]
                if runs == "runs" && (rest.is_empty() || is_address(text)) =>
            {
                (Some(entity), Some(project), run)
            }
            _ => {
                let rule = "must be `entity/project/run_id`, `project/run_id`, `run_id`, or the address of the run's page";
                return Err(Error::argument("run", text, rule));
            }
        };
        Ok(Self {
            project: ProjectPath { entity: entity.cloned(), project: project.cloned() },
            run: run.clone(),
        })
    }
}

fn is_address(text: &str) -> bool {
    text.contains("://")
}

/// The parts between slashes, each fit for a name.
fn parts(what: &'static str, text: &str, app: &str) -> Result<Vec<String>> {
    let path = match text.trim().split_once("://") {
        None => text.trim(),
        Some((_, address)) => {
            let below = text.trim().strip_prefix(app).filter(|below| below.starts_with('/'));
            let path = below.unwrap_or_else(|| address.split_once('/').map_or("", |(_, path)| path));
            path.split(['?', '#']).next().unwrap_or_default()
        }
    };
    let path = path.trim_matches('/');
    let mut parts = Vec::new();
    for part in path.split('/').filter(|_| !path.is_empty()) {
        let part = if is_address(text) {
            percent_decode_str(part).decode_utf8_lossy().into_owned()
        } else {
            part.to_owned()
        };
        check(what, text, &part)?;
        parts.push(part);
    }
    Ok(parts)
}

/// Whether a name can be one. What it may hold beyond that, the server knows.
pub(super) fn check(what: &'static str, whole: &str, name: &str) -> Result<()> {
    let rule = if name.trim().is_empty() {
        "has an empty part"
    } else if name.trim() != name {
        "has a part that begins or ends with white space"
    } else if name.chars().any(char::is_control) {
        "has a control character"
    } else if name.len() > 512 {
        "is longer than a name can be"
    } else {
        return Ok(());
    };
    Err(Error::argument(what, whole, rule))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const APP: &str = "https://forge.coreweave.com/wandb";

    fn run(text: &str) -> Option<(Option<String>, Option<String>, String)> {
        let path = RunPath::parse(text, APP).ok()?;
        Some((path.project.entity, path.project.project, path.run))
    }

    #[test]
    fn runs_are_named_as_people_do() {
        let whole = Some((Some("e".to_owned()), Some("p q".to_owned()), "r".to_owned()));
        for text in [
            "e/p q/r",
            "/e/p q/r/",
            "e/p q/runs/r",
            "https://forge.coreweave.com/wandb/e/p%20q/runs/r",
            "https://forge.coreweave.com/wandb/e/p%20q/runs/r/overview?nw=1#x",
            "https://other.example.org/e/p%20q/runs/r",
        ] {
            assert_eq!(run(text), whole, "{text}");
        }
        assert_eq!(run("p/r"), Some((None, Some("p".to_owned()), "r".to_owned())));
        assert_eq!(run(" r "), Some((None, None, "r".to_owned())));
        for bad in [
            "",
            "/",
            "a//b",
            "a/b/c/d",
            "a/b/runs/d/e",
            "a/ b/c",
            "a/\x1b/c",
            "https://wandb.ai/e/p",
            "https://",
        ] {
            assert_eq!(run(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn projects_are_named_as_people_do() {
        let project = |text| ProjectPath::parse(text, APP).map(|path| (path.entity, path.project)).unwrap();
        let whole = (Some("e".to_owned()), Some("p".to_owned()));
        for text in ["e/p", "https://forge.coreweave.com/wandb/e/p", "https://wandb.ai/e/p/workspace?x=/y"] {
            assert_eq!(project(text), whole, "{text}");
        }
        assert_eq!(project("p"), (None, Some("p".to_owned())));
        assert_eq!(project(""), (None, None));
        let said = ProjectPath::parse("a/b/c\x1b[2J", APP).unwrap_err().to_string();
        assert!(said.contains("a/b/c␛[2J"), "{said}");
    }
}
