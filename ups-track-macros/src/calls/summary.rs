//! `summary!`: final values of the run.

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitStr;

use super::entries::{Entries, Words};
use crate::values::borrowed;

const WORDS: Words = Words { owner: "summary!", noun: "summary key", group: "scores" };

pub(crate) fn summary(input: TokenStream) -> TokenStream {
    let empty = "`summary!` has no value: add `key = <expr>`, for example `nrmse = 0.09`";
    match Entries::parse_some(input, &WORDS, empty) {
        (Some(errors), Some(entries)) => entries.fallback(&errors, "summary"),
        (errors, None) => errors.unwrap_or_default(),
        (None, Some(entries)) => expand(&entries),
    }
}

fn expand(entries: &Entries) -> TokenStream {
    let private = entries.krate.private();
    let fields: Vec<_> = entries
        .pairs
        .iter()
        .filter_map(|pair| {
            let key = pair.key()?;
            let name = LitStr::new(&format!("summary.{}", key.text), key.span);
            let value = entries.value(&pair.value, "summary");
            Some(quote!(#name = #value))
        })
        .collect();
    let event = (!fields.is_empty()).then(|| {
        quote! {
            #private::tracing::event!(
                target: "ups_track::summary",
                #private::tracing::Level::INFO,
                { #(#fields),* }
            );
        }
    });
    let groups = entries.groups.iter().map(borrowed);
    let distinct = entries.key_constants(&WORDS);
    let constants = entries.constants().map(|(key, value)| {
        let value = entries.value(value, "summary");
        quote!(#private::probe::scores(&[(#key, #value)], "");)
    });
    quote! {
        if #private::on() {
            #distinct
            #event
            #(#constants)*
            #( #private::probe::scores(#groups, ""); )*
        }
    }
}
