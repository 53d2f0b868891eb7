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
    password_in(&Netrc::of(&read(path)).entries, machine).map(str::to_owned)
}

/// As Python reads it, and so W&B's client: what is said last counts. What is said for all other machines does not: it is
/// no key.
fn password_in<'a>(entries: &'a [Entry], machine: &str) -> Option<&'a str> {
    let mut own = entries.iter().rev().filter(|entry| entry.machine.as_deref() == Some(machine));
    own.find_map(|entry| entry.password.as_deref())
}

/// What a netrc file says of a machine.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    /// None for all other machines.
    machine: Option<String>,
    login: Option<String>,
    account: Option<String>,
    password: Option<String>,
    /// The bytes from its first word to its last one.
    from: usize,
    to: usize,
}

impl Entry {
    /// What it says, wherever it stands.
    fn content(&self) -> [Option<&str>; 4] {
        [&self.machine, &self.login, &self.account, &self.password].map(Option::as_deref)
    }
}

/// What a netrc file has.
#[derive(Debug, Default)]
struct Netrc {
    entries: Vec<Entry>,
    /// Where the first entry or macro begins.
    first: Option<usize>,
    /// Whether the file ends inside a macro.
    in_macro: bool,
}

/// Words as Python has them: a word in double quotes may hold blanks, a backslash takes what follows as it is, a word that
/// begins with `#` where none is due begins a comment, and a macro goes to the next empty line. What is not understood is
/// left out.
impl Netrc {
    fn of(text: &str) -> Self {
        let mut netrc = Self::default();
        let mut words = Words { text, at: 0 };
        // What follows a macro belongs to no entry.
        let mut within = false;
        while let Some((from, word)) = words.next() {
            if word.starts_with('#') {
                words.skip_line();
                continue;
            }
            match word.as_str() {
                "machine" | "default" => {
                    let name = (word == "machine").then(|| words.next().unwrap_or_default().1);
                    netrc.entries.push(Entry { machine: name, from, ..Entry::default() });
                    within = true;
                }
                "macdef" => {
                    words.next();
                    within = false;
                    netrc.in_macro = !words.skip_macro();
                }
                _ => {}
            }
            if matches!(word.as_str(), "machine" | "default" | "macdef") {
                netrc.first.get_or_insert(from);
            }
            let Some(entry) = netrc.entries.last_mut().filter(|_| within) else { continue };
            let value = match word.as_str() {
                "login" | "user" => Some(&mut entry.login),
                "account" => Some(&mut entry.account),
                "password" => Some(&mut entry.password),
                _ => None,
            };
            if let Some(value) = value {
                *value = words.next().map(|(_, word)| word);
            }
            entry.to = words.at;
        }
        netrc
    }
}

/// The words of a text.
struct Words<'a> {
    text: &'a str,
    /// The byte behind the last word.
    at: usize,
}

impl Words<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next word, and where it begins.
    fn next(&mut self) -> Option<(usize, String)> {
        let rest = self.rest();
        let from = self.at + (rest.len() - rest.trim_start_matches(is_blank).len());
        let mut letters = self.text.get(from..).unwrap_or_default().char_indices();
        let (_, first) = letters.clone().next()?;
        let quoted = first == '"';
        if quoted {
            letters.next();
        }
        let mut word = String::new();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' if quoted => {
                    self.at = from + at + 1;
                    return Some((from, word));
                }
                letter if !quoted && is_blank(letter) => {
                    self.at = from + at;
                    return Some((from, word));
                }
                '\\' => word.extend(letters.next().map(|(_, letter)| letter)),
                letter => word.push(letter),
            }
        }
        self.at = self.text.len();
        Some((from, word))
    }

    /// Goes to the next line.
    fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += rest.find('\n').map_or(rest.len(), |end| end + 1);
    }

    /// Goes behind the empty line that ends a macro, whose name was the last word; false if there is none.
    fn skip_macro(&mut self) -> bool {
        self.skip_line();
        loop {
            let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
            if line.is_empty() {
                return false;
            }
            let is_end = matches!(line, "\n" | "\r\n");
            self.at += line.len();
            if is_end {
                return true;
            }
        }
    }
}

fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

/// Puts a key for a machine into the file, which only its owner can read afterwards, in the place of an older one.
///
/// The new file takes the place of the old one as a whole, so that nothing else in it can be lost.
///
/// # Errors
///
/// If the file cannot be read, or written, or does not give the key back.
pub(crate) fn write(path: &Path, machine: &str, key: &Key) -> Result<(), Failure> {
    let odd = |what| {
        let path = crate::harmless::path(path);
        Failure::Settings(format!(
            "`{path}` {what}; put `machine {machine} login user password` and the key into it yourself, or set WANDB_API_KEY"
        ))
    };
    let text = with(&read_exactly(path)?, machine, key)
        .ok_or_else(|| odd("is written in a way that leaves no place for a key"))?;
    private_file::write(path, text.as_bytes())?;
    match password(path, machine) {
        Some(stored) if stored == key.reveal() => Ok(()),
        _ => Err(odd("was written, but does not give the key back")),
    }
}

/// What is rewritten must be understood: bytes that are no text would not come back.
fn read_exactly(path: &Path) -> Result<String, Failure> {
    match small::read_text(path) {
        Ok(text) => Ok(text),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(fault("read", path, e)),
    }
}

