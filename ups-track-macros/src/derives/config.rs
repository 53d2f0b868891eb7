//! `#[derive(RunConfig)]`: a struct as the config of a run, or a part of it.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Fields, Ident, LitStr, Type, Variant, parse_quote};

use super::attrs::keys as keys_and_inner;
use super::case;
use super::config_attrs::{Attrs, OWNER};
use super::input::{Data, Input};
use super::types::{is_secret, is_text};
use crate::errors::{Errors, err};
use crate::keys::{self, KeyName, Keys};
use crate::krate::Krate;
use crate::secret_names::sign;
use crate::values::{local, source_of_type};

/// How a part of the config looks as JSON.
enum Shape {
    /// A struct or variant with named fields.
    Named(Vec<Member>),
    /// A tuple of one field, which is written as itself.
    Newtype(Box<Member>),
    Tuple(Vec<Member>),
    Unit,
}

impl Shape {
    fn members(&self) -> &[Member] {
        match self {
            Self::Named(members) | Self::Tuple(members) => members,
            Self::Newtype(only) => std::slice::from_ref(only),
            Self::Unit => &[],
        }
    }
}

struct Member {
    /// The field's name or number.
    name: syn::Member,
    ty: Type,
    key: KeyName,
    attrs: Attrs,
}

/// A variant of an enum.
struct Case {
    ident: Ident,
    name: String,
    shape: Shape,
}

pub(crate) fn run_config(item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let parsed = syn::parse2::<Input>(item);
    let Some(input) = errors.absorb(parsed) else { return errors.finish().unwrap_or_default() };
    let attrs = Attrs::of_type(&input.attrs, &mut errors);
    let private = attrs.krate.private();
    let writer = Writer { input: &input, krate: &attrs.krate, private: &private };
    let expanded = match &input.data {
        Data::Struct(fields) => {
            let shape = shape(fields, attrs.rename_all.as_deref(), &mut errors);
            writer.structure(&shape, attrs.serde)
        }
        Data::Enum(variants) => {
            let cases = cases(variants, &attrs, &mut errors);
            writer.enumeration(&cases, attrs.serde)
        }
        Data::Union(span) => {
            errors.push(err!(
                *span,
                "`{OWNER}` needs a struct or an enum: which field of a union holds is unknown"
            ));
            writer.structure(&Shape::Unit, false)
        }
    };
    match errors.finish() {
        None => expanded,
        Some(errors) => {
            // The impls without the fields, so that the users of the type are not in error too.
            let empty = match &input.data {
                Data::Struct(Fields::Named(_)) => writer.structure(&Shape::Named(Vec::new()), false),
                _ => writer.structure(&Shape::Unit, false),
            };
            quote!(#errors #empty)
        }
    }
}

fn shape(fields: &Fields, rule: Option<&str>, errors: &mut Errors) -> Shape {
    let mut keys = Keys::new("config key", "one struct");
    let mut members = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let attrs = Attrs::of_field(&field.attrs, errors);
        if attrs.skip || is_secret(&field.ty) {
            continue;
        }
        let (name, key) = match &field.ident {
            Some(ident) => {
                let mut key = KeyName::of_ident(ident);
                if let Some(rule) = rule {
                    key.text = case::field(rule, &key.text);
                }
                (syn::Member::Named(ident.clone()), attrs.rename.clone().unwrap_or(key))
            }
            None => (syn::Member::from(index), KeyName { text: index.to_string(), span: field.ty.span() }),
        };
        if matches!(fields, Fields::Named(_)) && !attrs.flatten {
            keys.add(&key, errors);
            if sign(&key.text).is_some() && is_text(&field.ty) {
                errors.push(looks_secret(&key, &field.ty));
            }
        }
        members.push(Member { name, ty: field.ty.clone(), key, attrs });
    }
    match (fields, fields.len(), members.pop()) {
        (Fields::Unit, ..) => Shape::Unit,
        (Fields::Unnamed(_), 1, Some(only)) => Shape::Newtype(Box::new(only)),
        (Fields::Unnamed(_), _, last) => Shape::Tuple(members.into_iter().chain(last).collect()),
        (Fields::Named(_), _, last) => Shape::Named(members.into_iter().chain(last).collect()),
    }
}

