//! The arguments of `#[track_stage]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, Token, parenthesized};

use crate::errors::{Errors, err};
use crate::keys::{self, KeyName, Keys};
use crate::krate::Krate;
use crate::options::{self, Known, Options, one_of, skip_to_comma};

pub(crate) const OWNER: &str = "#[track_stage]";
const LEVELS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];
const GOALS: [&str; 2] = ["min", "max"];
const SUMMARIES: [&str; 6] = ["min", "max", "mean", "first", "last", "none"];
const OPTIONS: &[Known] = &[
    ("best", "best(loss = \"min\", ..)"),
    ("summary", "summary(loss = \"min,mean\", ..)"),
    ("step", "step = \"..\""),
    ("level", "level = \"..\""),
    ("fields", "fields(key = value, ..)"),
    ("err", "err"),
    ("crate", "crate = <path>"),
];

/// What the attribute says.
#[derive(Default)]
pub(crate) struct StageArgs {
    pub(crate) name: String,
    /// `loss=min,acc=max`
    pub(crate) best: Option<String>,
    /// `loss=min+mean`
    pub(crate) summary: Option<String>,
    /// The key of the step.
    pub(crate) step: Option<String>,
    /// The level of the span; info if not given.
    pub(crate) level: Option<&'static str>,
    /// More fields of the span.
    pub(crate) fields: Option<TokenStream>,
    /// Where `err` is written.
    pub(crate) err: Option<Ident>,
    pub(crate) krate: Krate,
}

impl StageArgs {
    pub(crate) fn parse(input: ParseStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        args.parse_name(input, errors);
        Options::new(OWNER, OPTIONS).parse_all(input, errors, |name, ident, input, errors| {
            args.parse_option(name, ident, input, errors)
        });
        args
    }

    fn parse_name(&mut self, input: ParseStream, errors: &mut Errors) {
        const NEEDED: &str = "`#[track_stage]` needs the stage name first: `#[track_stage(\"operator\")]`";
        if !input.peek(LitStr) {
            // With no token at all the attribute itself is what can be underlined: `input.span()` does so.
            errors.push(err!(input.span(), "{NEEDED}"));
            if input.is_empty()
                || (input.peek(Ident) && (input.peek2(Token![=]) || input.peek2(syn::token::Paren)))
            {
                return;
            }
            skip_to_comma(input);
        } else if let Some(name) = errors.absorb(input.parse::<LitStr>()) {
            let key = KeyName::of_lit(&name);
            keys::check("stage name", &key, errors);
            if key.text.split('/').any(str::is_empty) && !key.text.is_empty() {
                errors.push(err!(key.span, "stage name `{}` has an empty part beside `/`", key.text));
            }
            self.name = key.text;
        }
        if !input.is_empty() && input.parse::<Token![,]>().is_err() {
            errors.push(err!(input.span(), "expected `,` before this"));
            skip_to_comma(input);
            errors.absorb(input.parse::<Option<Token![,]>>());
        }
    }

    fn parse_option(
        &mut self,
        name: &str,
        ident: &Ident,
        input: ParseStream,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        match name {
            "best" => {
                self.best = Some(rules(name, ident, input, errors, |found| {
                    one_of("goal", found, &GOALS).map(str::to_owned)
                })?);
            }
            "summary" => {
                self.summary = Some(rules(name, ident, input, errors, |found| {
                    let words: Result<Vec<_>, _> =
                        found.split(',').map(|word| one_of("summary", word.trim(), &SUMMARIES)).collect();
                    Ok(words?.join("+"))
                })?);
            }
            "step" => {
                let step = KeyName::of_lit(&options::text(name, input)?);
                keys::check("step key", &step, errors);
                self.step = Some(step.text);
            }
            "level" => self.level = Some(options::word(name, &LEVELS, input)?),
            "fields" => self.fields = Some(fields(ident, input, errors)?),
            "err" => self.err = Some(ident.clone()),
            _ => {
                input.parse::<Token![=]>()?;
                self.krate = input.parse()?;
            }
        }
        Ok(())
    }
}

