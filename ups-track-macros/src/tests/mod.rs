//! The macros from the outside: tokens in, tokens out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests end by panicking")]

mod expansions;
mod fuzz;
mod typing;

use proc_macro2::TokenStream;

/// Source text as tokens.
fn tokens(source: &str) -> TokenStream {
    source.parse().unwrap_or_else(|error| panic!("{error}: {source}"))
}

/// An expansion laid out for people. A function-like macro has to be put into a function first.
fn pretty(expansion: &TokenStream) -> String {
    let text = expansion.to_string();
    let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    prettyplease::unparse(&file)
}

/// How many errors an expansion reports.
fn faults(expansion: &TokenStream) -> usize {
    expansion.to_string().matches("compile_error !").count()
}
