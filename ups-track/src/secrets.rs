//! Secrets are replaced before they are written: values under names that look like secrets, credentials inside URLs,
//! and arguments that carry either.

use serde_json::Value;

/// The rule of the macros, for a test that compares both.
#[cfg(test)]
#[path = "../../ups-track-macros/src/secret_names.rs"]
mod macros;

/// What stands in place of a secret.
pub(crate) const HIDDEN: &str = "[hidden by ups-track]";

/// Whether values under this name are secrets.
pub(crate) fn is_secret_name(name: &str) -> bool {
    const WORDS: &[&str] =
        &["password", "passwd", "secret", "credential", "credentials", "apikey", "privatekey", "jwt"];
    const PAIRS: &[[&str; 2]] = &[
        ["api", "key"],
        ["access", "key"],
        ["private", "key"],
        ["secret", "key"],
        ["signing", "key"],
        ["auth", "token"],
        ["access", "token"],
        ["api", "token"],
        ["bearer", "token"],
        ["refresh", "token"],
        ["hf", "token"],
        ["github", "token"],
        ["gh", "token"],
        ["wandb", "key"],
    ];
    let words = words(name);
    let last_is_token = words.len() == 1 && words.iter().any(|w| w == "token");
    last_is_token
        || words.iter().any(|word| WORDS.contains(&word.as_str()))
        || words.windows(2).any(|pair| PAIRS.iter().any(|known| pair == known))
}

/// The lower-case words of `snake_case`, `camelCase` and `kebab-case` names.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut fresh = true;
    let mut last_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            fresh = true;
            continue;
        }
        if fresh || (c.is_uppercase() && last_lower) {
            words.push(String::new());
        }
        fresh = false;
        last_lower = c.is_lowercase() || c.is_ascii_digit();
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words
}

/// Removes the credentials of every URL in a text: `https://user:key@host/` becomes `https://host/`.
pub(crate) fn without_url_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        // The authority ends at the first of these; what stands before its last `@` are credentials.
        let end = after.find(['/', '?', '#', ' ', '"', '\'']).unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        clean.push_str(authority.rsplit_once('@').map_or(authority, |(_, host)| host));
        rest = tail;
    }
    clean.push_str(rest);
    clean
}

/// Replaces the secrets in a config value.
pub(crate) fn scrub(name: &str, value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                scrub(name, value);
            }
        }
        Value::Null | Value::Bool(_) => {}
        _ if is_secret_name(name) => *value = Value::from(HIDDEN),
        Value::Array(items) => items.iter_mut().for_each(|item| scrub(name, item)),
        Value::String(text) if text.contains("://") => *text = without_url_credentials(text),
        Value::Number(_) | Value::String(_) => {}
    }
}

/// Replaces the secrets in a program's arguments: `--api-key K`, `--api-key=K`, `API_KEY=K`, URLs.
pub(crate) fn scrub_args(args: &mut [String]) {
    let mut hide_next = false;
    for arg in args {
        if std::mem::take(&mut hide_next) && !arg.starts_with('-') {
            HIDDEN.clone_into(arg);
            continue;
        }
        match arg.split_once('=') {
            Some((name, _)) if is_secret_name(name) => *arg = format!("{name}={HIDDEN}"),
            None if arg.starts_with('-') && is_secret_name(arg) => hide_next = true,
            _ => *arg = without_url_credentials(arg),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn names() {
        for secret in [
            "password",
            "db_password",
            "apiKey",
            "API_KEY",
            "WANDB_API_KEY",
            "secret",
            "client-secret",
            "access_token",
            "token",
            "aws_secret_access_key",
            "privateKey",
            "hf_token",
            "SLURM_JWT",
        ] {
            assert!(is_secret_name(secret), "{secret}");
        }
        for plain in [
            "lr",
            "tokens",
            "tokenizer",
            "max_tokens",
            "key",
            "keyboard",
            "monkey",
            "vocab_tokens_seen",
            "eos_token",
        ] {
            assert!(!is_secret_name(plain), "{plain}");
        }
    }

    #[test]
    fn urls() {
        for (dirty, clean) in [
            ("https://me:key@git.invalid/x.git", "https://git.invalid/x.git"),
            ("postgres://u:p@h:5432/db?x=1", "postgres://h:5432/db?x=1"),
            ("a https://t@h/ and http://b:c@d", "a https://h/ and http://d"),
            ("https://h/path@v1", "https://h/path@v1"),
            ("git@github.com:x/y", "git@github.com:x/y"),
        ] {
            assert_eq!(without_url_credentials(dirty), clean);
        }
    }

    #[test]
    fn config_and_arguments() {
        let mut config =
            json!({"lr": 0.1, "db": {"password": "p", "url": "mysql://u:p@h/x"}, "api_key": ["k"]});
        scrub("", &mut config);
        let text = config.to_string();
        assert!(!text.contains("\"p\"") && !text.contains("u:p") && !text.contains("\"k\""), "{text}");
        assert!(text.contains("mysql://h/x"));
        let mut args: Vec<_> = ["--api-key", "K1", "--token=K2", "API_KEY=K3", "--lr=1", "https://a:K4@h"]
            .map(str::to_owned)
            .into();
        scrub_args(&mut args);
        assert!(
            !args.join(" ").contains('K')
                || !args
                    .iter()
                    .any(|a| a.contains("K1") || a.contains("K2") || a.contains("K3") || a.contains("K4"))
        );
        assert_eq!(args.get(4).map(String::as_str), Some("--lr=1"));
    }

    proptest! {
        #[test]
        fn the_macros_have_the_same_rule(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "api", "Api", "key", "KEY", "token", "tokens", "auth", "secret", "passwd", "credential", "x", "lr", "hf",
                ]),
                0..4,
            ),
            between in prop::sample::select(vec!["", "_", "-", "."]),
        ) {
            let name = parts.join(between);
            prop_assert_eq!(macros::is_secret_name(&name), is_secret_name(&name), "{}", name);
        }

        #[test]
        fn urls_never_panic_and_keep_plain_text(text in "\\PC*") {
            let clean = without_url_credentials(&text);
            if !text.contains("://") {
                prop_assert_eq!(clean, text);
            }
        }
    }
}