/// `(key = "rule", ..)` as the text of a span field. `rule` checks one rule and gives its text.
fn rules(
    name: &str,
    ident: &Ident,
    input: ParseStream,
    errors: &mut Errors,
    rule: impl Fn(&str) -> Result<String, String>,
) -> syn::Result<String> {
    let example = if name == "best" { "best(loss = \"min\")" } else { "summary(loss = \"min,mean\")" };
    let content = list(ident, example, input)?;
    let mut keys = Keys::new("metric key", "one list");
    let mut all = Vec::new();
    while !content.is_empty() {
        let key: KeyName = content.parse()?;
        keys.add(&key, errors);
        if !content.peek(Token![=]) {
            return Err(err!(key.span, "`{}` needs a rule: `{example}`", key.text));
        }
        let found = options::text(&key.text, &content)?;
        match rule(&found.value()) {
            Ok(rule) => all.push(format!("{}={rule}", key.text)),
            Err(message) => errors.push(err!(found.span(), "{message}")),
        }
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    if all.is_empty() && !errors.any() {
        return Err(err!(ident.span(), "`{name}` names no metric: `{example}`"));
    }
    Ok(all.join(","))
}

/// Extra span fields, in the syntax of `tracing`.
fn fields(ident: &Ident, input: ParseStream, errors: &mut Errors) -> syn::Result<TokenStream> {
    let content = list(ident, "fields(key = value)", input)?;
    let look = content.fork();
    while !look.is_empty() {
        if let Ok(key) = look.parse::<KeyName>()
            && (key.text == "stage" || key.text.starts_with("stage."))
        {
            errors.push(err!(key.span, "the span fields `stage` and `stage.*` are set by `{OWNER}` itself"));
        }
        skip_to_comma(&look);
        look.parse::<Option<Token![,]>>()?;
    }
    let tokens: TokenStream = content.parse()?;
    let comma = tokens.clone().into_iter().last();
    let ends_in_comma =
        comma.is_none_or(|token| matches!(token, proc_macro2::TokenTree::Punct(p) if p.as_char() == ','));
    Ok(if ends_in_comma { tokens } else { quote!(#tokens,) })
}

/// The parenthesis behind the name of an option.
fn list<'a>(
    ident: &Ident,
    example: &str,
    input: ParseStream<'a>,
) -> syn::Result<syn::parse::ParseBuffer<'a>> {
    if !input.peek(syn::token::Paren) {
        return Err(err!(ident.span(), "`{ident}` takes a list: `{example}`"));
    }
    let content;
    parenthesized!(content in input);
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::StageArgs;
    use crate::errors::Errors;
    use syn::parse::Parser as _;

    fn parse(source: &str) -> (Option<StageArgs>, Vec<String>) {
        let mut errors = Errors::new();
        let parsed =
            (|input: syn::parse::ParseStream| Ok(StageArgs::parse(input, &mut errors))).parse_str(source);
        (parsed.ok(), errors.messages())
    }

    #[test]
    fn every_option() {
        let (args, faults) = parse(
            r#""training/operator", best(loss = "min", "val/acc" = "max",), summary(loss = "min, mean"), step = "epoch",
               level = "debug", fields(%host, n = 3), err, crate = ::renamed"#,
        );
        assert_eq!(faults, [""; 0]);
        let args = args.unwrap_or_default();
        assert_eq!(args.name, "training/operator");
        assert_eq!(args.best.as_deref(), Some("loss=min,val/acc=max"));
        assert_eq!(args.summary.as_deref(), Some("loss=min+mean"));
        assert_eq!(args.step.as_deref(), Some("epoch"));
        assert_eq!(args.level, Some("debug"));
        assert_eq!(args.fields.map(|fields| fields.to_string()).as_deref(), Some("% host , n = 3 ,"));
        assert!(args.err.is_some());
    }

    #[test]
    fn faults() {
        let first = |source| parse(source).1.into_iter().next().unwrap_or_default();
        assert_eq!(first(""), "`#[track_stage]` needs the stage name first: `#[track_stage(\"operator\")]`");
        assert_eq!(first("\"\""), "the stage name is empty");
        assert_eq!(first("\"a//b\""), "stage name `a//b` has an empty part beside `/`");
        assert_eq!(
            first("\"a\", best(loss = \"mni\")"),
            "unknown goal `mni`; did you mean `min`?\nexpected one of `min`, `max`"
        );
        assert_eq!(first("\"a\", best"), "`best` takes a list: `best(loss = \"min\")`");
        assert_eq!(
            first("\"a\", fields(stage = 1)"),
            "the span fields `stage` and `stage.*` are set by `#[track_stage]` itself"
        );
        assert_eq!(parse("best(loss = \"min\"), lvel = \"info\"").1.len(), 2);
    }
}
