//! `#[derive(Metrics)]`: a struct as a row of metrics.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::LitStr;
use syn::parse_quote;
use syn::spanned::Spanned as _;

use super::attrs::{Member, derive};
use super::input::Input;
use crate::krate::Krate;
use crate::options::Known;
use crate::values::{local, place_of_type, probed};

const OWNER: &str = "#[derive(Metrics)]";
const OPTIONS: &[Known] = &[
    ("rename", "rename = \"..\""),
    ("skip", "skip"),
    ("flatten", "flatten"),
    ("prefix", "prefix = \"..\""),
    ("unit", "unit = \"..\""),
];

pub(crate) fn metrics(item: TokenStream) -> TokenStream {
    derive(item, OWNER, OPTIONS, "metric key", expand)
}

fn expand(input: &Input, krate: &Krate, members: &[Member]) -> TokenStream {
    let private = krate.private();
    let each = if members.is_empty() { local("_each") } else { local("each") };
    let visits = members.iter().map(|Member { ident, ty, key, flatten, .. }| match flatten {
        None => {
            let key = LitStr::new(&key.text, key.span);
            let value = probed(krate, "Probe", &quote!(&self.#ident), place_of_type(ty), "metric");
            quote!(#private::probe::metric(#value, #key, #each);)
        }
        Some(prefix) => {
            quote_spanned!(ty.span()=> #private::probe::metrics::<#ty>(&self.#ident, #prefix, #each);)
        }
    });
    let body = quote! {
        fn visit_metrics(&self, #each: &mut dyn #private::core::ops::FnMut(&str, #private::Number)) {
            #(#visits)*
        }
    };
    let values: Vec<_> =
        members.iter().filter(|member| member.flatten.is_none()).map(|member| &member.ty).collect();
    let implementation = input.implement(
        &parse_quote!(#private::Metrics),
        &parse_quote!(#private::MetricValue),
        &values,
        &body,
    );
    let one_kind = input.one_kind(&private);
    quote!(#implementation #one_kind)
}
