//! Our GraphQL operations are parts of those that the real client has, and so are the facts that the test server goes by.

use std::collections::BTreeSet;
use std::fs;

use serde::Deserialize;
use ups_track_tests::graphql::{Operation, facts};
use ups_track_tests::wandb;

/// The text of an operation that begins at this place of a binary: up to the brace that closes it.
fn up_to_its_end(bytes: &[u8]) -> Option<&str> {
    let mut depth = 0_u32;
    for (at, byte) in bytes.iter().enumerate().take(20_000) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => {
                let text = std::str::from_utf8(bytes.get(..=at)?).ok()?;
                // Unless it closes the default of a variable.
                if text.matches('(').count() == text.matches(')').count() {
                    return Some(text);
                }
                depth -= 1;
            }
            b'}' => depth = depth.checked_sub(1)?,
            0 => return None,
            _ => {}
        }
    }
    None
}

/// The operations of the real client: those in its Python sources and those in its core.
fn of_the_real_client() -> BTreeSet<Operation> {
    #[derive(Deserialize)]
    struct Found {
        texts: Vec<String>,
        core: String,
    }
    let said = wandb::run_script("operations.py", &[], &[]).unwrap();
    let answer = said.lines().find_map(|line| line.strip_prefix("ANSWER ")).unwrap();
    let found: Found = serde_json::from_str(answer).unwrap();
    let mut operations: BTreeSet<_> =
        found.texts.iter().filter_map(|text| Operation::parse(text).ok()).collect();
    let python = operations.len();
    let core = fs::read(found.core).unwrap();
    for kind in [&b"query "[..], b"mutation "] {
        let begins = core.windows(kind.len()).enumerate().filter(|(_, bytes)| *bytes == kind);
        let texts = begins.filter_map(|(at, _)| up_to_its_end(core.get(at..)?));
        operations.extend(texts.filter_map(|text| Operation::parse(text).ok()));
    }
    assert!(python > 40 && operations.len() > python + 30, "{python} {}", operations.len());
    operations
}

#[test]
fn ours_are_parts_of_the_real_clients() {
    let theirs = of_the_real_client();
    for text in ups_track::api::operations() {
        let own = Operation::parse(text).unwrap();
        let same = theirs.iter().filter(|their| their.name == own.name && their.roots() == own.roots());
        let beyond = same.map(|their| own.beyond(their)).min_by_key(Vec::len);
        assert_eq!(beyond, Some(Vec::new()), "{}", own.name);
    }
}

#[test]
fn the_facts_are_those_of_the_real_client() {
    let names: BTreeSet<_> = facts().iter().map(|fact| fact.name.as_str()).collect();
    let theirs = of_the_real_client();
    let theirs: String =
        theirs.iter().filter(|their| names.contains(&*their.name)).map(ToString::to_string).collect();
    let found: String = facts().iter().map(ToString::to_string).collect();
    assert!(theirs == found, "tests/src/graphql/facts.txt should be:\n{theirs}");
}
