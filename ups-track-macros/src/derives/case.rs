//! `rename_all`, as `serde` does it.

/// The rules by name.
pub(crate) const RULES: [&str; 8] = [
    "lowercase",
    "UPPERCASE",
    "PascalCase",
    "camelCase",
    "snake_case",
    "SCREAMING_SNAKE_CASE",
    "kebab-case",
    "SCREAMING-KEBAB-CASE",
];

/// The name of a field (`snake_case` in the source) by a rule.
pub(crate) fn field(rule: &str, name: &str) -> String {
    join(rule, name.split('_'), name)
}

/// The name of a variant (`PascalCase` in the source) by a rule.
pub(crate) fn variant(rule: &str, name: &str) -> String {
    let mut words = Vec::<String>::new();
    for c in name.chars() {
        match words.last_mut() {
            Some(word) if !c.is_uppercase() => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    if matches!(rule, "lowercase" | "UPPERCASE") {
        return join(rule, std::iter::once(name), name);
    }
    join(rule, words.iter().map(String::as_str), name)
}

fn join<'a>(rule: &str, words: impl Iterator<Item = &'a str>, name: &str) -> String {
    let words: Vec<_> = words.map(str::to_ascii_lowercase).collect();
    let pascal = || words.iter().map(|word| capital(word)).collect::<String>();
    match rule {
        "lowercase" => name.to_ascii_lowercase(),
        "UPPERCASE" => name.to_ascii_uppercase(),
        "PascalCase" => pascal(),
        "camelCase" => uncapital(&pascal()),
        "snake_case" => words.join("_"),
        "SCREAMING_SNAKE_CASE" => words.join("_").to_ascii_uppercase(),
        "kebab-case" => words.join("-"),
        "SCREAMING-KEBAB-CASE" => words.join("-").to_ascii_uppercase(),
        _ => name.to_owned(),
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

fn uncapital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_lowercase().to_string() + chars.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{RULES, field, variant};

    #[test]
    fn as_serde_does() {
        let fields: Vec<_> = RULES.iter().map(|rule| field(rule, "latent_dim")).collect();
        assert_eq!(
            fields,
            [
                "latent_dim",
                "LATENT_DIM",
                "LatentDim",
                "latentDim",
                "latent_dim",
                "LATENT_DIM",
                "latent-dim",
                "LATENT-DIM"
            ]
        );
        let variants: Vec<_> = RULES.iter().map(|rule| variant(rule, "AdamW")).collect();
        assert_eq!(variants, ["adamw", "ADAMW", "AdamW", "adamW", "adam_w", "ADAM_W", "adam-w", "ADAM-W"]);
    }
}
