//! `#[derive(EvalSummary)]`: a struct as the scores of an evaluation.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Ident, LitStr, Type, parse_quote};

use super::attrs::{Member, assert_distinct, derive, keys_of};
use super::input::Input;
use crate::krate::Krate;
use crate::options::Known;
use crate::values::{local, place_of_type, probed};

const NOUN: &str = "summary key";
const OWNER: &str = "#[derive(EvalSummary)]";
const OPTIONS: &[Known] = &[
    ("goal", "goal = \"min\"|\"max\""),
    ("rename", "rename = \"..\""),
    ("skip", "skip"),
    ("flatten", "flatten"),
    ("prefix", "prefix = \"..\""),
    ("unit", "unit = \"..\""),
    ("gate", "gate(max = .., min = ..)"),
];

pub(crate) fn eval_summary(item: TokenStream) -> TokenStream {
    derive(item, OWNER, OPTIONS, NOUN, expand)
}

fn expand(input: &Input, krate: &Krate, members: &[Member]) -> TokenStream {
    let private = krate.private();
    let goals = goals(input, members, &private);
    let visit = visit(members, krate);
    let all_goals = visit_goals(input, members, &private);
    let keys = keys_of(members, &private, "SUMMARY");
    let body = quote!(#keys #goals #visit #all_goals);
    let values: Vec<_> =
        members.iter().filter(|member| member.flatten.is_none()).map(|member| &member.ty).collect();
    let implementation = input.implement(
        &parse_quote!(#private::EvalSummary),
        &parse_quote!(#private::SummaryValue),
        &values,
        &body,
    );
    let one_kind = input.one_kind(&private);
    let distinct = assert_distinct(input, members, krate, NOUN, "EvalSummary");
    quote!(#implementation #one_kind #distinct)
}

/// `const GOALS`, with the goals of the structs inside; a generic struct cannot add those up.
fn goals(input: &Input, members: &[Member], private: &TokenStream) -> TokenStream {
    let own: Vec<_> = members
        .iter()
        .filter_map(|member| {
            let goal = Ident::new(if member.goal? == "min" { "Min" } else { "Max" }, Span::call_site());
            let key = &member.key.text;
            Some(quote!((#key, #private::Goal::#goal)))
        })
        .collect();
    let inner: Vec<_> = members
        .iter()
        .filter(|member| {
            member.flatten.as_ref().is_some_and(String::is_empty) && input.generics.params.is_empty()
        })
        .map(|Member { ty, .. }| quote_spanned!(ty.span()=> <#ty as #private::EvalSummary>::GOALS))
        .collect();
    let ty = quote!(&'static [(&'static str, #private::Goal)]);
    match (own.is_empty(), inner.is_empty()) {
        (true, true) => TokenStream::new(),
        (false, true) => quote!(const GOALS: #ty = &[#(#own),*];),
        _ => {
            let own_len = own.len();
            quote! {
                const GOALS: #ty = &#private::probe::goals::<{ #own_len #(+ #inner.len())* }>(&[&[#(#own),*], #(#inner),*]);
            }
        }
    }
}

fn visit(members: &[Member], krate: &Krate) -> TokenStream {
    let private = krate.private();
    let each = if members.is_empty() { local("_each") } else { local("each") };
    let visits = members.iter().map(|Member { ident, ty, key, flatten, goal, .. }| {
        let assert = goal.map(|_| quote_spanned!(ty.span()=> #private::probe::assert_goal::<#ty>();));
        let visit = match flatten {
            None => {
                let key = LitStr::new(&key.text, key.span);
                let value = probed(krate, "Probe", &quote!(&self.#ident), place_of_type(ty), "summary");
                quote!(#private::probe::summary(&#value, #key, #each);)
            }
            Some(prefix) => {
                let nested = nested(&private, ident, ty);
                quote!(#private::probe::Nested::visit(#nested, #prefix, #each);)
            }
        };
        quote!(#assert #visit)
    });
    quote! {
        fn visit_summary(&self, #each: &mut dyn #private::core::ops::FnMut(&str, #private::Scalar)) {
            #(#visits)*
        }
    }
}

/// `fn visit_goals`, where structs inside have prefixes, or a generic struct has structs inside.
fn visit_goals(input: &Input, members: &[Member], private: &TokenStream) -> Option<TokenStream> {
    let is_inner = |member: &&Member| member.flatten.is_some();
    let needed = members.iter().filter(is_inner).any(|member| {
        !member.flatten.as_ref().is_some_and(String::is_empty) || !input.generics.params.is_empty()
    });
    if !needed {
        return None;
    }
    let each = local("each");
    let own = members.iter().filter_map(|member| {
        let goal = Ident::new(if member.goal? == "min" { "Min" } else { "Max" }, Span::call_site());
        let key = &member.key.text;
        Some(quote!(#each(#key, #private::Goal::#goal);))
    });
    let inner = members.iter().filter_map(|Member { ty, flatten, .. }| {
        let prefix = flatten.as_ref()?;
        Some(quote_spanned!(ty.span()=> #private::probe::goals_below::<#ty>(#prefix, #each);))
    });
    Some(quote! {
        fn visit_goals(#each: &mut dyn #private::core::ops::FnMut(&str, #private::Goal)) {
            #(#own)*
            #(#inner)*
        }
    })
}

/// A struct of scores inside this one; what is no such struct is reported at its type.
fn nested(private: &TokenStream, ident: &Ident, ty: &Type) -> TokenStream {
    quote_spanned!(ty.span()=> #private::probe::nested::<#ty>(&self.#ident))
}
