//! The options of every macro: each at most once, unknown ones refused with the nearest known one.

use proc_macro2::TokenTree;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, Token};

use crate::errors::{Errors, err};

/// One option: its name and how it is written.
pub(crate) type Known = (&'static str, &'static str);

/// The options of one macro, and which of them were seen.
pub(crate) struct Options {
    /// The macro as the user writes it: `#[track_stage]`.
    owner: &'static str,
    known: &'static [Known],
    seen: Vec<Ident>,
}

impl Options {
    pub(crate) fn new(owner: &'static str, known: &'static [Known]) -> Self {
        Self { owner, known, seen: Vec::new() }
    }

    /// Parses `name …, name …` to the end. `read` gets the name of a known option and parses what follows it.
    pub(crate) fn parse_all(
        &mut self,
        input: ParseStream,
        errors: &mut Errors,
        mut read: impl FnMut(&str, &Ident, ParseStream, &mut Errors) -> syn::Result<()>,
    ) {
        while !input.is_empty() {
            self.parse_one(input, errors, &mut read);
            if input.is_empty() {
                break;
            }
            if let Err(error) = input.parse::<Token![,]>() {
                errors.push(error);
                skip_to_comma(input);
                // A broken option ends at its comma; without one there is nothing left.
                if input.parse::<Token![,]>().is_err() {
                    break;
                }
            }
        }
    }

    /// Parses one option up to its comma.
    pub(crate) fn parse_one(
        &mut self,
        input: ParseStream,
        errors: &mut Errors,
        read: impl FnOnce(&str, &Ident, ParseStream, &mut Errors) -> syn::Result<()>,
    ) {
        let Ok(ident) = input.call(Ident::parse_any) else {
            let (owner, forms) = (self.owner, self.forms());
            errors.push(err!(input.span(), "`{owner}` expects the name of an option here\noptions: {forms}"));
            return skip_to_comma(input);
        };
        let read = self.take(&ident).and_then(|name| read(name, &ident, input, errors));
        if let Err(error) = read {
            errors.push(error);
            skip_to_comma(input);
        }
    }

    /// How the options are written, for messages.
    fn forms(&self) -> String {
        let forms: Vec<_> = self.known.iter().map(|(_, form)| format!("`{form}`")).collect();
        forms.join(", ")
    }

    /// Notes that an option is used.
    fn take(&mut self, ident: &Ident) -> syn::Result<&'static str> {
        let (owner, name) = (self.owner, ident.unraw().to_string());
        let Some((known, _)) = self.known.iter().find(|(known, _)| *known == name) else {
            let hint = nearest(&name, self.known.iter().map(|(known, _)| *known))
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            let forms = self.forms();
            return Err(err!(ident.span(), "unknown option `{name}` for `{owner}`{hint}\noptions: {forms}"));
        };
        if self.seen.contains(ident) {
            return Err(err!(ident.span(), "option `{name}` is given twice to `{owner}`"));
        }
        self.seen.push(ident.clone());
        Ok(known)
    }
}

/// The text behind `=`.
pub(crate) fn text(name: &str, input: ParseStream) -> syn::Result<LitStr> {
    input.parse::<Token![=]>()?;
    if input.peek(LitStr) {
        return input.parse();
    }
    Err(err!(input.span(), "`{name}` takes text: `{name} = \"..\"`"))
}

/// One of the `words`, behind `=`.
pub(crate) fn word(name: &str, words: &[&'static str], input: ParseStream) -> syn::Result<&'static str> {
    let found = text(name, input)?;
    one_of(name, &found.value(), words).map_err(|message| err!(found.span(), "{message}"))
}

/// The word among `words`, or what to say when it is none of them.
pub(crate) fn one_of(name: &str, found: &str, words: &[&'static str]) -> Result<&'static str, String> {
    words.iter().find(|word| **word == found).copied().ok_or_else(|| {
        let hint = nearest(found, words.iter().copied())
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        format!("unknown {name} `{found}`{hint}\nexpected one of {}", words.join(", "))
    })
}

/// Steps over tokens up to the next comma.
pub(crate) fn skip_to_comma(input: ParseStream) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            break;
        }
    }
}

/// The known name that is at most two typing errors away.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (distance(name, known), known))
        .filter(|(distance, known)| *distance <= 2 && *distance < known.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The edit distance of two names, where swapping two neighbours counts as two edits.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let here = (diagonal + usize::from(x != y)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, here);
            left = here;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Options, distance, nearest};
    use crate::errors::Errors;
    use syn::parse::Parser as _;
    use syn::{Expr, Token};

    fn messages(source: &str) -> Vec<String> {
        let mut errors = Errors::new();
        let mut options =
            Options::new("#[track_stage]", &[("step", "step = \"..\""), ("level", "level = \"..\"")]);
        let parsed = |input: syn::parse::ParseStream| {
            options.parse_all(input, &mut errors, |_, _, input, _| {
                input.parse::<Token![=]>()?;
                input.parse::<Expr>().map(drop)
            });
            Ok(())
        };
        assert!(parsed.parse_str(source).is_ok());
        errors.messages()
    }

    #[test]
    fn unknown_repeated_and_good_options() {
        assert_eq!(messages("step = 1, level = 2,"), [""; 0]);
        assert_eq!(
            messages("stpe = 3, step = 1, step = 2"),
            [
                "unknown option `stpe` for `#[track_stage]`; did you mean `step`?\noptions: `step = \"..\"`, `level = \
                 \"..\"`",
                "option `step` is given twice to `#[track_stage]`"
            ]
        );
    }

    #[test]
    fn every_option_is_reached_after_a_fault() {
        assert_eq!(messages("a b, step, c = 1").len(), 3);
    }

    #[test]
    fn a_value_without_a_name_is_told_the_names() {
        assert_eq!(
            messages("\"epoch\", step = 1"),
            [
                "`#[track_stage]` expects the name of an option here\noptions: `step = \"..\"`, `level = \"..\"`"
            ]
        );
    }

    #[test]
    fn distances() {
        assert_eq!(distance("stpe", "step"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("tag", ["tags", "name"].into_iter()), Some("tags"));
        assert_eq!(nearest("zzz", ["tags", "name"].into_iter()), None);
    }
}
