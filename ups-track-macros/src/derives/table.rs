//! `#[derive(TableRow)]`: a struct as a row of a table.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Attribute, Field, Ident, LitStr, Type, parse_quote};

use super::attrs::container;
use super::input::Input;
use crate::errors::{Errors, err};
use crate::keys::KeyName;
use crate::krate::Krate;
use crate::options::{self, Known, Options};

const OWNER: &str = "#[derive(TableRow)]";
const OPTIONS: &[Known] = &[("rename", "rename = \"..\""), ("skip", "skip")];

/// One field that is not skipped.
struct Column {
    ident: Ident,
    ty: Type,
    name: KeyName,
}

pub(crate) fn table_row(item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let parsed = syn::parse2::<Input>(item);
    let Some(input) = errors.absorb(parsed) else { return errors.finish().unwrap_or_default() };
    let krate = container(OWNER, &input.attrs, &mut errors);
    let fields = input.named_fields(OWNER, &mut errors);
    let columns = columns(fields, &mut errors);
    if columns.is_empty() && !errors.any() {
        errors.push(err!(
            input.ident.span(),
            "`{OWNER}` needs a field that is a column, and `{}` has none",
            input.ident
        ));
    }
    match errors.finish() {
        None => expand(&input, &krate, &columns),
        Some(errors) => {
            let empty = expand(&input, &krate, &[]);
            quote!(#errors #empty)
        }
    }
}

fn columns(fields: Vec<Field>, errors: &mut Errors) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for field in fields {
        let (rename, skip) = attrs(&field.attrs, errors);
        let Some(ident) = field.ident.filter(|_| !skip) else { continue };
        let name = rename.unwrap_or_else(|| KeyName::of_ident(&ident));
        if name.text.trim().is_empty() {
            errors.push(err!(name.span, "the name of a column is empty"));
        }
        // A column is no key: any text may be its name.
        if let Some(first) = columns.iter().find(|column| column.name.text == name.text) {
            let text = &name.text;
            errors.push(err!(name.span, "column `{text}` appears twice in one row"));
            errors.push(err!(first.name.span, "the first `{text}` is here"));
        }
        columns.push(Column { ident, ty: field.ty, name });
    }
    columns
}

/// The other name, if any, and whether the field is left out.
fn attrs(attrs: &[Attribute], errors: &mut Errors) -> (Option<KeyName>, bool) {
    let (mut rename, mut skip): (Option<KeyName>, Option<Span>) = (None, None);
    let mut options = Options::new(OWNER, OPTIONS);
    for attribute in attrs.iter().filter(|attribute| attribute.path().is_ident("track")) {
        let parsed = attribute.parse_args_with(|input: ParseStream| {
            options.parse_all(input, errors, |name, ident, input, _| {
                if name == "skip" {
                    skip = Some(ident.span());
                } else {
                    rename = Some(KeyName::of_lit(&options::text(name, input)?));
                }
                Ok(())
            });
            Ok(())
        });
        errors.absorb(parsed);
    }
    if let (Some(span), Some(_)) = (skip, &rename) {
        errors.push(err!(span, "a skipped field has no other options; remove them or `skip`"));
    }
    (rename, skip.is_some())
}

fn expand(input: &Input, krate: &Krate, columns: &[Column]) -> TokenStream {
    let private = krate.private();
    let names = columns.iter().map(|column| LitStr::new(&column.name.text, column.name.span));
    let cells = columns.iter().map(|Column { ident, ty, .. }| {
        let private = krate.private_at(ty.span());
        quote_spanned!(ty.span()=> <#ty as #private::TableCell>::cell(&self.#ident))
    });
    let body = quote! {
        const COLUMNS: &'static [&'static str] = &[#(#names),*];
        fn cells(&self) -> #private::std::vec::Vec<#private::serde_json::Value> {
            #private::core::convert::From::from([#(#cells),*])
        }
    };
    let types: Vec<_> = columns.iter().map(|column| &column.ty).collect();
    let row =
        input.implement(&parse_quote!(#private::TableRow), &parse_quote!(#private::TableCell), &types, &body);
    let one_kind = input.one_kind(&private);
    quote!(#row #one_kind)
}
