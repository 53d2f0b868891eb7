//! The netrc file, where W&B's client and ours keep the key.

use std::io;
use std::path::{Path, PathBuf};

use super::key::Key;
use super::private_file;
use crate::os::small;
use crate::settings::{Sources, out_of_reach};
use crate::upload::Failure;

/// The netrc file; none if nobody knows a home directory.
pub(super) fn place(sources: &Sources) -> Option<PathBuf> {
    if let Some(given) = sources.var_path("NETRC") {
        return Some(given);
    }
    let home = sources.home.as_ref()?;
    let (usual, other) = (home.join(".netrc"), home.join("_netrc"));
    if usual.exists() || (!other.exists() && !cfg!(windows)) { Some(usual) } else { Some(other) }
}

fn fault(action: &'static str, path: &Path, source: io::Error) -> Failure {
    Failure::File { action, path: path.to_owned(), source }
}

fn read(path: &Path) -> String {
    match small::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) => {
            out_of_reach(path, &e);
            String::new()
        }
    }
}

/// The password of a machine, if the file has one.
pub(super) fn password(path: &Path, machine: &str) -> Option<String> {
    let text = read(path);
    let mut words = words(&text).into_iter();
    let mut ours = false;
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" => ours = words.next().is_some_and(|name| name == machine),
            "default" => ours = false,
            "login" | "account" => drop(words.next()),
            "password" => {
                let password = words.next();
                if ours && password.is_some() {
                    return password;
                }
            }
            _ => {}
        }
    }
    None
}

/// The words of a netrc file: quotes may hold blanks, `#` begins a comment, and a macro goes to the next empty line.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut in_macro = false;
    for line in text.lines() {
        if in_macro {
            in_macro = !line.trim().is_empty();
            continue;
        }
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next().filter(|first| *first != '#') {
            let (word, after) = if matches!(first, '"' | '\'') { quoted(rest, first) } else { plain(rest) };
            in_macro |= word == "macdef";
            words.push(word);
            rest = after.trim_start();
        }
    }
    words
}

fn plain(text: &str) -> (String, &str) {
    let (word, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    (word.to_owned(), rest)
}

fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut word = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            c if escaped => {
                word.push(c);
                escaped = false;
            }
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return (word, text.get(at + 1..).unwrap_or_default()),
            c => word.push(c),
        }
    }
    (word, "")
}

/// Puts a key for a machine into the file, which only its owner can read afterwards, in the place of an older one.
///
/// The new file takes the place of the old one as a whole, so that nothing else in it can be lost.
pub(crate) fn write(path: &Path, machine: &str, key: &Key) -> Result<(), Failure> {
    let mut text = without(&read_exactly(path)?, machine);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let block = format!("machine {machine}\n  login user\n  password {}\n", key.reveal());
    text.push_str(&block);
    private_file::write(path, text.as_bytes())
}

/// What is rewritten must be understood: bytes that are no text would not come back.
fn read_exactly(path: &Path) -> Result<String, Failure> {
    match small::read_text(path) {
        Ok(text) => Ok(text),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(fault("read", path, e)),
    }
}

/// The text without the block of a machine: from its line to the next block.
fn without(text: &str, machine: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut ours = false;
    for line in text.split_inclusive('\n') {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("machine") => {
                ours = words.next().is_some_and(|name| name.trim_matches(['"', '\'']) == machine);
            }
            Some("default" | "macdef") => ours = false,
            _ => {}
        }
        if !ours {
            kept.push_str(line);
        }
    }
    kept
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    const OTHERS: &str = "# mine\nmachine a.org login me password \"x y\\\"z\"\n\nmacdef init\nmachine h password no\n\ndefault login x password y\n";

    fn key(letter: &str) -> Key {
        Key::new(&letter.repeat(40)).unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".netrc");
        fs::write(&path, OTHERS).unwrap();
        assert_eq!(password(&path, "h"), None);
        for letter in ["a", "b"] {
            write(&path, "h:8080", &key(letter)).unwrap();
            assert_eq!(password(&path, "h:8080"), Some(letter.repeat(40)));
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(OTHERS) && text.matches("h:8080").count() == 1, "{text}");
        assert_eq!(password(&path, "a.org").as_deref(), Some("x y\"z"));
        assert_eq!(password(&path, "h"), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_is_no_text_is_not_rewritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".netrc");
        fs::write(&path, b"machine \xff password x\n").unwrap();
        assert!(write(&path, "h", &key("a")).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"machine \xff password x\n");
    }

    proptest! {
        #[test]
        fn never_panics(text in "(machine|password|login|default|macdef|[\"'#\\\\ \n]|\\PC){0,40}") {
            drop(words(&text));
            drop(without(&text, "h"));
        }
    }
}
