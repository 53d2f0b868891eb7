//! The rule against its corpus, and what holds for any text.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const CORPUS: &str = include_str!("../../../tests/corpus/secrets.txt");

/// The lines of the corpus of one kind.
fn corpus(kind: &str) -> impl Iterator<Item = &'static str> {
    let lines = CORPUS.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(move |line| line.strip_prefix(kind)?.strip_prefix(' '))
}

/// A text of the corpus, and what must become of it.
fn read(marked: &str) -> (String, String) {
    let text = marked.replace(['⟦', '⟧', '⟨', '⟩'], "");
    let mut clean = String::new();
    let mut by = None;
    for c in marked.chars() {
        match c {
            '⟦' => by = Some(HIDDEN),
            '⟨' => by = Some(""),
            '⟧' | '⟩' => clean.push_str(by.take().unwrap_or_default()),
            c if by.is_none() => clean.push(c),
            _ => {}
        }
    }
    (text.replace("\\n", "\n"), clean.replace("\\n", "\n"))
}

#[test]
fn names() {
    let mut faults = Vec::new();
    for line in corpus("name") {
        let (verdict, name) = line.split_once(' ').unwrap_or_default();
        if is_secret_name(name) != (verdict == "caught") {
            faults.push(line);
        }
    }
    assert_eq!(faults, [""; 0]);
}

#[test]
fn texts() {
    let mut faults = Vec::new();
    for (text, want) in corpus("text").map(read) {
        let got = clean(&text);
        if got != want {
            faults.push(format!("{text}\n  becomes {got}\n  and not {want}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn arguments() {
    let mut faults = Vec::new();
    for line in corpus("args") {
        let (mut args, want): (Vec<_>, Vec<_>) = line.split(" | ").map(read).unzip();
        scrub_args(&mut args);
        if args != want {
            faults.push(format!("{line}\n  becomes {args:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn config() {
    let mut config = json!({
        "lr": 0.1, "pass": 2, "auth": {"user": "me", "n": 1}, "api_key": ["k"], "private": true, "tokens": [1, 2],
        "db": {"password": 1234, "url": "mysql://u:p@h/x"}, "credentials": {"a": {"b": "k"}}, "token": "k",
        "note": "key AKIAIOSFODNN7EXAMPLE",
    });
    scrub("", &mut config);
    let want = json!({
        "lr": 0.1, "pass": 2, "auth": {"user": "me", "n": 1}, "api_key": [HIDDEN], "private": true, "tokens": [1, 2],
        "db": {"password": HIDDEN, "url": "mysql://h/x"}, "credentials": {"a": {"b": HIDDEN}}, "token": HIDDEN,
        "note": format!("key {HIDDEN}"),
    });
    assert_eq!(config, want);
}

#[test]
fn summary_and_cells() {
    let scalar = |name: &str, value: Scalar| {
        let mut value = value;
        scrub_scalar(name, &mut value);
        value
    };
    assert_eq!(scalar("eval/api_key", "k".into()), HIDDEN.into());
    assert_eq!(scalar("secret_recall", 0.5.into()), 0.5.into());
    assert_eq!(scalar("where", "s3://a:b@c".into()), "s3://c".into());
    let cell = |column: &str, value: Value| {
        let mut value = value;
        scrub_cell(column, &mut value);
        value
    };
    assert_eq!(cell("token", json!("hello")), json!("hello"));
    assert_eq!(cell("password", json!("hello")), json!(HIDDEN));
    assert_eq!(cell("url", json!("https://a:b@c")), json!("https://c"));
}

#[test]
fn the_macros_have_the_same_rule() {
    let theirs = include_str!("../../../ups-track-macros/src/secret_names.rs");
    assert!(theirs == include_str!("names.rs"), "the two files must be equal");
}

/// Texts with what the search looks for in them.
fn texts_with_traps() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "password",
        "token",
        "api_key",
        "Authorization",
        "Bearer",
        "--token",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----END RSA PRIVATE KEY-----",
        "https://",
        "u:p@h",
        "@",
        ":",
        "=",
        " ",
        "\"",
        "'",
        "\\",
        "&",
        ";",
        "?",
        "\n",
        "sk-",
        "ghp_",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJI.eyJzdWIiOiIx.a",
        "ü",
        "損",
        HIDDEN,
        "x1Y",
        "hooks.slack.com/services/",
    ]);
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_can_be_cleaned_twice(text in texts_with_traps()) {
        let once = clean(&text).into_owned();
        let twice = clean(&once).into_owned();
        prop_assert_eq!(clean(&twice), twice.as_str());
        let mut args = vec![text.clone(), once];
        scrub_args(&mut args);
    }

    #[test]
    fn plain_text_stays(text in "[a-zA-Z0-9_ ,.()%ü損-]{0,60}") {
        prop_assume!(!text.contains("--") && !text.to_lowercase().contains("bearer") && !text.contains("Basic"));
        prop_assert_eq!(clean(&text), text.as_str());
    }

    #[test]
    fn a_planted_secret_is_found(
        before in "[a-z ]{0,20} ", after in " [a-z ]{0,20}", secret in "[A-Za-z0-9]{1,20}",
        form in prop::sample::select(vec![
            "password=§", "api_key: §", "\"secret\": \"§\"", "https://me:§@h/x", "https://h/?token=§", "--api-key §",
            "Authorization: Bearer §", "Pwd=§;",
        ]),
    ) {
        let secret = format!("{secret}7Q");
        let text = format!("{before}{}{after}", form.replace('§', &secret));
        prop_assert!(!clean(&text).contains(&secret), "{}", clean(&text));
    }
}

/// The time goes with the length, whatever the text is.
#[test]
fn long_texts_are_no_trap() {
    let steps = |piece: &str| {
        let text = piece.repeat(60_000 / piece.len());
        clean(&text).len()
    };
    let traps = [
        "sk-",
        "eyJ",
        "eyJ.",
        "@",
        "u:p@",
        "://",
        "a://b@",
        "=",
        "password=",
        "password: ",
        "\"",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "--token ",
        "Bearer ",
        "Bearer",
        " ",
        "\\",
        "cookie: [hidden by ups-track] ",
        "password=None ",
        "hooks.slack.com/services/",
        "a=b:c@",
    ];
    for trap in traps {
        // Were it quadratic, this would take minutes.
        assert!(steps(trap) > 0 || trap == "Bearer ", "{trap}");
    }
}
