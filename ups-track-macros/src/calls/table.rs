//! `table!`: rows to compare.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Expr, LitStr};

use super::entries::{Entries, Name, Words};
use crate::errors::{Errors, err};
use crate::values::{borrowed, place};

const WORDS: Words = Words { owner: "table!", noun: "table key", group: "rows" };

pub(crate) fn table(input: TokenStream) -> TokenStream {
    let empty = "`table!` has no table: add `key = <expr>`, for example `cases = rows`";
    let (errors, entries) = Entries::parse_some(input, &WORDS, empty);
    let Some(entries) = entries else { return errors.unwrap_or_default() };
    let mut groups = Errors::new();
    for group in &entries.groups {
        groups.push(err!(group, "`table!` takes no `..`: give the table a key, as in `cases = rows`"));
    }
    match (errors, groups.finish()) {
        (None, None) => expand(&entries),
        (errors, groups) => quote!({ #errors #groups }),
    }
}

fn expand(entries: &Entries) -> TokenStream {
    let private = entries.krate.private();
    let distinct = entries.assert_distinct(&WORDS);
    let logs = entries.pairs.iter().map(|pair| {
        let key = match &pair.name {
            Name::Text(key) => LitStr::new(&key.text, key.span).into_token_stream(),
            Name::Const(key) => quote!(#private::probe::key(#key)),
        };
        log(entries, &key, &pair.value)
    });
    quote! {
        if #private::on() {
            #distinct
            #(#logs)*
        }
    }
}

/// What is no table is reported at the value.
fn log(entries: &Entries, key: &TokenStream, value: &Expr) -> TokenStream {
    let private = entries.krate.private_at(place(value));
    let rows = borrowed(value);
    quote_spanned!(place(value)=> #private::log_table(#key, #rows);)
}
