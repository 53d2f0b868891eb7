//! `summary!`: final values of the run.

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitStr;

use super::entries::{Entries, Words, statements};
use crate::values::{borrowed, local};

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
    let named: Vec<_> = entries.pairs.iter().filter_map(|pair| Some((pair.key()?, &pair.value))).collect();
    let pairs = (!named.is_empty()).then(|| {
        let names: Vec<_> =
            named.iter().map(|(key, _)| LitStr::new(&format!("summary.{}", key.text), key.span)).collect();
        let site = entries.site("ups_track::summary", &names);
        let values = named.iter().map(|(_, value)| entries.value(value, "summary"));
        let locals: Vec<_> = (0..named.len()).map(|n| local(&format!("value_{n}"))).collect();
        quote! {
            #site
            // A `match` keeps what the values borrow from alive.
            match (#(#values,)*) {
                (#(#locals,)*) => #private::summary(
                    &__UPS_TRACK_SITE,
                    &|each| { #( each(#private::SummaryField::scalar(&#locals)); )* },
                ),
            }
        }
    });
    let groups = entries.groups.iter().map(borrowed);
    let distinct = entries.key_constants(&WORDS);
    let constants = entries.constants().map(|(key, value)| {
        let value = entries.value(value, "summary");
        quote!(#private::probe::scores(&[(#key, #value)], "");)
    });
    statements(&quote! {
        #distinct
        #pairs
        #(#constants)*
        #( #private::probe::scores(#groups, ""); )*
    })
}