/// The error for text under a name that looks like a secret.
fn looks_secret(key: &KeyName, ty: &Type) -> syn::Error {
    let ty = source_of_type(ty);
    err!(
        key.span,
        "`{}` looks like a secret, and everybody who sees the run sees its config\nmake it a `ups_track::Secret<{ty}>`, or leave \
         it out with `#[track(skip)]`; if it is none, name it otherwise: `#[track(rename = \"..\")]`",
        key.text
    )
}

fn cases(variants: &[Variant], outer: &Attrs, errors: &mut Errors) -> Vec<Case> {
    let mut cases = Vec::new();
    for variant in variants {
        let attrs = Attrs::of_variant(&variant.attrs, errors);
        let name = match (&attrs.rename, &outer.rename_all) {
            (Some(name), _) => name.text.clone(),
            (None, Some(rule)) => case::variant(rule, &variant.ident.unraw().to_string()),
            (None, None) => variant.ident.unraw().to_string(),
        };
        if matches!(variant.fields, Fields::Named(_) | Fields::Unnamed(_)) {
            let span = attrs.rename.as_ref().map_or(variant.ident.span(), |name| name.span);
            keys::check("config key", &KeyName { text: name.clone(), span }, errors);
        }
        let rule = attrs.rename_all.as_deref().or(outer.rename_all_fields.as_deref());
        cases.push(Case { ident: variant.ident.clone(), name, shape: shape(&variant.fields, rule, errors) });
    }
    cases
}

struct Writer<'a> {
    input: &'a Input,
    krate: &'a Krate,
    private: &'a TokenStream,
}

