//! W&B's rules for names. A value that breaks one is an error at the start, not a run that nobody finds.

/// What is wrong with a run id, if anything.
pub(crate) fn run_id(id: &str) -> Result<(), String> {
    const FORBIDDEN: &[char] = &[':', ';', ',', '#', '?', '/', '\''];
    if id.is_empty() {
        return Err("must not be empty".into());
    }
    if id.trim() != id {
        return Err("must not begin or end with white space".into());
    }
    if let Some(bad) = id.chars().find(|c| FORBIDDEN.contains(c)) {
        return Err(format!("must not contain {bad:?}; none of : ; , # ? / ' is allowed in a run id"));
    }
    // Our own rule on top of W&B's: the id is part of file names.
    if id.contains(['\\', '\0']) || id.starts_with('.') || id.chars().any(char::is_control) || id.len() > 128
    {
        return Err("must be usable in a file name: at most 128 bytes, no backslash, control character or leading dot".into());
    }
    Ok(())
}

/// What is wrong with a project name, if anything.
pub(crate) fn project(name: &str) -> Result<(), String> {
    const FORBIDDEN: &[char] = &['/', '\\', '#', '?', '%', ':'];
    if name.chars().count() > 128 {
        return Err("must have at most 128 characters".into());
    }
    match name.chars().find(|c| FORBIDDEN.contains(c)) {
        Some(bad) => {
            Err(format!("must not contain {bad:?}; none of / \\ # ? % : is allowed in a project name"))
        }
        None => Ok(()),
    }
}

/// What is wrong with a tag, if anything.
pub(crate) fn tag(tag: &str) -> Result<(), String> {
    match tag.chars().count() {
        1..=64 => Ok(()),
        0 => Err("must not be empty".into()),
        n => Err(format!("has {n} characters; a tag has 1 to 64")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids() {
        for good in ["abc12345", "run 7", "ä-b_c.d"] {
            assert_eq!(super::run_id(good), Ok(()));
        }
        for bad in ["", " a", "a ", "a/b", "a:b", "a;b", "a,b", "a#b", "a?b", "a'b", "..", "a\\b", "a\nb"] {
            assert!(super::run_id(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn projects_and_tags() {
        assert!(super::project("universal-simulator").is_ok());
        assert!(super::project("a/b").is_err());
        assert!(super::project(&"p".repeat(129)).is_err());
        assert!(super::tag("x").is_ok());
        assert!(super::tag("").is_err());
        assert!(super::tag(&"ü".repeat(64)).is_ok());
        assert!(super::tag(&"ü".repeat(65)).is_err());
    }
}
