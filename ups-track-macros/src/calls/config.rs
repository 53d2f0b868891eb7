//! `config!`: what the run was given.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, LitStr};

use super::entries::{Entries, Words, statements};
use crate::keys::KeyName;
use crate::krate::Krate;
use crate::values::{borrowed, local, place, probed};

const WORDS: Words = Words { owner: "config!", noun: "config key", group: "settings" };

pub(crate) fn config(input: TokenStream) -> TokenStream {
    let empty = "`config!` has no entry: add `key = <expr>`, for example `epochs = 100`";
    match Entries::parse_some(input, &WORDS, empty) {
        (Some(errors), Some(entries)) => {
            let values = entries.pairs.iter().map(|pair| probe(&entries.krate, &pair.value));
            quote! {{
                #errors
                if false {
                    #( let _ = #values; )*
                }
            }}
        }
        (errors, None) => errors.unwrap_or_default(),
        (None, Some(entries)) => expand(&entries),
    }
}

/// The value on its way.
fn probe(krate: &Krate, value: &Expr) -> TokenStream {
    probed(krate, "ConfigProbe", &borrowed(value), place(value), "config")
}

fn expand(entries: &Entries) -> TokenStream {
    let private = entries.krate.private();
    let groups = entries.groups.iter().map(borrowed);
    let pairs: Vec<_> = entries.pairs.iter().filter_map(|pair| Some((pair.key()?, &pair.value))).collect();
    let pairs = (!pairs.is_empty()).then(|| expand_pairs(entries, &pairs));
    let distinct = entries.key_constants(&WORDS);
    let constants = entries.constants().map(|(key, value)| {
        let value = probe(&entries.krate, value);
        quote!(#private::config_entry(#key, &|| #private::probe::Entry::json(&#value));)
    });
    statements(&quote! {
        #distinct
        #pairs
        #(#constants)*
        #( #private::probe::settings(#groups); )*
    })
}

fn expand_pairs(entries: &Entries, pairs: &[(&KeyName, &Expr)]) -> TokenStream {
    let private = entries.krate.private();
    let names: Vec<_> =
        pairs.iter().map(|(key, _)| LitStr::new(&format!("config.{}", key.text), key.span)).collect();
    let site = entries.site("ups_track::config", &names);
    let values = pairs.iter().map(|(_, value)| probe(&entries.krate, value));
    let locals: Vec<_> = (0..pairs.len()).map(|n| local(&format!("entry_{n}"))).collect();
    quote! {
        #site
        // A `match` keeps what the values borrow from alive.
        match (#(#values,)*) {
            (#(#locals,)*) => #private::config(
                &__UPS_TRACK_SITE,
                &|each| { #( each(#private::probe::Entry::json(&#locals)); )* },
            ),
        }
    }
}
