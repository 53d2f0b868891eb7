//! What `#[derive(RunConfig)]` reads from `#[track(..)]` and `#[serde(..)]`.

use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Attribute, Ident, LitStr, Token, parenthesized, token};

use crate::errors::{Errors, err};
use crate::keys::KeyName;
use crate::krate::Krate;
use crate::options::{self, Known, Options, skip_to_comma};

use super::case::RULES;

pub(crate) const OWNER: &str = "#[derive(RunConfig)]";

/// What is said about a type, a variant or a field.
#[derive(Default)]
pub(crate) struct Attrs {
    pub(crate) rename: Option<KeyName>,
    /// The rule for the names inside.
    pub(crate) rename_all: Option<String>,
    /// The rule for the fields of all variants.
    pub(crate) rename_all_fields: Option<String>,
    pub(crate) skip: bool,
    pub(crate) flatten: bool,
    /// The value is written by its `serde` form.
    pub(crate) serde: bool,
    pub(crate) krate: Krate,
    /// The enum is not written as `{"Variant": ..}` by serde.
    tagging: Option<Ident>,
}

impl Attrs {
    pub(crate) fn of_type(attrs: &[Attribute], errors: &mut Errors) -> Self {
        const OPTIONS: &[Known] = &[("serde", "serde"), ("crate", "crate = <path>")];
        let found = Self::read(attrs, OPTIONS, errors);
        if let (Some(option), false) = (&found.tagging, found.serde) {
            errors.push(err!(
                option.span(),
                "`{OWNER}` writes variants as `{{\"Variant\": ..}}` and does not know `#[serde({option})]`\nadd \
                 `#[track(serde)]` to the type: then its `Serialize` decides"
            ));
        }
        found
    }

    pub(crate) fn of_variant(attrs: &[Attribute], errors: &mut Errors) -> Self {
        const OPTIONS: &[Known] = &[("rename", "rename = \"..\"")];
        Self::read(attrs, OPTIONS, errors)
    }

    pub(crate) fn of_field(attrs: &[Attribute], errors: &mut Errors) -> Self {
        const OPTIONS: &[Known] =
            &[("rename", "rename = \"..\""), ("skip", "skip"), ("flatten", "flatten"), ("serde", "serde")];
        Self::read(attrs, OPTIONS, errors)
    }

    fn read(attrs: &[Attribute], known: &'static [Known], errors: &mut Errors) -> Self {
        let mut found = Self::default();
        for attribute in attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            // What serde itself refuses, serde reports.
            attribute.parse_args_with(|input: ParseStream| found.serde_options(input)).ok();
        }
        let mut options = Options::new(OWNER, known);
        for attribute in attrs.iter().filter(|attribute| attribute.path().is_ident("track")) {
            let parsed = attribute.parse_args_with(|input: ParseStream| {
                options.parse_all(input, errors, |name, _, input, _| found.track_option(name, input));
                Ok(())
            });
            errors.absorb(parsed);
        }
        found
    }

    fn track_option(&mut self, name: &str, input: ParseStream) -> syn::Result<()> {
        match name {
            "rename" => self.rename = Some(KeyName::of_lit(&options::text(name, input)?)),
            "skip" => self.skip = true,
            "flatten" => self.flatten = true,
            "serde" => self.serde = true,
            _ => {
                input.parse::<Token![=]>()?;
                self.krate = input.parse()?;
            }
        }
        Ok(())
    }

    fn serde_options(&mut self, input: ParseStream) -> syn::Result<()> {
        while !input.is_empty() {
            let option = input.call(Ident::parse_any)?;
            let rule = |text: Option<LitStr>| {
                text.map(|text| text.value()).filter(|rule| RULES.contains(&rule.as_str()))
            };
            match option.to_string().as_str() {
                "rename" => {
                    self.rename =
                        serialized_name(input)?.map(|name| KeyName::of_lit(&name)).or(self.rename.take());
                }
                "rename_all" => self.rename_all = rule(serialized_name(input)?),
                "rename_all_fields" => self.rename_all_fields = rule(serialized_name(input)?),
                "skip" | "skip_serializing" => self.skip = true,
                "flatten" => self.flatten = true,
                "tag" | "untagged" => self.tagging = Some(option),
                _ => {}
            }
            skip_to_comma(input);
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(())
    }
}

/// The text of `= "name"` or of `(serialize = "name", ..)`.
fn serialized_name(input: ParseStream) -> syn::Result<Option<LitStr>> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        return input.parse().map(Some);
    }
    if !input.peek(token::Paren) {
        return Ok(None);
    }
    let content;
    parenthesized!(content in input);
    let mut found = None;
    while !content.is_empty() {
        let direction = content.call(Ident::parse_any)?;
        content.parse::<Token![=]>()?;
        let name: LitStr = content.parse()?;
        if direction == "serialize" {
            found = Some(name);
        }
        content.parse::<Option<Token![,]>>()?;
    }
    content.parse::<TokenStream>()?;
    Ok(found)
}
