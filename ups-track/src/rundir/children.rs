//! The names of a run's children: each is a file in the run's directory, so that no two processes take the same.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::harmless::harmless;

/// The names that children of a run have; each has its own.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashMap<String, u64>>);

impl Names {
    /// A name that no other child of the run has, whichever process of the run has started it: `eval`, `eval-2`, ….
    pub(crate) fn take(&self, wanted: &str, run_dir: &Path) -> String {
        let name = if wanted.is_empty() { "child".to_owned() } else { file_name(wanted) };
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(name.clone()).or_default();
        loop {
            *count += 1;
            let name = if *count == 1 { name.clone() } else { format!("{name}-{count}") };
            if claim(run_dir, &name) {
                return name;
            }
        }
    }
}

/// Bytes that a name may have; the shortest limit of file systems is 255, and a number comes behind it.
const LONGEST: usize = 200;

/// A name as that of a file and as a part of a key. What cannot be in either is written `%2F`, as in addresses, so that
/// names that differ stay different.
fn file_name(wanted: &str) -> String {
    let mut name = String::with_capacity(wanted.len());
    let mut rest = wanted.chars();
    while let Some(c) = rest.next() {
        let is_hex = |code: &str| code.bytes().all(|b| b.is_ascii_hexdigit());
        let is_code = c == '%' && rest.as_str().get(..2).is_some_and(is_hex);
        if is_code || matches!(c, '/' | '\\') || harmless(c) != c {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing into a `String` cannot fail.
                let _ = write!(name, "%{byte:02X}");
            }
        } else {
            name.push(c);
        }
    }
    if name.len() > LONGEST {
        while name.len() > LONGEST - 10 {
            name.pop();
        }
        let _ = write!(name, "~{:08x}", crc32fast::hash(wanted.as_bytes()));
    }
    name
}

/// Takes a name for all processes of the run; false if one of them has it. Where no file can be made, nobody has.
fn claim(run_dir: &Path, name: &str) -> bool {
    let place = run_dir.join("children");
    // Most often it is there.
    drop(fs::create_dir(&place));
    let claimed = fs::OpenOptions::new().write(true).create_new(true).open(place.join(name));
    !claimed.is_err_and(|e| e.kind() == io::ErrorKind::AlreadyExists)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_that_differ_stay_different(a in "[a%/2F\\\\損\n\u{202e}]{1,6}", b in "[a%/2F\\\\損\n\u{202e}]{1,6}") {
            prop_assert_eq!(file_name(&a) == file_name(&b), a == b);
        }

        #[test]
        fn any_name_can_be_that_of_a_file(name in "\\PC{1,300}|[\0-\u{ff}]{1,100}") {
            let name = file_name(&name);
            prop_assert!(name.len() <= LONGEST && !name.contains(['/', '\0']), "{}", name);
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let [a, b] = ["a", "b"].map(|end| file_name(&format!("{}{end}", "損".repeat(100))));
        assert!(a != b && a.len() <= LONGEST && a.starts_with("損損"), "{a}");
    }

    #[test]
    fn every_child_has_its_own_name() {
        let dir = tempfile::tempdir().unwrap();
        let take = |names: &Names, wanted| names.take(wanted, dir.path());
        let names = Names::default();
        assert_eq!(
            ["eval", "eval", "a b/ü", "データ", "モデル", "", ".."].map(|wanted| take(&names, wanted)),
            ["eval", "eval-2", "a b%2Fü", "データ", "モデル", "child", "..-2"]
        );
        let of_another_process = Names::default();
        assert_eq!(["eval", "train"].map(|wanted| take(&of_another_process, wanted)), ["eval-3", "train"]);
        assert_eq!(take(&names, "train"), "train-2");
        assert_eq!(names.take("eval", Path::new("/dev/null")), "eval-3");
    }
}
