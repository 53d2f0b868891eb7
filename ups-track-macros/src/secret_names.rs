//! Which names look like secrets. The facade has the same rule for values that it only sees at run time; a test there
//! compares both.

/// Whether values under this name are secrets.
pub(crate) fn is_secret_name(name: &str) -> bool {
    const WORDS: [&str; 8] =
        ["password", "passwd", "secret", "credential", "credentials", "apikey", "privatekey", "jwt"];
    const PAIRS: [[&str; 2]; 14] = [
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
    let is_token = matches!(words.as_slice(), [only] if only == "token");
    is_token
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

#[cfg(test)]
mod tests {
    use super::is_secret_name;

    #[test]
    fn names() {
        for secret in ["password", "apiKey", "API_KEY", "client-secret", "token", "hf_token"] {
            assert!(is_secret_name(secret), "{secret}");
        }
        for plain in ["lr", "tokens", "max_tokens", "key", "monkey", "eos_token"] {
            assert!(!is_secret_name(plain), "{plain}");
        }
    }
}