impl Writer<'_> {
    fn structure(&self, shape: &Shape, serde: bool) -> TokenStream {
        let Self { private, .. } = self;
        let own = |member: &Member| {
            let member = &member.name;
            quote!(&self.#member)
        };
        let types = types(shape);
        let (config, value) = match shape {
            _ if serde => (None, self.serialized()),
            Shape::Named(members) => {
                let map = self.map(members, own);
                let keys = self.keys(members);
                let config = self.implement("RunConfig", &types, &quote! {
                    #keys
                    fn entries(&self) -> #private::serde_json::Map<#private::std::string::String, #private::serde_json::Value> {
                        #map
                    }
                });
                (
                    Some(config),
                    quote!(#private::serde_json::Value::Object(#private::RunConfig::entries(self))),
                )
            }
            other => (None, self.value(other, own)),
        };
        let value = self.config_value(&types, &value);
        let one_kind = self.input.one_kind(private);
        let distinct = if serde { None } else { self.assert_distinct(shape.members()) };
        quote!(#config #value #one_kind #distinct)
    }

    /// `const KEYS`: the keys of the struct, and those of the structs inside it.
    fn keys(&self, members: &[Member]) -> TokenStream {
        let Self { private, .. } = self;
        let (inner, own): (Vec<_>, Vec<_>) = members.iter().partition(|member| member.attrs.flatten);
        let inner = inner.into_iter().map(|member| ("", &member.ty));
        keys_and_inner(private, "CONFIG", own.into_iter().map(|member| &member.key), inner)
    }

    /// The check that no key of a struct inside repeats another one.
    fn assert_distinct(&self, members: &[Member]) -> Option<TokenStream> {
        let Self { input, krate, .. } = self;
        let last = members.iter().rev().find(|member| member.attrs.flatten)?;
        if !input.generics.params.is_empty() {
            return None;
        }
        let (name, private) = (&input.ident, krate.private_at(last.ty.span()));
        Some(quote_spanned! {last.ty.span()=>
            const _: () = #private::assert_distinct("config key", &[<#name as #private::RunConfig>::KEYS]);
        })
    }

    fn enumeration(&self, cases: &[Case], serde: bool) -> TokenStream {
        let Self { private, .. } = self;
        let types: Vec<_> = cases.iter().flat_map(|case| types(&case.shape)).collect();
        let arms = cases.iter().map(|Case { ident, name, shape }| {
            let binding = |member: &Member| match &member.name {
                syn::Member::Named(ident) => local(&format!("field_{}", ident.unraw())),
                syn::Member::Unnamed(index) => local(&format!("field_{}", index.index)),
            };
            let value = self.value(shape, |member| {
                let binding = binding(member);
                quote!(#binding)
            });
            let (pattern, value) = match shape {
                Shape::Unit => (
                    quote!(Self::#ident),
                    quote!(#private::serde_json::Value::String(#private::core::convert::From::from(#name))),
                ),
                other => {
                    let members = other.members();
                    let names = members.iter().map(|member| &member.name);
                    let bindings = members.iter().map(binding);
                    let entries = local("variant");
                    let value = quote! {{
                        let mut #entries = #private::serde_json::Map::new();
                        #entries.insert(#private::core::convert::From::from(#name), #value);
                        #private::serde_json::Value::Object(#entries)
                    }};
                    (quote!(Self::#ident { #(#names: #bindings,)* .. }), value)
                }
            };
            quote!(#pattern => #value,)
        });
        let value = match cases {
            _ if serde => self.serialized(),
            [] => quote!(match *self {}),
            _ => quote!(match self { #(#arms)* }),
        };
        let value = self.config_value(&types, &value);
        let one_kind = self.input.one_kind(private);
        quote!(#value #one_kind)
    }

    /// The expression that makes the JSON of one shape.
    fn value(&self, shape: &Shape, access: impl Fn(&Member) -> TokenStream) -> TokenStream {
        let Self { private, .. } = self;
        match shape {
            Shape::Unit => quote!(#private::serde_json::Value::Null),
            Shape::Named(members) => {
                let map = self.map(members, access);
                quote!(#private::serde_json::Value::Object(#map))
            }
            Shape::Newtype(only) => self.member(only, &access(only)),
            Shape::Tuple(members) => {
                let values = members.iter().map(|member| self.member(member, &access(member)));
                quote!(#private::serde_json::Value::Array(#private::core::convert::From::from([#(#values),*])))
            }
        }
    }

    /// The expression that makes the map of named fields.
    fn map(&self, members: &[Member], access: impl Fn(&Member) -> TokenStream) -> TokenStream {
        let Self { private, .. } = self;
        if members.is_empty() {
            return quote!(#private::serde_json::Map::new());
        }
        let entries = local("entries");
        let inserts = members.iter().map(|member| {
            let (Member { ty, key, attrs, .. }, access) = (member, access(member));
            if attrs.flatten {
                return quote_spanned!(ty.span()=> #private::probe::merge::<#ty>(#access, &mut #entries););
            }
            let key = LitStr::new(&key.text, key.span);
            let value = self.member(member, &access);
            quote!(#entries.insert(#private::core::convert::From::from(#key), #value);)
        });
        quote! {{
            let mut #entries = #private::serde_json::Map::new();
            #(#inserts)*
            #entries
        }}
    }

    fn member(&self, member: &Member, access: &TokenStream) -> TokenStream {
        let (Self { private, .. }, Member { ty, attrs, .. }) = (self, member);
        if attrs.serde {
            quote_spanned!(ty.span()=> #private::probe::serialize::<#ty>(#access))
        } else {
            quote_spanned!(ty.span()=> <#ty as #private::ConfigValue>::config_value(#access))
        }
    }

    fn serialized(&self) -> TokenStream {
        let (Self { private, .. }, span) = (self, self.input.ident.span());
        quote_spanned!(span=> #private::probe::serialize::<Self>(self))
    }

    fn config_value(&self, types: &[&Type], value: &TokenStream) -> TokenStream {
        let Self { private, .. } = self;
        self.implement(
            "ConfigValue",
            types,
            &quote! {
                fn config_value(&self) -> #private::serde_json::Value {
                    #value
                }
            },
        )
    }

    fn implement(&self, name: &str, types: &[&Type], body: &TokenStream) -> TokenStream {
        let (Self { input, private, .. }, name) = (self, Ident::new(name, Span::call_site()));
        input.implement(&parse_quote!(#private::#name), &parse_quote!(#private::ConfigValue), types, body)
    }
}

/// The types that have to be config values.
fn types(shape: &Shape) -> Vec<&Type> {
    let by_us = |member: &&Member| !member.attrs.flatten && !member.attrs.serde;
    shape.members().iter().filter(by_us).map(|member| &member.ty).collect()
}
