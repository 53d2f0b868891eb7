//! Logs with keys and values that are nested as deep as nobody means it.

use ups_track::log::record::{Config, History, Item, Kind, Summary};
use ups_track_tests::server::Server;

use crate::records::insert;
use crate::{Recorded, Said, command, marker, on, record, said};

/// What is done with a log.
const COMMANDS: [&[&str]; 9] = [
    &["show", "--all"],
    &["export"],
    &["export", "--format", "csv"],
    &["export", "--what", "summary"],
    &["export", "--what", "summary", "--format", "csv"],
    &["export", "--what", "config"],
    &["verify"],
    &["merge"],
    &["sync"],
];

/// A run with these items in a row, the config and the summary.
fn with(id: &str, items: &[Item]) -> Recorded {
    let recorded = record(id, 3);
    let update = items.to_vec();
    insert(&recorded.log, Kind::Config(Config { update, ..Config::default() }));
    insert(&recorded.log, Kind::Summary(Summary { update: items.to_vec(), ..Summary::default() }));
    let remove = items.iter().map(|item| Item { value_json: String::new(), ..item.clone() });
    let remove = remove.filter(|item| item.nested_key.last().is_some_and(|last| last == "gone")).collect();
    insert(&recorded.log, Kind::Summary(Summary { remove, ..Summary::default() }));
    insert(&recorded.log, Kind::History(History { item: items.to_vec(), step: None }));
    recorded
}

fn item(path: Vec<&str>, value: &str) -> Item {
    let nested_key = path.into_iter().map(str::to_owned).collect();
    Item { key: String::new(), nested_key, value_json: value.to_owned() }
}

/// Nothing makes the command crash.
#[track_caller]
fn each_command(server: &Server, recorded: &Recorded) -> Vec<Said> {
    let home = tempfile::tempdir().unwrap();
    let said = |words: &&[&str]| said(command(server, home.path()).args(*words).arg(&recorded.dir));
    COMMANDS.iter().map(said).collect()
}

#[test]
fn keys_of_many_parts_are_there() {
    for parts in [31, 32, 33, 10_000] {
        let path = |last| std::iter::repeat_n("a", parts - 1).chain([last]).collect::<Vec<_>>();
        let items = [
            item(path("x"), "1.5"),
            item(path("o"), r#"{"p":{"q":2}}"#),
            item(path("gone"), "3"),
            item(vec!["plain"], "4"),
        ];
        let recorded = with(&format!("parts-{parts}"), &items);
        let server = Server::start();
        for (words, said) in COMMANDS.iter().zip(each_command(&server, &recorded)) {
            assert_eq!(said.code, 0, "{words:?} {parts}: {}", said.err);
        }
        assert!(marker(&recorded.log).exists());
        assert_eq!(server.violations(), []);
        let run = on(&server, &format!("parts-{parts}"));
        let rows = run.history();
        let row = rows.last().unwrap();
        // 32 levels are kept apart, and the rest is one key.
        let above = parts.min(32) - 1;
        let last = |last: &str| {
            let rest = std::iter::repeat_n("a", parts - 1 - above).chain([last]);
            rest.collect::<Vec<_>>().join(".")
        };
        let (config, summary) = (run.config(), run.summary());
        for (values, keeps) in [(row, true), (&config, true), (&summary, false)] {
            let mut below = values;
            for _ in 0..above {
                below = below["a"].as_object().unwrap();
            }
            assert_eq!(below[&last("x")], 1.5, "{parts}");
            assert_eq!(below[&last("o")]["p"]["q"], 2, "{parts}");
            assert_eq!(below.contains_key(&last("gone")), keeps, "{parts}");
            assert_eq!(values["plain"], 4);
        }
    }
}

#[test]
fn a_key_of_a_million_parts_is_no_crash() {
    let parts = std::iter::repeat_n("a", 1_000_000).collect();
    let recorded = record("million", 3);
    let update = vec![item(parts, "1.5")];
    insert(&recorded.log, Kind::Config(Config { update: update.clone(), ..Config::default() }));
    insert(&recorded.log, Kind::Summary(Summary { update, ..Summary::default() }));
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    for words in ["show", "verify", "sync"] {
        let said = said(command(&server, home.path()).arg(words).arg(&recorded.dir));
        assert_eq!(said.code, 0, "{words}: {}", said.err);
    }
    assert_eq!(server.violations(), []);
    let mut below = on(&server, "million").summary();
    for _ in 1..32 {
        below = below["a"].as_object().unwrap().clone();
    }
    assert_eq!(below.values().collect::<Vec<_>>(), [1.5]);
    assert_eq!(below.keys().map(String::len).collect::<Vec<_>>(), [(1_000_000 - 31) * 2 - 1]);
}

#[test]
fn values_however_deep_make_nothing_crash() {
    for (depth, fine) in [(90, true), (100_000, false)] {
        let list = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let object = format!("{}1{}", r#"{"k":"#.repeat(depth), "}".repeat(depth));
        let mixed = format!("{}1{}", r#"[{"k":"#.repeat(depth / 2), "}]".repeat(depth / 2));
        let items =
            [item(vec!["list"], &list), item(vec!["object"], &object), item(vec!["in", "mixed"], &mixed)];
        let recorded = with(&format!("deep-{depth}"), &items);
        let server = Server::start();
        for (words, said) in COMMANDS.iter().zip(each_command(&server, &recorded)) {
            // A server need not take what is very deep; then it is told.
            let is_fine = said.code == 0 || (!fine && words[0] == "sync" && [1, 2].contains(&said.code));
            assert!(is_fine, "{words:?} {depth}: {} {}", said.code, said.err);
        }
        let config = std::fs::read_to_string(recorded.dir.join("files/config.yaml")).unwrap();
        assert!(config.contains("lr:") && config.contains("list:") && config.contains("mixed"), "{config}");
        if fine {
            assert_eq!(server.violations(), []);
            let run = on(&server, &format!("deep-{depth}"));
            assert_eq!(run.summary()["list"].to_string(), list);
            assert_eq!(run.config()["object"].to_string(), object);
        }
    }
}
