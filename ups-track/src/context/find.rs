//! What the environment says of the place of this process in a pipeline. Looked at once.

use once_cell::sync::OnceCell;

use super::Context;
use crate::error::{Kind, Result};
use crate::harmless;
use crate::settings::{CHILD, Sources};

/// Names the context file.
pub(crate) const FILE: &str = "WANDB_CONTEXT_FILE";
/// Whose run a process records into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A run of its own.
    Own,
    /// The run of the context, whichever way leads there.
    Member(Context),
}

/// The place of this process. A good answer is kept for good; after an error the next call looks again.
pub(crate) fn place(sources: &Sources) -> Result<Place> {
    static PLACE: OnceCell<Place> = OnceCell::new();
    PLACE.get_or_try_init(|| look(sources)).cloned()
}

fn look(sources: &Sources) -> Result<Place> {
    let Some(file) = sources.var_path(FILE) else { return Ok(Place::Own) };
    let kind = sources.var(CHILD);
    match kind.as_ref().map(|kind| kind.value.as_str()) {
        // A linked child finds everything it needs in the `WANDB_*` variables.
        Some("linked") => Ok(Place::Own),
        None | Some("attached") => Context::load(file).map(Place::Member),
        Some(_) => {
            let kind = kind.unwrap_or_else(|| unreachable!("it was matched above"));
            Err(kind.refuse("kind of child", "must be linked or attached"))
        }
    }
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
        let at = |vars: &[(&str, &str)]| look(&Sources::from_vars(vars, dir.path()));
        assert_eq!(at(&[]).unwrap(), Place::Own);
        assert_eq!(at(&[(CHILD, "attached")]).unwrap(), Place::Own);
        assert_eq!(at(&[(FILE, "gone.json"), (CHILD, "linked")]).unwrap(), Place::Own);
        for vars in [&[(FILE, "context.json")][..], &[(FILE, "context.json"), (CHILD, "attached")]] {
            assert!(matches!(at(vars).unwrap(), Place::Member(context) if context.run_id == "abc"));
        }
        let text = at(&[(FILE, "gone.json")]).unwrap_err().to_string();
        assert!(text.contains("gone.json") && text.contains("does not exist"), "{text}");
        let text = at(&[(FILE, "context.json"), (CHILD, "adopted")]).unwrap_err().to_string();
        assert!(text.contains(CHILD) && text.contains("linked or attached"), "{text}");
    }
}
