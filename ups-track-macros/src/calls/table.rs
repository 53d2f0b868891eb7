//! `table!`: rows to compare.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Expr;

use super::entries::{Entries, Words, statements};
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
        (errors, groups) => {
            // Beside the errors the values, so that one build also shows what is wrong with their types.
            let logs = entries.pairs.iter().map(|pair| log(&entries, &quote!(""), &pair.value));
            quote!({ #errors #groups if false { #(#logs)* } })
        }
    }
}

fn expand(entries: &Entries) -> TokenStream {
    let distinct = entries.key_constants(&WORDS);
    let logs = entries.pairs.iter().map(|pair| log(entries, &pair.text(&entries.krate), &pair.value));
    statements(&quote! {
        #distinct
        #(#logs)*
    })
}

/// What is no table is reported at the value.
fn log(entries: &Entries, key: &TokenStream, value: &Expr) -> TokenStream {
    let private = entries.krate.private_at(place(value));
    let rows = borrowed(value);
    quote_spanned!(place(value)=> #private::log_table(#key, #rows);)
}
