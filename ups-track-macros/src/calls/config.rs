//! `config!`: what the run was given.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Expr, LitStr};

use super::entries::{Entries, Words};
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

/// The value on its way: as a field of the event, or as JSON.
fn probe(krate: &Krate, value: &Expr) -> TokenStream {
    probed(krate, "ConfigProbe", &borrowed(value), place(value), "config")
}

fn expand(entries: &Entries) -> TokenStream {
    let private = entries.krate.private();
    let groups = entries.groups.iter().map(borrowed);
    let pairs: Vec<_> = entries.pairs.iter().filter_map(|pair| Some((pair.key()?, &pair.value))).collect();
    let pairs = (!pairs.is_empty()).then(|| expand_pairs(&entries.krate, &pairs));
    let distinct = entries.key_constants(&WORDS);
    let json = local("json");
    let constants = entries.constants().map(|(key, value)| {
        let value = probe(&entries.krate, value);
        quote! {
            let mut #json = #private::serde_json::Map::new();
            #private::probe::ConfigEntry::insert(&#value, #key, &mut #json);
            #private::config(#json);
        }
    });
    quote! {
        if #private::on() {
            #distinct
            #pairs
            #(#constants)*
            #( #private::probe::settings(#groups); )*
        }
    }
}

fn expand_pairs(krate: &Krate, pairs: &[(&KeyName, &Expr)]) -> TokenStream {
    let private = krate.private();
    let keys: Vec<_> = pairs.iter().map(|(key, _)| LitStr::new(&key.text, key.span)).collect();
    let names = pairs.iter().map(|(key, _)| LitStr::new(&format!("config.{}", key.text), key.span));
    let values = pairs.iter().map(|(_, value)| probe(krate, value));
    let entries: Vec<_> = (0..pairs.len()).map(|n| local(&format_ident!("entry_{n}").to_string())).collect();
    let json = local("json");
    quote! {
        // A `match` keeps what the values borrow from alive.
        match (#(#values,)*) {
            (#(#entries,)*) => {
                if #( #private::probe::ConfigEntry::in_event(&#entries) )||* {
                    #private::tracing::event!(
                        target: "ups_track::config",
                        #private::tracing::Level::INFO,
                        { #( #names = #private::probe::ConfigEntry::field(&#entries) ),* }
                    );
                }
                let mut #json = #private::serde_json::Map::new();
                #( #private::probe::ConfigEntry::collect(&#entries, #keys, &mut #json); )*
                if !#json.is_empty() {
                    #private::config(#json);
                }
            }
        }
    }
}
