//! Keys that are known by their shape: a prefix, and behind it what nobody writes by hand.

use std::ops::Range;

/// A prefix that a service gives its keys, and the least number of characters behind it.
const PREFIXES: &[(&str, usize)] = &[
    ("sk-", 20),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("rk_test_", 16),
    ("whsec_", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("hf_", 20),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xoxe.", 10),
    ("xapp-", 10),
    ("AIza", 30),
    ("ya29.", 20),
    ("GOCSPX-", 20),
    ("wandb_v1_", 20),
    ("npm_", 30),
    ("pypi-", 30),
    ("SG.", 30),
    ("dop_v1_", 30),
    ("nvapi-", 20),
    ("gsk_", 20),
    ("r8_", 20),
    ("pplx-", 20),
    ("xai-", 20),
    ("tskey-", 16),
    ("hvs.", 20),
    ("ATATT3", 20),
    ("shpat_", 20),
    ("lin_api_", 20),
    ("AGE-SECRET-KEY-", 20),
    ("local-", 40),
];

/// The length of the shortest key, prefix and all.
pub(super) const SHORTEST: usize = 15;

/// Identifiers of AWS: a prefix, and exactly sixteen capitals and digits.
const AWS: &[&str] = &["AKIA", "ASIA", "ABIA", "ACCA"];

/// Addresses whose path is a key, and where in them it begins.
const HOOKS: &[&str] = &[
    "hooks.slack.com/services/",
    "hooks.slack.com/workflows/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
];

/// What is looked at to tell whether text was made by a machine, and where the first part of a web token ends.
const SAMPLE: usize = 64;
const LONGEST_HEAD: usize = 512;

/// The key that begins at `at` in `text`, where a word begins.
pub(super) fn key_at(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = text.as_bytes().get(at..)?;
    let is_key = AWS.iter().any(|prefix| is_aws(rest, prefix))
        || PREFIXES.iter().any(|(prefix, least)| {
            let sample = |tail: &[u8]| run(tail.get(..SAMPLE).unwrap_or(tail));
            rest.strip_prefix(prefix.as_bytes()).is_some_and(|tail| {
                sample(tail) >= *least && is_made(tail.get(..sample(tail)).unwrap_or_default())
            })
        })
        || is_web_token(rest);
    if !is_key {
        return None;
    }
    let key = rest.get(..run(rest))?;
    // A full stop behind it ends a sentence.
    let end = key.iter().rposition(|b| !matches!(b, b'.' | b'-'))?;
    Some(at..at + end + 1)
}

/// The key in an address that begins at `at`.
pub(super) fn hook_at(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    let hook = HOOKS.iter().find(|hook| rest.starts_with(**hook))?;
    let tail = rest.get(hook.len()..)?;
    let length =
        tail.find(|c: char| !(c.is_ascii_alphanumeric() || "/_-.".contains(c))).unwrap_or(tail.len());
    (length > 0).then_some(at + hook.len()..at + hook.len() + length)
}

/// How far the characters of keys go.
fn run(text: &[u8]) -> usize {
    let is_end = |b: &u8| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    text.iter().position(is_end).unwrap_or(text.len())
}

fn is_aws(text: &[u8], prefix: &str) -> bool {
    let is_id = |tail: &[u8]| {
        tail.get(..16).is_some_and(|id| id.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
            && tail.get(16).is_none_or(|b| !b.is_ascii_alphanumeric())
    };
    text.strip_prefix(prefix.as_bytes()).is_some_and(is_id)
}

/// Whether text was made by a machine: a long run without a break, or capitals and digits among each other.
fn is_made(text: &[u8]) -> bool {
    let longest = text.split(|b| !b.is_ascii_alphanumeric()).map(<[u8]>::len).max().unwrap_or(0);
    longest >= 20 || text.iter().any(u8::is_ascii_uppercase) && text.iter().any(u8::is_ascii_digit)
}

/// A JSON web token: three parts in base64, of which the first begins a JSON object.
fn is_web_token(text: &[u8]) -> bool {
    let Some(head) = text.strip_prefix(b"eyJ") else { return false };
    let head = head.get(..LONGEST_HEAD).unwrap_or(head);
    let mut parts = head.get(..run(head)).unwrap_or_default().split(|b| *b == b'.').map(<[u8]>::len);
    // What comes behind the second full stop, if it comes in time, may be nothing.
    parts.next().is_some_and(|head| head >= 8) && parts.next().is_some_and(|body| body >= 8)
}