/// The text with this key for a machine, and all else as it is; none if that cannot be.
fn with(text: &str, machine: &str, key: &Key) -> Option<String> {
    let before = Netrc::of(text).entries;
    let rest = without(text, machine, &before);
    let others_of = Netrc::of(&rest);
    let block = format!("machine {machine}\n  login user\n  password {}\n", key.reveal());
    let mut behind = rest.clone();
    if !behind.is_empty() && !behind.ends_with('\n') {
        behind.push('\n');
    }
    // An empty line ends a macro.
    if others_of.in_macro && !behind.ends_with("\n\n") {
        behind.push('\n');
    }
    behind.push_str(&block);
    // Behind what is not complete it would be a part of that.
    let (stray, rest) = rest.split_at_checked(others_of.first.unwrap_or(0))?;
    let candidates = [behind, format!("{stray}{block}{rest}")];
    let others = |entries: &[Entry]| {
        let others = entries.iter().filter(|entry| entry.machine.as_deref() != Some(machine));
        others.map(|entry| entry.content().map(|part| part.map(str::to_owned))).collect::<Vec<_>>()
    };
    candidates.into_iter().find(|text| {
        let now = Netrc::of(text).entries;
        password_in(&now, machine) == Some(key.reveal()) && others(&now) == others(&before)
    })
}

/// The text without the entries of a machine.
fn without(text: &str, machine: &str, entries: &[Entry]) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    for entry in entries.iter().filter(|entry| entry.machine.as_deref() == Some(machine)) {
        kept.push_str(text.get(at..entry.from).unwrap_or_default());
        at = entry.to;
        // A line that was the entry's alone goes with it.
        let line = kept.rsplit('\n').next().unwrap_or_default();
        let rest = text.get(at..).unwrap_or_default().trim_start_matches([' ', '\t', '\r']);
        if line.chars().all(is_blank)
            && let Some(rest) = rest.strip_prefix('\n')
        {
            at = text.len() - rest.len();
        }
    }
    kept.push_str(text.get(at..).unwrap_or_default());
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
    fn an_older_key_is_replaced_however_it_is_written() {
        let new = key("a");
        for (text, expected) in [
            ("machine h login u password #old\n", ""),
            (
                "machine a login u password p machine h login u password old\nmachine b password q\n",
                "machine a login u password p \nmachine b password q\n",
            ),
            ("machine\n h\n login u\n\n password old # mine\n", " # mine\n"),
            ("machine \"h\" password \"o l\\\"d\"\n", ""),
            ("machine h user u account x password old", ""),
            ("# machine h password no\nmachine h password old\n", "# machine h password no\n"),
            ("machine h password old\ndefault login x password y\n", "default login x password y\n"),
            ("machine h login u password one\nmachine h login u password two\n", ""),
            (
                "macdef up\nmachine h password no\n\nmachine h password old\n",
                "macdef up\nmachine h password no\n\n",
            ),
        ] {
            let written = with(text, "h", &new).unwrap();
            let block = format!("machine h\n  login user\n  password {}\n", new.reveal());
            assert_eq!(written, format!("{expected}{block}"), "{text}");
        }
        // Behind a macro without an end it would be a line of that.
        let written = with("macdef up\nput x\n", "h", &new).unwrap();
        assert!(written.starts_with("macdef up\nput x\n\nmachine h\n"), "{written}");
        // Behind a word that is due, or inside quotes.
        for text in ["machine a login u password", "machine a password \"x"] {
            let written = with(text, "h", &new).unwrap();
            assert!(written.starts_with("machine h\n") && written.ends_with(text), "{written}");
        }
    }

    #[test]
    fn what_is_said_last_counts() {
        let text = "machine h password one\nmachine h login u password two\ndefault password three\n";
        let netrc = Netrc::of(text);
        assert_eq!(password_in(&netrc.entries, "h"), Some("two"));
        assert_eq!(password_in(&netrc.entries, "other"), None);
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
        /// Whatever the file is like: the key is read afterwards, and all other entries are what they were.
        #[test]
        fn a_key_that_is_written_is_read(
            words in prop::collection::vec(
                "machine h|machine a|machine|password|login|account|default|macdef|[\"'#\\\\]|[ \t]|\r?\n|#?[a-z]{1,3}|\\PC",
                0..40,
            ),
            blanks in any::<bool>(),
        ) {
            let text = words.join(if blanks { " " } else { "" });
            let others = |text: &str| {
                let netrc = Netrc::of(text);
                let others = netrc.entries.iter().filter(|entry| entry.machine.as_deref() != Some("h"));
                others.map(|entry| entry.content().map(|part| part.map(str::to_owned))).collect::<Vec<_>>()
            };
            let before = others(&text);
            let mut now = text;
            for letter in ["a", "b"] {
                // Without any entry there may be nothing but quotes without an end.
                let Some(written) = with(&now, "h", &key(letter)) else {
                    prop_assert_eq!(Netrc::of(&now).first, None);
                    return Ok(());
                };
                now = written;
                prop_assert_eq!(password_in(&Netrc::of(&now).entries, "h").map(str::to_owned), Some(letter.repeat(40)));
                prop_assert_eq!(others(&now), before.clone());
                prop_assert_eq!(now.matches(&letter.repeat(40)).count(), 1);
            }
            prop_assert!(!now.contains(&"a".repeat(40)));
        }
    }
}
