//! The test server itself: what it keeps, and what it objects to.
#![expect(clippy::unwrap_used, reason = "tests end by panicking")]

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use ups_track_tests::server::{API_KEY, Alert, Run, RunKey, Server, Stream, Violation};

const KEY: &str = "Authorization: Basic YXBpOnVwc190cmFja190ZXN0X3NlcnZlcl9rZXlfMDEyMzQ1Njc4OWFiY2Q=";
const WRONG_KEY: &str = "Authorization: Basic YXBpOm90aGVy";
const UPLOAD: &str = "X-Test-Storage: signed";
const STREAM: &str = "/files/test-entity/p/r1/file_stream";

/// A request as bytes on a connection; the status and the body of the answer.
fn send(server: &Server, method: &str, path: &str, headers: &[&str], body: &str) -> (u16, String) {
    let length = format!("Content-Length: {}", body.len());
    let json = if method == "POST" { "Content-Type: application/json" } else { "X-Nothing: here" };
    let usual = [&[length.as_str(), json], headers].concat();
    send_bare(server, method, path, &usual, body)
}

/// The same, with no headers but those of the caller.
fn send_bare(server: &Server, method: &str, path: &str, headers: &[&str], body: &str) -> (u16, String) {
    let host = server.url().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(host).unwrap();
    let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    connection.write_all(format!("{head}{headers}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// One of our operations with the key; `data` of the answer, or its `errors`.
fn graphql(server: &Server, operation: &str, variables: &Value) -> Result<Value, Value> {
    let begin = format!(" {operation}(");
    let query = ups_track::api::operations().into_iter().find(|text| text.contains(&begin)).unwrap();
    let body = json!({"operationName": operation, "query": query, "variables": variables}).to_string();
    let (status, answer) = send(server, "POST", "/graphql", &[KEY], &body);
    assert_eq!(status, 200, "{answer}");
    let mut answer: Value = serde_json::from_str(&answer).unwrap();
    if answer["errors"].is_null() { Ok(answer["data"].take()) } else { Err(answer["errors"].take()) }
}

fn upsert(server: &Server, variables: &Value) -> Result<Value, Value> {
    graphql(server, "UpsertBucket", variables).map(|mut data| data["upsertBucket"].take())
}

/// A server with the run `r1` in the project `p`.
fn server_with_run() -> Server {
    let server = Server::start();
    upsert(&server, &json!({"name": "r1", "project": "p"})).unwrap();
    server
}

fn key() -> RunKey {
    RunKey::new("test-entity", "p", "r1")
}

fn run(server: &Server) -> Run {
    server.run(&key()).unwrap()
}

/// Sends lines to a stream of the run.
fn lines(server: &Server, stream: Stream, offset: usize, content: &[&str]) -> u16 {
    let body = json!({"files": {stream.name(): {"offset": offset, "content": content}}});
    send(server, "POST", STREAM, &[KEY], &body.to_string()).0
}

#[test]
fn a_run_is_created_and_updated() {
    let server = Server::start();
    let config = r#"{"lr":{"value":0.1},"_wandb":{"value":{"t":{"5":"0.1"},"m":[{"1":"loss"}]}}}"#;
    let answer =
        upsert(&server, &json!({"name": "r1", "config": config, "tags": ["a"], "notes": "n"})).unwrap();
    assert_eq!(answer["inserted"], true);
    assert_eq!(answer["bucket"]["project"]["name"], "uncategorized");
    assert_eq!(answer["bucket"]["project"]["entity"]["name"], "test-entity");

    let id = &answer["bucket"]["id"];
    let answer = upsert(&server, &json!({"id": id, "displayName": "A name", "tags": null})).unwrap();
    assert_eq!(answer["inserted"], false);
    let run = server.run(&RunKey::new("test-entity", "uncategorized", "r1")).unwrap();
    assert_eq!((run.display_name.as_deref(), run.notes.as_deref()), (Some("A name"), Some("n")));
    assert_eq!(run.tags, ["a"]);
    assert_eq!(Value::Object(run.config()), json!({"lr": 0.1}));
    assert_eq!(run.metrics()[0].name, "loss");
    assert_eq!(server.violations(), []);
}

#[test]
fn lines_lie_where_their_offset_says() {
    let server = server_with_run();
    assert_eq!(lines(&server, Stream::History, 0, &[r#"{"_step":0}"#, r#"{"_step":4,"a":NaN}"#]), 200);
    assert_eq!(lines(&server, Stream::History, 2, &[r#"{"_step":5}"#]), 200);
    // A request whose answer got lost is sent again.
    assert_eq!(lines(&server, Stream::History, 2, &[r#"{"_step":5}"#]), 200);
    assert_eq!(lines(&server, Stream::Summary, 0, &[r#"{"a":1}"#]), 200);
    assert_eq!(lines(&server, Stream::Summary, 0, &[r#"{"a":2}"#]), 200);
    let line = |text: &str| format!("2026-11-23T03:10:30.376610 {text}");
    assert_eq!(lines(&server, Stream::Console, 0, &[&line("one"), &line("10%")]), 200);
    assert_eq!(lines(&server, Stream::Console, 1, &[&line("20%"), &line("")]), 200);

    let run = run(&server);
    assert_eq!(json!(run.history()), json!([{"_step": 0}, {"_step": 4, "a": "<NaN>"}, {"_step": 5}]));
    assert_eq!(Value::Object(run.summary()), json!({"a": 2}));
    let console: Vec<_> = run.console().into_iter().map(|line| line.text).collect();
    assert_eq!(console, ["one", "20%", ""]);
    assert_eq!(run.stream_requests, 7);
    assert_eq!(server.violations(), []);
}

#[test]
fn lost_and_changed_lines_are_noticed() {
    let server = server_with_run();
    lines(&server, Stream::History, 0, &[r#"{"_step":3}"#]);
    lines(&server, Stream::History, 2, &[r#"{"_step":9}"#]);
    lines(&server, Stream::History, 0, &[r#"{"_step":4}"#]);
    lines(&server, Stream::History, 1, &[r#"{"_step":4}"#]);
    lines(&server, Stream::Summary, 1, &["{}"]);
    lines(&server, Stream::Events, 0, &["[]"]);
    let (run, stream) = (key(), Stream::History);
    let [violations @ .., Violation::InvalidLine { stream: Stream::Events, .. }] = &server.violations()[..]
    else {
        unreachable!("{:?}", server.violations())
    };
    let expected = [
        Violation::Gap { run: run.clone(), stream, expected: 1, offset: 2 },
        Violation::Rewritten { run: run.clone(), stream, line: 0 },
        Violation::Step { run: run.clone(), line: 1 },
        Violation::Gap { run, stream: Stream::Summary, expected: 0, offset: 1 },
    ];
    assert_eq!(violations, expected);
}

/// A resend may reach further or less far than the first request: what counts is that a line stays what it is.
#[test]
fn lines_are_sent_again_as_they_were() {
    let server = server_with_run();
    let (row, other) = (r#"{"_step":0,"a":1}"#, r#"{"_step":0,"a":2}"#);
    for content in [&[row][..], &[row, r#"{"_step":1}"#], &[row]] {
        assert_eq!(lines(&server, Stream::History, 0, content), 200);
        assert_eq!(lines(&server, Stream::Events, 0, content), 200);
    }
    assert_eq!(server.violations(), []);
    lines(&server, Stream::Events, 0, &[other]);
    lines(&server, Stream::History, 0, &[other]);
    let rewritten = |stream| Violation::Rewritten { run: key(), stream, line: 0 };
    assert_eq!(server.violations(), [rewritten(Stream::Events), rewritten(Stream::History)]);
}

/// Nothing belongs to a run before `UpsertBucket` has made it.
#[test]
fn nothing_comes_before_the_run() {
    let server = Server::start();
    assert_eq!(lines(&server, Stream::History, 0, &[r#"{"_step":0}"#]), 404);
    assert_eq!(server.violations(), [Violation::UnknownRun { run: key() }]);
    let files = json!({"entity": "test-entity", "project": "p", "run": "r1", "files": ["a.txt"]});
    graphql(&server, "CreateRunFiles", &files).unwrap_err();
    let alert =
        json!({"entityName": "test-entity", "projectName": "p", "runName": "r1", "title": "t", "text": "x"});
    graphql(&server, "NotifyScriptableRunAlert", &alert).unwrap_err();
    upsert(&server, &json!({"id": "run-1"})).unwrap_err();
    let violations = server.violations();
    assert_eq!(violations.len(), 4, "{violations:?}");
    assert!(violations[1..].iter().all(|violation| violation.to_string().contains("there is no run")));
    assert!(server.runs().is_empty());
}

#[test]
fn a_complete_run_takes_nothing_but_a_repetition() {
    let server = server_with_run();
    let end = r#"{"complete":true,"exitcode":3}"#;
    for _ in 0..2 {
        assert_eq!(send(&server, "POST", STREAM, &[KEY], end).0, 200);
    }
    assert_eq!(server.violations(), []);
    let ended = run(&server);
    assert_eq!((ended.complete, ended.exit_code), (true, Some(3)));

    send(&server, "POST", STREAM, &[KEY], "{}");
    lines(&server, Stream::Console, 0, &["2026-11-23T03:10:30.376610 late"]);
    let after = || Violation::AfterComplete { run: key() };
    assert_eq!(server.violations(), [after(), after()]);
    // Creating it again opens it again.
    upsert(&server, &json!({"name": "r1", "project": "p"})).unwrap();
    assert!(!run(&server).complete);
}

#[test]
fn the_key_belongs_to_the_server_alone() {
    let server = server_with_run();
    let files = json!({"entity": "test-entity", "project": "p", "run": "r1", "files": ["dir/a b.txt"]});
    let granted = graphql(&server, "CreateRunFiles", &files).unwrap();
    let url = granted["createRunFiles"]["files"][0]["uploadUrl"].as_str().unwrap();
    let path = url.strip_prefix(server.url()).unwrap();

    assert_eq!(send(&server, "PUT", path, &[UPLOAD], "bytes").0, 200);
    assert_eq!(run(&server).files["dir/a b.txt"], b"bytes");
    assert_eq!(send(&server, "POST", STREAM, &[KEY], r#"{"uploaded":["dir/a b.txt"]}"#).0, 200);
    assert!(run(&server).reported_files.contains("dir/a b.txt"));
    assert_eq!(server.violations(), []);

    assert_eq!(send(&server, "PUT", path, &[UPLOAD, KEY], "bytes").0, 200);
    assert_eq!(send(&server, "PUT", path, &[], "bytes").0, 403);
    assert_eq!(send(&server, "PUT", "/storage/9?signature=granted", &[UPLOAD], "bytes").0, 403);
    assert_eq!(send(&server, "POST", STREAM, &[], "{}").0, 401);
    assert_eq!(send(&server, "POST", STREAM, &[WRONG_KEY], "{}").0, 401);
    assert_eq!(send(&server, "POST", "/graphql", &[], r#"{"query":"query Viewer { viewer }"}"#).0, 401);
    let path = || path.split('?').next().unwrap().to_owned();
    let expected = [
        Violation::KeyGivenAway { path: path() },
        Violation::UploadHeader { path: path(), header: "X-Test-Storage".to_owned() },
        Violation::UnknownPath { method: "PUT".to_owned(), path: "/storage/9".to_owned() },
        Violation::NoKey { path: STREAM.to_owned() },
        Violation::WrongKey { path: STREAM.to_owned() },
        Violation::NoKey { path: "/graphql".to_owned() },
    ];
    assert_eq!(server.violations(), expected);
}

#[test]
fn the_key_is_nowhere_but_in_its_header() {
    let server = server_with_run();
    let encoded = KEY.rsplit(' ').next().unwrap();
    let url = format!("{STREAM}?token={API_KEY}");
    let cookie = format!("Cookie: session={encoded}");
    let line = format!("2026-11-23T03:10:30.376610 my key is {API_KEY}");
    assert_eq!(send(&server, "POST", &url, &[KEY], "{}").0, 200);
    assert_eq!(send(&server, "POST", STREAM, &[KEY, &cookie], "{}").0, 200);
    assert_eq!(lines(&server, Stream::Console, 0, &[&line]), 200);
    assert_eq!(send(&server, "GET", &format!("/{API_KEY}"), &[], "").0, 404);
    let path = || STREAM.to_owned();
    let in_path = format!("/{API_KEY}");
    let expected = [
        Violation::KeyElsewhere { path: path(), place: "the URL".to_owned() },
        Violation::KeyElsewhere { path: path(), place: "the header cookie".to_owned() },
        Violation::KeyElsewhere { path: path(), place: "the body".to_owned() },
        Violation::KeyElsewhere { path: in_path.clone(), place: "the URL".to_owned() },
        Violation::UnknownPath { method: "GET".to_owned(), path: in_path },
    ];
    assert_eq!(server.violations(), expected);
}

#[test]
fn requests_say_what_they_are() {
    let server = server_with_run();
    let length = "Content-Length: 2";
    for (headers, sent) in [
        (&[KEY, length][..], ""),
        (&[KEY, length, "Content-Type: text/plain"], "text/plain"),
        (&[KEY, length, "Content-Type: application/json; charset=utf-8"], "-"),
    ] {
        assert_eq!(send_bare(&server, "POST", STREAM, headers, "{}").0, 200);
        let expected = Violation::ContentType { path: STREAM.to_owned(), sent: sent.to_owned() };
        let found = server.violations().contains(&expected);
        assert_eq!(found, sent != "-", "{headers:?}: {:?}", server.violations());
    }
    let files = json!({"entity": "test-entity", "project": "p", "run": "r1", "files": ["a.txt"]});
    graphql(&server, "CreateRunFiles", &files).unwrap();
    let (path, before) = ("/storage/0", server.violations().len());
    let chunked = [UPLOAD, "Transfer-Encoding: chunked"];
    let url = format!("{path}?signature=granted");
    assert_eq!(send_bare(&server, "PUT", &url, &chunked, "1\r\na\r\n0\r\n\r\n").0, 200);
    assert_eq!(server.violations()[before..], [Violation::NoLength { path: path.to_owned() }]);
}

#[test]
fn what_is_called_uploaded_is_there() {
    let server = server_with_run();
    send(&server, "POST", STREAM, &[KEY], r#"{"uploaded":["never.txt"]}"#);
    assert_eq!(server.violations(), [Violation::NotUploaded { run: key(), file: "never.txt".to_owned() }]);
}

#[test]
fn a_run_can_be_taken_up() {
    let server = Server::start();
    let resume = || {
        let variables = json!({"entity": "test-entity", "project": "p", "name": "r1"});
        let data = graphql(&server, "RunResumeStatus", &variables);
        data.unwrap()["model"]["bucket"].take()
    };
    assert_eq!(resume(), Value::Null);

    let config = r#"{"lr":{"value":0.1},"_wandb":{"value":{"t":{"5":"0.1"}}}}"#;
    upsert(&server, &json!({"name": "r1", "project": "p", "config": config, "tags": ["a"]})).unwrap();
    lines(&server, Stream::History, 0, &[r#"{"_step":0}"#, r#"{"_step":7}"#]);
    let bucket = resume();
    assert_eq!((&bucket["historyLineCount"], &bucket["logLineCount"]), (&json!(2), &json!(0)));
    assert_eq!(bucket["historyTail"], r#"["{\"_step\":7}"]"#);
    assert_eq!(bucket["wandbConfig"], r#"{"t":{"5":"0.1"}}"#);
    assert_eq!(bucket["tags"], json!(["a"]));
    let answer = upsert(&server, &json!({"name": "r1", "project": "p"})).unwrap();
    assert_eq!(answer["bucket"]["historyLineCount"], 2);
}

#[test]
fn alerts_are_kept() {
    let server = server_with_run();
    let variables = json!({
        "entityName": "test-entity", "projectName": "p", "runName": "r1", "title": "t", "text": "x", "severity": "WARN",
        "waitDuration": 60000,
    });
    let data = graphql(&server, "NotifyScriptableRunAlert", &variables).unwrap();
    assert_eq!(data["notifyScriptableRunAlert"]["success"], true);
    let alert = Alert { title: "t".into(), text: "x".into(), severity: "WARN".into(), wait_duration: 60_000 };
    assert_eq!(run(&server).alerts, [alert]);
}

#[test]
fn nonsense_is_answered_and_noted() {
    let server = server_with_run();
    let requests = [
        ("POST", "/graphql", "not JSON", 400),
        ("POST", "/graphql", r#"{"query":""}"#, 200),
        ("POST", "/graphql", r#"{"query":"query Unheard { of }"}"#, 200),
        ("POST", "/graphql", r#"{"query":"mutation UpsertBucket { upsertBucket }","variables":[1]}"#, 200),
        ("POST", "/graphql", r#"{"query":"mutation UpsertBucket { other }"}"#, 200),
        ("POST", STREAM, "[]", 400),
        ("POST", STREAM, r#"{"files":{"wandb-history.jsonl":{"offset":-1,"content":[]}}}"#, 400),
        ("POST", STREAM, r#"{"surprise":1}"#, 400),
        ("POST", STREAM, r#"{"files":{"other.txt":{"offset":0,"content":["x"]}}}"#, 200),
        ("POST", "/files/test-entity/p/absent/file_stream", "{}", 404),
        ("PUT", "/storage/text?signature=granted", "", 403),
        ("GET", "/graphql", "", 404),
        ("GET", "/elsewhere", "", 404),
    ];
    for (number, (method, path, body, expected)) in (1..).zip(requests) {
        let (status, answer) =
            send(&server, method, path, &[if method == "PUT" { UPLOAD } else { KEY }], body);
        assert_eq!(status, expected, "{method} {path} {body}: {answer}");
        assert_eq!(server.violations().len(), number, "{method} {path} {body}: {:?}", server.violations());
    }
    // The server goes on.
    assert_eq!(lines(&server, Stream::History, 0, &[r#"{"_step":0}"#]), 200);
    assert_eq!(run(&server).history().len(), 1);
}
