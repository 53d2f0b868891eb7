//! Keys: the rule of `ups_track::Key`, and no key twice in one call.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Ident, LitStr, Token};

use crate::errors::{Errors, err};
use crate::key_rule::{self, KeyFault};

/// A key as it is written: a name or a string.
#[derive(Clone)]
pub(crate) struct KeyName {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl KeyName {
    pub(crate) fn of_ident(ident: &Ident) -> Self {
        Self { text: ident.unraw().to_string(), span: ident.span() }
    }

    pub(crate) fn of_lit(lit: &LitStr) -> Self {
        Self { text: lit.value(), span: lit.span() }
    }

    /// Whether a key begins here: a name or string with `=` behind it.
    pub(crate) fn starts(input: ParseStream) -> bool {
        (input.peek(LitStr) || input.peek(Ident::peek_any))
            && input.peek2(Token![=])
            && !input.peek2(Token![==])
    }
}

impl Parse for KeyName {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        if input.peek(LitStr) {
            Ok(Self::of_lit(&input.parse()?))
        } else {
            Ok(Self::of_ident(&input.call(Ident::parse_any)?))
        }
    }
}

/// What is wrong with a key, said for a `noun` such as `metric key`; `None` for a good one.
///
/// The same rule as `ups_track::Key::new`.
pub(crate) fn fault(noun: &str, key: &str) -> Option<String> {
    if matches!(noun, "stage name" | "prefix" | "step key") && key.contains('*') {
        return Some(format!("{noun} `{key}` holds `*`, which stands for any key in W&B's definitions"));
    }
    key_rule::fault(key).map(|fault| match fault {
        KeyFault::Empty => format!("the {noun} is empty"),
        KeyFault::Unseen => format!("{noun} `{}` {}", key.escape_debug(), fault.about()),
        _ => format!("{noun} `{key}` {}", fault.about()),
    })
}

/// Checks one key by itself.
pub(crate) fn check(noun: &str, key: &KeyName, errors: &mut Errors) {
    if let Some(fault) = fault(noun, &key.text) {
        errors.push(err!(key.span, "{fault}"));
    }
}

/// The keys of one call or struct.
pub(crate) struct Keys {
    noun: &'static str,
    place: &'static str,
    seen: Vec<KeyName>,
}

impl Keys {
    /// `noun` as in "metric key `x` appears twice in one call", `place` as in "one call".
    pub(crate) fn new(noun: &'static str, place: &'static str) -> Self {
        Self { noun, place, seen: Vec::new() }
    }

    /// Checks a key by itself and against the ones before it.
    pub(crate) fn add(&mut self, key: &KeyName, errors: &mut Errors) {
        check(self.noun, key, errors);
        match self.seen.iter().find(|seen| seen.text == key.text) {
            None => self.seen.push(key.clone()),
            Some(first) => {
                let Self { noun, place, .. } = self;
                let text = &key.text;
                errors.push(err!(
                    key.span,
                    "{noun} `{text}` appears twice in {place}; the second value would replace the first"
                ));
                errors.push(err!(first.span, "the first use of `{text}` is here"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Errors, KeyName, Keys, fault};
    use proc_macro2::Span;

    #[test]
    fn the_rule() {
        for good in ["loss", "train/loss", "a.b-c_d/9", "train loss", "größe"] {
            assert_eq!(fault("metric key", good), None);
        }
        let said = |key| fault("metric key", key).unwrap_or_default();
        assert_eq!(said(""), "the metric key is empty");
        assert_eq!(said("_step"), "metric key `_step` is reserved: names beginning with `_` belong to W&B");
        assert_eq!(said("loss "), "metric key `loss ` begins or ends with a blank");
        assert_eq!(said("a\nb"), "metric key `a\\nb` holds a character that cannot be seen");
    }

    #[test]
    fn the_second_use_names_the_first() {
        let mut errors = Errors::new();
        let mut keys = Keys::new("metric key", "one call");
        for text in ["a", "b", "a"] {
            keys.add(&KeyName { text: text.to_owned(), span: Span::call_site() }, &mut errors);
        }
        assert_eq!(
            errors.messages(),
            [
                "metric key `a` appears twice in one call; the second value would replace the first",
                "the first use of `a` is here"
            ]
        );
    }
}
