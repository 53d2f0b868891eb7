//! Answers that no good server gives.

use serde_json::json;
use ups_track::api::Error;
use ups_track_tests::server::{Fault, Place, Server};

use crate::{api, many, with_rows};

#[test]
fn what_is_not_understood_is_said_fit_for_a_terminal() {
    for answer in [
        &b"<!DOCTYPE html><title>Sign in</title>"[..],
        br#"{"data":{"project":7}}"#,
        br#"{"data":{"project":{"run":"\u001b[2J"}}}"#,
        br#"{"data":{"project":{"run":{"name":7}}}}"#,
        br#"{"data":{"project":{"run":{"name":"r","config":"{\"lr"}}}}"#,
        br#"{"data":{"project":{"run":{"name":"r","config":"[\"\\u001b[2J\"]"}}}}"#,
        br#"{"data":{"project":{"run":{"name":"r","summaryMetrics":7}}}}"#,
    ] {
        let server = Server::start();
        server.fail(Place::Operation("Run"), &Fault::AnswerOnly(answer), 1);
        let error = api(&server).run("r").unwrap_err();
        let text = String::from_utf8_lossy(answer);
        assert!(matches!(error, Error::Answer { .. }), "{text}: {error:?}");
        assert!(!error.to_string().contains('\u{1b}') && error.to_string().contains("me/p/r"), "{error}");
    }
    let server = Server::start();
    let refusal = br#"{"errors":[{"message":"\u001b[2Jnot today"}]}"#;
    server.fail(Place::Operation("Run"), &Fault::AnswerOnly(refusal), 1);
    let error = api(&server).run("r").unwrap_err();
    assert!(
        matches!(error, Error::Refused { .. }) && error.to_string().contains("\u{241b}[2Jnot today"),
        "{error}"
    );
    // Without data and without errors there is nothing of this name.
    for nothing in
        [&b"{}"[..], br#"{"data":null}"#, br#"{"data":{"project":null}}"#, br#"{"data":{"project":{}}}"#]
    {
        server.fail(Place::Operation("Run"), &Fault::AnswerOnly(nothing), 1);
        assert!(matches!(api(&server).run("r").unwrap_err(), Error::NotFound { .. }));
    }
}

#[test]
fn one_odd_run_does_not_hide_the_others() {
    let server = Server::start();
    many(&server, 1);
    let answer = br#"{"data":{"project":{"runs":{"edges":[{"node":{"name":"a","config":"{}"}},{"node":{"name":"b","config":"nonsense"}},
        {"node":{}},{"node":{"name":"c"}}],"pageInfo":{"hasNextPage":false,"endCursor":null}}}}}"#;
    server.fail(Place::Operation("Runs"), &Fault::AnswerOnly(answer), 1);
    let runs: Vec<_> = api(&server).runs("p").list().unwrap().collect();
    let ids: Vec<_> = runs.iter().map(|run| run.as_ref().ok().map(ups_track::api::Run::id)).collect();
    assert_eq!(ids, [Some("a"), None, None, Some("c")]);
    assert!(runs[1].as_ref().unwrap_err().to_string().contains("the config of run `me/p/b`"), "{runs:?}");
    let bare = runs[3].as_ref().unwrap();
    assert_eq!((bare.name(), bare.state(), bare.config().len(), bare.tags().len()), ("c", "", 0, 0));
}

#[test]
fn lists_have_an_end() {
    let server = Server::start();
    many(&server, 1);
    let page = |info: &str| {
        let text = format!(r#"{{"data":{{"project":{{"runs":{{"edges":[],"pageInfo":{info}}}}}}}}}"#);
        Fault::AnswerOnly(text.leak().as_bytes())
    };
    // More, and no way to it.
    server.fail(Place::Operation("Runs"), &page(r#"{"hasNextPage":true,"endCursor":null}"#), 1);
    assert!(matches!(api(&server).runs("p").list().unwrap_err(), Error::Answer { .. }));
    // A page that leads to itself.
    server.fail(Place::Operation("Runs"), &page(r#"{"hasNextPage":true,"endCursor":"x"}"#), 2);
    let runs: Vec<_> = api(&server).runs("p").list().unwrap().collect();
    assert!(matches!(&runs[..], [Err(Error::Answer { .. })]), "{runs:?}");
}

#[test]
fn histories_have_an_end() {
    let server = Server::start();
    server.insert(with_rows("r", &json!({}), &json!({}), Vec::new()));
    let run = api(&server).run("r").unwrap();
    let keys = |last: &str| {
        let text = format!(r#"{{"data":{{"project":{{"run":{{"historyKeys":{{"lastStep":{last}}}}}}}}}}}"#);
        Fault::AnswerOnly(text.leak().as_bytes())
    };
    let end = |last: &str| {
        server.fail(Place::Operation("RunHistoryKeys"), &keys(last), 1);
        run.history().rows()
    };
    // So many steps, and no row: soon over.
    assert_eq!(end("9223372036854775807").unwrap().count(), 0);
    assert_eq!(end("-7").unwrap().count(), 0);
    assert_eq!(end("4.0").unwrap().count(), 0);
    assert!(matches!(end("\"soon\"").unwrap_err(), Error::Answer { .. }));
    // A server that gives the same rows whatever is asked for.
    let same = br#"{"data":{"project":{"run":{"history":["{\"_step\":7}"]}}}}"#;
    server.fail(Place::Operation("HistoryPage"), &Fault::AnswerOnly(same), 2);
    let rows: Vec<_> = {
        server.fail(Place::Operation("RunHistoryKeys"), &keys("15"), 1);
        run.history().per_page(8).rows()
    }
    .unwrap()
    .collect();
    assert!(matches!(&rows[..], [Ok(_), Err(Error::Answer { .. })]), "{rows:?}");
    let odd = br#"{"data":{"project":{"run":{"history":["{\"_step\":0}","nonsense \u001b"]}}}}"#;
    server.fail(Place::Operation("HistoryPage"), &Fault::AnswerOnly(odd), 1);
    let rows: Vec<_> = end("15").unwrap().collect();
    let [Err(error)] = &rows[..] else { unreachable!("{rows:?}") };
    assert!(matches!(error, Error::Answer { .. }) && !error.to_string().contains('\u{1b}'), "{error}");
}

#[test]
fn a_huge_answer_is_cut_off() {
    let server = Server::start();
    many(&server, 1);
    server.fail(Place::Operation("Runs"), &Fault::Huge(40_000_000), 1);
    let error = api(&server).runs("p").list().unwrap_err();
    assert!(matches!(error, Error::Answer { .. }) && error.to_string().contains("more than"), "{error}");
}
