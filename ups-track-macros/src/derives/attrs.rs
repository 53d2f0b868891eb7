//! `#[track(..)]` on the fields of `Metrics` and `EvalSummary`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, Field, Ident, Token, Type, parenthesized};

use super::input::Input;
use crate::errors::{Errors, err};
use crate::keys::{self, KeyName, Keys};
use crate::krate::Krate;
use crate::options::{self, Known, Options};

/// What the derives of rows and summaries have in common: reads the struct, checks it, and hands it to `expand`. In error
/// it is expanded without fields, so that the users of the type are not in error too.
pub(crate) fn derive(
    item: TokenStream,
    owner: &'static str,
    known: &'static [Known],
    noun: &'static str,
    expand: fn(&Input, &Krate, &[Member]) -> TokenStream,
) -> TokenStream {
    let mut errors = Errors::new();
    let parsed = syn::parse2::<Input>(item);
    let Some(input) = errors.absorb(parsed) else { return errors.finish().unwrap_or_default() };
    let krate = container(owner, &input.attrs, &mut errors);
    let fields = input.named_fields(owner, &mut errors);
    let members = members(owner, known, noun, fields, &mut errors);
    match errors.finish() {
        None => expand(&input, &krate, &members),
        Some(errors) => {
            let empty = expand(&input, &krate, &[]);
            quote!(#errors #empty)
        }
    }
}

/// One field that is not skipped.
pub(crate) struct Member {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) key: KeyName,
    /// A struct of the same kind, whose values stand beside those of this one, below the prefix.
    pub(crate) flatten: Option<String>,
    pub(crate) goal: Option<&'static str>,
    /// The field is the step of the row.
    pub(crate) step: bool,
}

impl Member {
    /// Whether the field is a value under a key of its own.
    pub(crate) fn is_value(&self) -> bool {
        self.flatten.is_none() && !self.step
    }
}

