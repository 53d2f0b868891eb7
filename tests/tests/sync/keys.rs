//! Keys that differ are different on the server, and when they are read back.

use serde_json::json;
use ups_track::api::{Api, Filter};
use ups_track_tests::server::{API_KEY, Server};

use crate::{on, record_with, sync};

/// W&B takes all of these.
const KEYS: [&str; 12] = [
    "損失",
    "精度",
    "%acc",
    "_acc",
    "x_acc",
    "a b",
    "a_b",
    "a.b",
    "a*",
    "a\\.b",
    "q\"\\",
    "x\u{1b}\n\u{202e}",
];

#[test]
fn keys_stay_different_up_to_the_server_and_back() {
    let server = Server::start();
    let numbers = || (0..).zip(KEYS).map(|(number, key)| (key, number));
    let recorded = record_with(
        "keys",
        |builder| builder.config(&numbers().collect::<Vec<_>>()[..]),
        |run| {
            run.log(1, &numbers().collect::<Vec<_>>()[..]);
            let summary: Vec<_> = numbers().map(|(key, number)| (format!("s/{key}"), number)).collect();
            run.summarize(&summary[..]);
        },
    );
    let said = sync(&server, &recorded.log, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let run = on(&server, "keys");
    let row = run.history().remove(0);
    let (config, summary) = (run.config(), run.summary());
    for (key, number) in numbers() {
        let want = json!(number);
        assert_eq!(row.get(key), Some(&want), "{key}: {row:?}");
        assert_eq!(config.get(key), Some(&want), "{key}: {config:?}");
        assert_eq!(summary.get(key), Some(&want), "{key}: {summary:?}");
        assert_eq!(summary.get(&format!("s/{key}")), Some(&want), "{key}: {summary:?}");
    }
    // A key that ends with a star is no definition of all that begin as it does.
    let globs = run.internal()["m"].to_string();
    assert!(!globs.contains("a*"), "{globs}");

    let api = Api::builder().base_url(server.url()).api_key(API_KEY).entity("test-entity").build().unwrap();
    let read = api.run("p/keys").unwrap();
    for (key, number) in numbers() {
        assert_eq!(read.summary().value::<u64>(&format!("s/{key}")).unwrap(), number, "{key}");
        let row = read.history().keys([key]).rows().unwrap().next().unwrap().unwrap();
        assert_eq!(row.value::<u64>(key).unwrap(), number, "{key}");
    }
    let found = api.runs("p").filter(Filter::config("損失").lt(1)).first().unwrap();
    assert_eq!(found.map(|run| run.id().to_owned()).as_deref(), Some("keys"));
}
