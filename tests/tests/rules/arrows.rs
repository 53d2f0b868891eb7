//! Arrows between the folders of the library run one way: each may name only those that stand before it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The folders and files of `ups-track/src`, the lowest first. ARCHITECTURE.md says what each is.
const ORDER: &[&str] = &[
    "harmless",
    "thumbnail",
    "shown",
    "kinds",
    "secrets",
    "os",
    "say",
    "log",
    "terminal",
    "json",
    "tree",
    "error",
    "recorder",
    "ledger",
    "settings",
    "context",
    "direct",
    "layer",
    "ends",
    "shards",
    "rundir",
    "merge",
    "ranks",
    "upload",
    "run",
    "processes",
    "subscriber",
    "private",
    "api",
    "testing",
    "cli",
];

/// The modules of the crate that a source file names, tests and comments aside.
fn named(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]\n").next().unwrap_or_default();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let word =
            |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = group.split(';').next().unwrap_or_default();
                // Inner groups are items of a module, and the module stands in front of them.
                let mut depth = 0;
                for part in group.split_inclusive(['{', '}', ',']) {
                    if depth == 0 {
                        found.insert(word(part.trim_start()));
                    }
                    depth += part.matches('{').count();
                    depth = depth.saturating_sub(part.matches('}').count());
                }
            }
            None => {
                found.insert(word(rest));
            }
        }
    }
    found.retain(|name| ORDER.contains(&name.as_str()));
    found
}

fn sources(dir: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs")
            && path.file_stem().is_none_or(|name| name != "tests")
        {
            into.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn arrows_run_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ups-track/src");
    let mut wrong = Vec::new();
    let mut modules = BTreeSet::new();
    for entry in fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if ["lib", "main", "guide"].contains(&module.as_str()) {
            continue;
        }
        let mut files = Vec::new();
        if path.is_dir() {
            sources(&path, &mut files);
        } else {
            files.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
        let Some(rank) = ORDER.iter().position(|name| *name == module) else {
            panic!("`{module}` has no place in the order: give it one here and in ARCHITECTURE.md");
        };
        for (file, source) in files {
            for name in named(&source).into_iter().filter(|name| *name != module) {
                if ORDER.iter().position(|other| *other == name) >= Some(rank) {
                    wrong.push(format!("{file}: `{module}` names `{name}`"));
                }
            }
        }
        modules.insert(module);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(modules.len(), ORDER.len(), "a name in the order is no module any more");
}

#[test]
fn names_are_found() {
    let source = "use crate::run::{Run, log};\nuse crate::{os, say::{note, ends}};\n// crate::cli\nfn f() { crate::json::g() }\n\
                  #[cfg(test)]\nmod tests { use crate::api; }\n";
    assert_eq!(named(source).into_iter().collect::<Vec<_>>(), ["json", "os", "run", "say"]);
}