/// `const KEYS`: the keys of the struct, and those of the structs inside it, by the `constant` of `probe::Of`.
pub(crate) fn keys<'a>(
    private: &TokenStream,
    constant: &str,
    own: impl Iterator<Item = &'a KeyName>,
    inner: impl Iterator<Item = (&'a str, &'a Type)>,
) -> TokenStream {
    let constant = Ident::new(constant, Span::call_site());
    let own = own.map(|key| &key.text);
    let inner: Vec<_> =
        inner.map(|(prefix, ty)| quote!((#prefix, #private::probe::Of::<#ty>::#constant))).collect();
    let unknown =
        (!inner.is_empty()).then(|| quote!(#[allow(unused_imports)] use #private::probe::Unknown as _;));
    quote! {
        const KEYS: #private::KeySet = {
            #unknown
            #private::KeySet::new(&[#(#own),*], &[#(#inner),*])
        };
    }
}

/// The same for the members of a row or summary.
pub(crate) fn keys_of(members: &[Member], private: &TokenStream, constant: &str) -> TokenStream {
    let own = members.iter().filter(|member| member.is_value()).map(|member| &member.key);
    let inner = members.iter().filter_map(|member| Some((member.flatten.as_deref()?, &member.ty)));
    keys(private, constant, own, inner)
}

/// The check that no key of an inner struct repeats another one, at the inner struct; only for types whose constants are
/// known here.
pub(crate) fn assert_distinct(
    input: &Input,
    members: &[Member],
    krate: &Krate,
    noun: &str,
    kind: &str,
) -> Option<TokenStream> {
    let last = members.iter().rev().find(|member| member.flatten.is_some())?;
    if !input.generics.params.is_empty() {
        return None;
    }
    let (name, kind) = (&input.ident, Ident::new(kind, Span::call_site()));
    let private = krate.private_at(last.ty.span());
    Some(quote_spanned! {last.ty.span()=>
        const _: () = #private::assert_distinct(#noun, &[<#name as #private::#kind>::KEYS]);
    })
}

#[derive(Default)]
struct Track {
    rename: Option<KeyName>,
    skip: Option<Span>,
    flatten: Option<Span>,
    prefix: Option<KeyName>,
    goal: Option<(&'static str, Span)>,
    step: Option<Span>,
    /// What only makes sense for a value of its own: the option and where it is.
    of_value: Option<(String, Span)>,
}

/// Reads the fields of a struct and checks their keys.
fn members(
    owner: &'static str,
    known: &'static [Known],
    noun: &'static str,
    fields: Vec<Field>,
    errors: &mut Errors,
) -> Vec<Member> {
    let mut keys = Keys::new(noun, "one struct");
    let mut members: Vec<Member> = Vec::new();
    for field in fields {
        let track = track(owner, known, &field.attrs, errors);
        let Some(ident) = field.ident else { continue };
        track.check(errors);
        if track.skip.is_some() {
            continue;
        }
        let key = track.rename.unwrap_or_else(|| KeyName::of_ident(&ident));
        let flatten = track.flatten.map(|_| track.prefix.map(|prefix| prefix.text).unwrap_or_default());
        let member = Member {
            ident,
            ty: field.ty,
            key,
            flatten,
            goal: track.goal.map(|(goal, _)| goal),
            step: track.step.is_some(),
        };
        if member.is_value() {
            keys.add(&member.key, errors);
        }
        if let (Some(span), Some(first)) = (track.step, members.iter().find(|member| member.step)) {
            errors.push(err!(span, "a row has one step, and `{}` is it already", first.ident));
        }
        members.push(member);
    }
    members
}

fn track(owner: &'static str, known: &'static [Known], attrs: &[Attribute], errors: &mut Errors) -> Track {
    let mut track = Track::default();
    let mut options = Options::new(owner, known);
    for attribute in attrs.iter().filter(|attribute| attribute.path().is_ident("track")) {
        let parsed = attribute.parse_args_with(|input: ParseStream| {
            options.parse_all(input, errors, |name, ident, input, errors| {
                track.read(name, ident, input, errors)
            });
            Ok(())
        });
        errors.absorb(parsed);
    }
    track
}

impl Track {
    fn read(
        &mut self,
        name: &str,
        ident: &Ident,
        input: ParseStream,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        let span = ident.span();
        match name {
            "rename" => {
                self.rename = Some(KeyName::of_lit(&options::text(name, input)?));
                self.of_value = Some((name.to_owned(), span));
            }
            "skip" => self.skip = Some(span),
            "step" => self.step = Some(span),
            "flatten" => self.flatten = Some(span),
            "prefix" => {
                let prefix = KeyName::of_lit(&options::text(name, input)?);
                keys::check("prefix", &prefix, errors);
                self.prefix = Some(prefix);
            }
            "goal" => {
                self.goal = Some((options::word(name, &["min", "max"], input)?, span));
                self.of_value = Some((name.to_owned(), span));
            }
            "unit" => {
                let unit = options::text(name, input)?;
                if unit.value().trim().is_empty() {
                    errors.push(err!(unit.span(), "the unit is empty"));
                }
                self.of_value = Some((name.to_owned(), span));
            }
            _ => {
                gate(ident, input, errors)?;
                self.of_value = Some((name.to_owned(), span));
            }
        }
        Ok(())
    }

    fn check(&self, errors: &mut Errors) {
        let others = self.flatten.is_some() || self.of_value.is_some();
        if let (Some(span), true) = (self.skip, others || self.step.is_some()) {
            errors.push(err!(span, "a skipped field has no other options; remove them or `skip`"));
        } else if let (Some(span), true) = (self.step, others) {
            errors.push(err!(
                span,
                "the step stands under the key of its stage, so it has no other options; remove them"
            ));
        } else if let (Some(_), Some((name, span))) = (self.flatten, &self.of_value) {
            errors.push(err!(
                *span,
                "`{name}` is for one value, and `flatten` takes the values of a whole struct"
            ));
        }
        if let (None, Some(prefix)) = (self.flatten, &self.prefix) {
            errors.push(err!(prefix.span, "`prefix` goes with `flatten`; for one value use `rename`"));
        }
    }
}

/// `gate(max = 0.1, min = 0.0)`: bounds that a later check reads.
fn gate(ident: &Ident, input: ParseStream, errors: &mut Errors) -> syn::Result<()> {
    const BOUNDS: &[Known] = &[("max", "max = <number>"), ("min", "min = <number>")];
    if !input.peek(syn::token::Paren) {
        return Err(err!(ident.span(), "`gate` takes bounds: `gate(max = 0.1)`"));
    }
    let content;
    parenthesized!(content in input);
    if content.is_empty() {
        return Err(err!(ident.span(), "`gate` takes bounds: `gate(max = 0.1)`"));
    }
    Options::new("gate", BOUNDS).parse_all(&content, errors, |name, _, input, _| {
        input.parse::<Token![=]>()?;
        let bound: Expr = input.parse()?;
        if crate::values::is_text(&bound) {
            return Err(err!(&bound, "`{name}` is a number: `gate({name} = 0.1)`"));
        }
        Ok(())
    });
    Ok(())
}

/// `#[track(..)]` on the type: the path of the facade.
pub(crate) fn container(owner: &'static str, attrs: &[Attribute], errors: &mut Errors) -> Krate {
    const OPTIONS: &[Known] = &[("crate", "crate = <path>")];
    let mut krate = Krate::default();
    let mut options = Options::new(owner, OPTIONS);
    for attribute in attrs.iter().filter(|attribute| attribute.path().is_ident("track")) {
        let parsed = attribute.parse_args_with(|input: ParseStream| {
            options.parse_all(input, errors, |_, _, input, _| {
                input.parse::<Token![=]>()?;
                krate = input.parse()?;
                Ok(())
            });
            Ok(())
        });
        errors.absorb(parsed);
    }
    krate
}
