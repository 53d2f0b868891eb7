//! What the environment says of the place of this process in a pipeline. Looked at once.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use once_cell::sync::OnceCell;

use super::Context;
use crate::error::{Kind, Result};
use crate::settings::{CHILD, Sources};
use crate::{harmless, say};

/// Names the context file.
pub(crate) const FILE: &str = "WANDB_CONTEXT_FILE";

/// Says what a process does whose context file is not there.
const USE: &str = "UPS_TRACK_CONTEXT";

/// What a process does with the context file that `WANDB_CONTEXT_FILE` names (`UPS_TRACK_CONTEXT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ContextFile {
    /// It records into the run of the file, and does not start without it (`required`).
    #[default]
    Required,
    /// It records into the run of the file; with none that is good it has a run of its own, as the Python side of UPS does, and a
    /// warning tells why (`optional`).
    Optional,
    /// It records into the run of the file; if the file is not there, it begins the run and writes the file, for those that come
    /// later (`write`).
    Write,
}

impl ContextFile {
    /// What the builder says, or else the environment.
    pub(crate) fn settle(given: Option<Self>, sources: &Sources) -> Result<Self> {
        let Some(found) = sources.var(USE).filter(|_| given.is_none()) else {
            return Ok(given.unwrap_or_default());
        };
        match found.value.as_str() {
            "required" => Ok(Self::Required),
            "optional" => Ok(Self::Optional),
            "write" => Ok(Self::Write),
            _ => Err(found.refuse("use of the context file", "must be required, optional or write")),
        }
    }
}

/// Whose run a process records into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A run of its own.
    Own,
    /// A run of its own, which this file shall tell of.
    Writer(PathBuf),
    /// The run of the context, whichever way leads there.
    Member(Context),
}

/// The run that this process was found to belong to, kept for good.
static PLACE: OnceCell<Place> = OnceCell::new();

/// Whether it was told why a process goes on alone.
static TOLD: AtomicBool = AtomicBool::new(false);

/// The place of this process. A run of a context is kept for good; after another answer the next call looks again.
pub(crate) fn place(sources: &Sources, file: ContextFile) -> Result<Place> {
    if let Some(place) = PLACE.get() {
        return Ok(place.clone());
    }
    let place = look(sources, file)?;
    Ok(match place {
        Place::Member(_) => PLACE.get_or_init(|| place).clone(),
        place => place,
    })
}

/// This process has written the context file: further runs of it are its own.
pub(crate) fn has_written() {
    PLACE.get_or_init(|| Place::Own);
}

fn look(sources: &Sources, wanted: ContextFile) -> Result<Place> {
    let Some(file) = sources.var_path(FILE) else { return Ok(Place::Own) };
    let kind = sources.var(CHILD);
    match kind.as_ref().map(|kind| kind.value.as_str()) {
        // A linked child finds everything it needs in the `WANDB_*` variables.
        Some("linked") => Ok(Place::Own),
        None | Some("attached") => match Context::load(&file) {
            Ok(context) => Ok(Place::Member(context)),
            Err(_) if wanted == ContextFile::Write && is_absent(&file) => Ok(Place::Writer(file)),
            Err(e) if wanted == ContextFile::Optional => {
                if !TOLD.swap(true, Ordering::Relaxed) {
                    say::warning(&format!("this process has a run of its own: {}", e.with_cause()));
                }
                Ok(Place::Own)
            }
            Err(e) => Err(e),
        },
        Some(_) => {
            let kind = kind.unwrap_or_else(|| unreachable!("it was matched above"));
            Err(kind.refuse("kind of child", "must be linked or attached"))
        }
    }
}

/// Whether there is nothing of this name.
fn is_absent(file: &Path) -> bool {
    file.symlink_metadata().is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
}

/// The context does not lead to a run.
pub(crate) fn unknown_run(context: &Context, reason: String) -> crate::Error {
    Kind::Attach { run: harmless::clean(&context.run_id).into_owned(), reason }.into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn where_a_process_belongs() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("context.json"), r#"{"run_id": "abc"}"#).unwrap();
        let at = |vars: &[(&str, &str)]| {
            let sources = Sources::from_vars(vars, dir.path());
            look(&sources, ContextFile::settle(None, &sources)?)
        };
        assert_eq!(at(&[]).unwrap(), Place::Own);
        assert_eq!(at(&[(CHILD, "attached")]).unwrap(), Place::Own);
        assert_eq!(at(&[(FILE, "gone.json"), (CHILD, "linked")]).unwrap(), Place::Own);
        for vars in [&[(FILE, "context.json")][..], &[(FILE, "context.json"), (CHILD, "attached")]] {
            assert!(matches!(at(vars).unwrap(), Place::Member(context) if context.run_id == "abc"));
        }
        let text = at(&[(FILE, "gone.json")]).unwrap_err().to_string();
        assert!(text.contains("gone.json") && text.contains("does not exist"), "{text}");
        // Who can go on alone, and who begins the run.
        assert_eq!(at(&[(FILE, "gone.json"), (USE, "optional")]).unwrap(), Place::Own);
        assert_eq!(
            at(&[(FILE, "gone.json"), (USE, "write")]).unwrap(),
            Place::Writer(dir.path().join("gone.json"))
        );
        for wanted in ["optional", "write"] {
            let found = at(&[(FILE, "context.json"), (USE, wanted)]).unwrap();
            assert!(matches!(found, Place::Member(context) if context.run_id == "abc"));
        }
        std::fs::write(dir.path().join("bad.json"), "{").unwrap();
        assert_eq!(at(&[(FILE, "bad.json"), (USE, "optional")]).unwrap(), Place::Own);
        assert!(at(&[(FILE, "bad.json"), (USE, "write")]).unwrap_err().to_string().contains("is not JSON"));
        let text = at(&[(FILE, "gone.json"), (USE, "maybe")]).unwrap_err().to_string();
        assert!(text.contains("UPS_TRACK_CONTEXT") && text.contains("required, optional or write"), "{text}");
        let text = at(&[(FILE, "context.json"), (CHILD, "adopted")]).unwrap_err().to_string();
        assert!(text.contains(CHILD) && text.contains("linked or attached"), "{text}");
    }
}
