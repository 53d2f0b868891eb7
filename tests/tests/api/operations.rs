//! Our GraphQL operations are parts of those of the real client, by the facts about it.

use std::fs;
use std::path::Path;

use ups_track_tests::graphql::{Operation, facts};

/// How many operations the sources below a directory have.
fn in_sources(dir: &Path) -> usize {
    let operation = regex::Regex::new(r#"(query|mutation) [A-Z]\w+ ?[({]|of_run!\(\s*""#).unwrap();
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let count = |path: std::path::PathBuf| {
        if path.is_dir() {
            return in_sources(&path);
        }
        let code = fs::read_to_string(path).unwrap_or_default();
        let code =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        operation.find_iter(&code).count()
    };
    entries.map(count).sum()
}

#[test]
fn each_is_a_part_of_one_of_the_real_client() {
    let own = ups_track::api::operations();
    for text in &own {
        let own = Operation::parse(text).unwrap();
        let same = facts().iter().filter(|fact| fact.name == own.name && fact.roots() == own.roots());
        let beyond = same.map(|fact| own.beyond(fact)).min_by_key(Vec::len);
        assert_eq!(beyond, Some(Vec::new()), "{}", own.name);
    }
    // None was forgotten.
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ups-track/src");
    assert_eq!(in_sources(&sources), own.len());
}
