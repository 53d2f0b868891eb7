//! Arrows between the folders of the library run one way: each may name only those that stand before it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

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

/// What of `upload/` stands below the rest, the lowest first. What is not here may name all of it.
const UPLOAD: &[&str] =
    &["failure", "writer", "leftover", "transport", "server", "run", "journal", "state", "transfer"];

/// Folders whose files name each other without a circle.
const WITHOUT_CIRCLES: &[&str] = &["upload/transport", "upload/server", "upload/transfer"];

/// The code of a source file: without its tests and comments.
fn code(source: &str) -> String {
    let code = source.split("#[cfg(test)]\n").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect()
}

/// The first name of a path.
fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// What a code names behind a path such as `crate::`.
fn behind(code: &str, path: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(path) {
        // The end of a longer path or word.
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = group.split(';').next().unwrap_or_default();
                // Inner groups are items of a module, and the module stands in front of them.
                let mut depth = 0_usize;
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
    found.remove("");
    found
}

/// The modules of the crate that a source file names, tests and comments aside.
fn named(source: &str) -> BTreeSet<String> {
    let mut found = behind(&code(source), "crate::");
    found.retain(|name| ORDER.contains(&name.as_str()));
    found
}

/// The modules of a folder, and which of them each names; `mod` is what `mod.rs` itself defines.
fn inside(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let root = source_root();
    let dir = root.join(folder);
    let own = code(&fs::read_to_string(dir.join("mod.rs")).unwrap());
    let mut files = BTreeMap::<String, Vec<(usize, String)>>::new();
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if module == "mod" || module == "tests" {
            continue;
        }
        let mut sources_of = Vec::new();
        if path.is_dir() {
            sources(&path, &mut sources_of);
        } else {
            sources_of.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
        // How many folders a file is below this one.
        let depth = |file: &str| Path::new(file).strip_prefix(&dir).unwrap().components().count() - 1;
        let sources_of = sources_of.into_iter().map(|(file, source)| (depth(&file), code(&source)));
        files.insert(module, sources_of.collect());
    }
    // What `mod.rs` passes on, by the name of the item.
    let mut passed = BTreeMap::new();
    for module in files.keys() {
        for item in behind(&own, &format!("{module}::")) {
            passed.insert(item, module.clone());
        }
    }
    let resolve = |name: String| {
        if files.contains_key(&name) {
            name
        } else {
            passed.get(&name).cloned().unwrap_or_else(|| "mod".to_owned())
        }
    };
    let absolute = format!("crate::{}::", folder.replace('/', "::"));
    let mut all: BTreeMap<String, BTreeSet<String>> = files
        .iter()
        .map(|(module, sources)| {
            let names = sources.iter().flat_map(|(depth, code)| {
                let up = "super::".repeat(depth + 1);
                let names: Vec<String> =
                    behind(code, &absolute).into_iter().chain(behind(code, &up)).collect();
                names.into_iter().filter(|name| name != "super")
            });
            let names = names.map(resolve).filter(|name| name != module).collect();
            (module.clone(), names)
        })
        .collect();
    // What it only passes on is none of its own names.
    let own: String = own.lines().filter(|line| !line.contains("pub(") || !line.contains(" use ")).collect();
    let named = files.keys().filter(|module| !behind(&own, &format!("{module}::")).is_empty());
    all.insert("mod".to_owned(), named.cloned().collect());
    all
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ups-track/src")
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
    let root = source_root();
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
fn the_layers_of_an_upload_name_only_lower_ones() {
    let modules = inside("upload");
    for (rank, layer) in UPLOAD.iter().enumerate() {
        for name in &modules[*layer] {
            let place = UPLOAD.iter().position(|other| other == name);
            assert!(place.is_some_and(|place| place < rank), "upload: `{layer}` names `{name}`");
        }
    }
    // What carries bytes knows no key: it cannot name who has one.
    assert_eq!(modules["transport"].iter().collect::<Vec<_>>(), ["failure"]);
}

#[test]
fn files_of_a_folder_name_each_other_without_a_circle() {
    for folder in WITHOUT_CIRCLES {
        let mut modules = inside(folder);
        assert!(modules.len() > 3, "{folder}");
        // Whoever names nobody that is left can stand below all that are left.
        while let Some(free) =
            modules.iter().find(|(_, names)| names.is_empty()).map(|(name, _)| name.clone())
        {
            modules.remove(&free);
            for names in modules.values_mut() {
                names.retain(|name| *name != free);
            }
        }
        assert!(modules.is_empty(), "a circle in `{folder}`: {modules:#?}");
    }
}

#[test]
fn names_are_found() {
    let source = "use crate::run::{Run, log};\nuse crate::{os, say::{note, ends}};\n// crate::cli\nfn f() { crate::json::g() }\n\
                  #[cfg(test)]\nmod tests { use crate::api; }\n";
    assert_eq!(named(source).into_iter().collect::<Vec<_>>(), ["json", "os", "run", "say"]);
    let code = "use super::{a, b::C};\nuse super::super::d;\nfn f() { super::e::g() }\n";
    assert_eq!(behind(code, "super::").into_iter().collect::<Vec<_>>(), ["a", "b", "e", "super"]);
    assert_eq!(behind(code, "super::super::").into_iter().collect::<Vec<_>>(), ["d"]);
    // `state` names `Writer`, which `mod.rs` passes on, and `transfer` the state.
    let upload = inside("upload");
    assert!(upload["state"].contains("writer") && upload["transfer"].contains("state"));
    assert!(upload["log"].contains("sender"));
}
