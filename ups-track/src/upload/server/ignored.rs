//! Files that the person does not want to have uploaded (`ignore_globs`).

use glob::{MatchOptions, Pattern};

use crate::settings::Sources;
use crate::upload::Failure;

/// Patterns of names below `files/`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ignored(Vec<Pattern>);

impl Ignored {
    /// What the settings say.
    ///
    /// # Errors
    ///
    /// If one of the patterns is none.
    pub(super) fn find(sources: &Sources) -> Result<Self, Failure> {
        let Some(found) = sources.find(None, &["WANDB_IGNORE_GLOBS"], "ignore_globs") else {
            return Ok(Self::default());
        };
        let pattern = |text: String| {
            Pattern::new(&text).map_err(|e| {
                let (text, from) = (crate::harmless::clean(&text), &found.from);
                Failure::Settings(format!("`{text}` (from {from}) is no pattern for file names: {}", e.msg))
            })
        };
        found.list().into_iter().map(pattern).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a file of this name, relative to `files/`, stays here.
    pub(crate) fn has(&self, name: &str) -> bool {
        // As in W&B's client `*` stays inside a directory; `**` does not.
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        self.0.iter().any(|pattern| pattern.matches_with(name, options))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn ignored(globs: &str) -> Result<Ignored, Failure> {
        Ignored::find(&Sources::from_vars(&[("WANDB_IGNORE_GLOBS", globs)], std::path::Path::new(".")))
    }

    #[test]
    fn patterns_are_relative_to_the_files() {
        let globs = ignored("*.ckpt, media/*/x?.png,logs/**,[ab].txt").unwrap();
        for name in ["last.ckpt", ".ckpt", "media/t/x1.png", "logs/a", "logs/a/b", "a.txt"] {
            assert!(globs.has(name), "{name}");
        }
        for name in ["deep/last.ckpt", "media/x1.png", "media/a/b/x1.png", "c.txt", "last.ckpt.txt", "logs"] {
            assert!(!globs.has(name), "{name}");
        }
        assert!(!ignored(" , ").unwrap().has(""));
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        let said = ignored("*.txt,a[").unwrap_err().to_string();
        assert!(said.contains("`a[`") && said.contains("WANDB_IGNORE_GLOBS"), "{said}");
    }
}
