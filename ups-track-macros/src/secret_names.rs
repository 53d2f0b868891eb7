//! Which names look like those of secrets. The library and the macros have this file each, to the letter: a test compares
//! them.

/// How much a name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It names a secret wherever it stands: `password`, `api_key`.
    Sure,
    /// It names a secret where it stands for a value by itself, and may be a plain word in text: `token`, `auth`.
    Likely,
}

/// Words of secrets, wherever in a name they stand.
const WORDS: &[&str] = &[
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "creds",
    "jwt",
    "authorization",
];

/// Words of secrets at the end of a name.
const LAST_WORDS: &[&str] = &["pwd", "bearer", "cookie", "cookies", "dsn"];

/// Words that are written together with others: `PGPASSWORD`, `dbpasswd`, `accesskey`.
const ENDINGS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "apikeys",
    "accesskey",
    "secretkey",
    "privatekey",
    "sshkey",
    "authtoken",
    "accesstoken",
    "apitoken",
];

/// What stands before `key` in the name of a secret.
const KEYS: &[&str] = &[
    "access",
    "account",
    "ai",
    "anthropic",
    "api",
    "aws",
    "azure",
    "client",
    "cohere",
    "decryption",
    "deploy",
    "encryption",
    "gcp",
    "gemini",
    "github",
    "gitlab",
    "google",
    "groq",
    "hf",
    "hmac",
    "huggingface",
    "license",
    "master",
    "mistral",
    "openai",
    "private",
    "secret",
    "service",
    "session",
    "signing",
    "ssh",
    "storage",
    "stripe",
    "wandb",
];

/// What stands before `token` in the name of a secret.
const TOKENS: &[&str] = &[
    "access",
    "anthropic",
    "api",
    "app",
    "auth",
    "aws",
    "azure",
    "bearer",
    "bot",
    "csrf",
    "deploy",
    "discord",
    "gh",
    "github",
    "gitlab",
    "google",
    "hf",
    "hub",
    "huggingface",
    "id",
    "identity",
    "job",
    "jwt",
    "npm",
    "oauth",
    "openai",
    "personal",
    "pypi",
    "refresh",
    "sas",
    "secret",
    "security",
    "service",
    "session",
    "slack",
    "telegram",
    "vault",
    "wandb",
    "xsrf",
];

/// What stands before `pass` in the name of a secret.
const PASSES: &[&str] =
    &["admin", "db", "ftp", "imap", "login", "mysql", "pg", "postgres", "redis", "root", "smtp", "user"];

/// Other pairs of words.
const PAIRS: &[[&str; 2]] = &[
    ["connection", "string"],
    ["conn", "string"],
    ["conn", "str"],
    ["basic", "auth"],
    ["http", "auth"],
    ["proxy", "auth"],
    ["github", "pat"],
    ["gh", "pat"],
    ["gitlab", "pat"],
    ["azure", "pat"],
    ["devops", "pat"],
];

/// Whole names that may be plain words.
const LIKELY: &[&str] = &["token", "pass", "auth", "private", "pat"];

/// Last words of names that tell about a secret and do not hold it: `api_key_env`, `password_length`.
const ABOUT: &[&str] = &[
    "accuracy", "count", "dir", "enabled", "env", "file", "len", "length", "loss", "path", "policy", "rate",
    "required", "score", "size", "timeout", "ttl", "type", "var",
];

/// What a name tells; none for one of no secret. Of a path such as `db/pass` or `db.pass` the last part may tell alone.
pub(crate) fn sign(name: &str) -> Option<Sign> {
    let all = words(name);
    let all: Vec<&str> = all.iter().map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit())).collect();
    let all = match all.iter().rposition(|word| !word.is_empty()) {
        Some(last) => all.get(..=last)?,
        None => return None,
    };
    let last = *all.last()?;
    if ABOUT.contains(&last) {
        return None;
    }
    let is_pair = |pair: &[&str]| match *pair {
        [before, "key" | "keys"] => KEYS.contains(&before),
        [before, "token"] => TOKENS.contains(&before),
        // Of other kinds there are counts: `github_tokens`.
        [before, "tokens"] => matches!(before, "access" | "api" | "auth" | "refresh"),
        [before, "pass"] => PASSES.contains(&before),
        [before, after] => PAIRS.contains(&[before, after]),
        _ => false,
    };
    let is_sure = LAST_WORDS.contains(&last)
        || all.iter().any(|word| WORDS.contains(word) || ENDINGS.iter().any(|end| word.ends_with(end)))
        || all.windows(2).any(is_pair);
    if is_sure {
        return Some(Sign::Sure);
    }
    let part = name.rsplit(['/', '.', ':']).find(|part| part.contains(char::is_alphabetic))?;
    let part = part.trim_matches(|c: char| "-_$ ".contains(c) || c.is_ascii_digit()).to_lowercase();
    LIKELY.contains(&part.as_str()).then_some(Sign::Likely)
}

/// The lower-case words of `snake_case`, `camelCase`, `kebab-case` and `HTTPNames`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut fresh = true;
    let mut before = ' ';
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        if !c.is_alphanumeric() {
            fresh = true;
            continue;
        }
        let begins = c.is_uppercase()
            && (before.is_lowercase()
                || before.is_ascii_digit()
                || before.is_uppercase() && rest.peek().is_some_and(|next| next.is_lowercase()));
        if fresh || begins {
            words.push(String::new());
        }
        fresh = false;
        before = c;
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{Sign, sign};

    #[test]
    fn names() {
        for sure in ["password", "apiKey", "API_KEY", "APIKey", "client-secret", "hf_token", "PGPASSWORD"] {
            assert_eq!(sign(sure), Some(Sign::Sure), "{sure}");
        }
        for likely in ["token", "x/pass", "--auth", "private", "token_2"] {
            assert_eq!(sign(likely), Some(Sign::Likely), "{likely}");
        }
        for plain in ["lr", "tokens", "max_tokens", "key", "monkey", "eos_token", "bypass", "pass@1", ""] {
            assert_eq!(sign(plain), None, "{plain}");
        }
    }
}
