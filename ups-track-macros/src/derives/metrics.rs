//! `#[derive(Metrics)]`: a struct as a row of metrics.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::LitStr;
use syn::parse_quote;
use syn::spanned::Spanned as _;

use super::attrs::{Member, assert_distinct, derive, keys_of};
use super::input::Input;
use crate::krate::Krate;
use crate::options::Known;
use crate::values::{local, place_of_type, probed};

const NOUN: &str = "metric key";
const OWNER: &str = "#[derive(Metrics)]";
const OPTIONS: &[Known] = &[
    ("step", "step"),
    ("rename", "rename = \"..\""),
    ("skip", "skip"),
    ("flatten", "flatten"),
    ("prefix", "prefix = \"..\""),
    ("unit", "unit = \"..\""),
];

pub(crate) fn metrics(item: TokenStream) -> TokenStream {
    derive(item, OWNER, OPTIONS, NOUN, expand)
}

fn expand(input: &Input, krate: &Krate, members: &[Member]) -> TokenStream {
    let private = krate.private();
    let each = local(if members.iter().all(|member| member.step) { "_each" } else { "each" });
    let visits = members.iter().filter(|member| !member.step).map(|member| {
        let Member { ident, ty, key, flatten, .. } = member;
        match flatten {
            None => {
                let key = LitStr::new(&key.text, key.span);
                let value = probed(krate, "Probe", &quote!(&self.#ident), place_of_type(ty), "metric");
                quote!(#private::probe::metric(#value, #key, #each);)
            }
            Some(prefix) => {
                quote_spanned!(ty.span()=> #private::probe::metrics::<#ty>(&self.#ident, #prefix, #each);)
            }
        }
    });
    let keys = keys_of(members, &private, "METRICS");
    let shape = shape(members, krate);
    let step = members.iter().find(|member| member.step);
    let has_step = step.map(|_| {
        quote!(
            const HAS_STEP: bool = true;
        )
    });
    let body = quote! {
        #keys
        #has_step
        fn visit_metrics(&self, #each: &mut dyn #private::core::ops::FnMut(&str, #private::Number)) {
            #(#visits)*
        }
        #shape
    };
    let values: Vec<_> =
        members.iter().filter(|member| member.flatten.is_none()).map(|member| &member.ty).collect();
    let metric_value = parse_quote!(#private::MetricValue);
    let implementation = input.implement(&parse_quote!(#private::Metrics), &metric_value, &values, &body);
    let stepped = step.map(|Member { ident, ty, .. }| {
        let value = probed(krate, "Probe", &quote!(&self.#ident), place_of_type(ty), "metric");
        let body = quote! {
            fn step(&self) -> #private::core::option::Option<#private::Number> {
                #private::MetricField::number(#value)
            }
        };
        input.implement(&parse_quote!(#private::SteppedMetrics), &metric_value, &values, &body)
    });
    let one_kind = input.one_kind(&private);
    let distinct = assert_distinct(input, members, krate, NOUN, "Metrics");
    let outer_step = inner_steps(input, members, krate);
    quote!(#implementation #stepped #one_kind #distinct #outer_step)
}

/// `const SHAPE` and `fn numbers`: the keys once, and for each row the values alone, in the same order.
fn shape(members: &[Member], krate: &Krate) -> TokenStream {
    let private = krate.private();
    let members: Vec<_> = members.iter().filter(|member| !member.step).collect();
    let (each, out) = if members.is_empty() { ("_each", "_out") } else { ("each", "out") };
    let (each, out) = (local(each), local(out));
    let own = members.iter().filter(|member| member.flatten.is_none()).count();
    let inner = members
        .iter()
        .filter(|member| member.flatten.is_some())
        .map(|Member { ty, .. }| quote_spanned!(ty.span()=> #private::probe::Of::<#ty>::SHAPE));
    let keys = members.iter().map(|Member { ty, key, flatten, .. }| match flatten {
        None => {
            let key = LitStr::new(&key.text, key.span);
            quote!(#each(#key);)
        }
        Some(prefix) => {
            quote_spanned!(ty.span()=> #private::probe::Of::<#ty>::keys_below(#prefix, #each);)
        }
    });
    let numbers = members.iter().map(|Member { ident, ty, flatten, .. }| {
        if flatten.is_none() {
            // The same tokens as in `visit_metrics`, so that rustc reports a wrong type once.
            let value = probed(krate, "Probe", &quote!(&self.#ident), place_of_type(ty), "metric");
            quote!(#out.push(#private::MetricField::number(#value));)
        } else {
            quote_spanned!(ty.span()=> #private::probe::Of::<#ty>::numbers(&self.#ident, #out);)
        }
    });
    let unknown = members.iter().any(|member| member.flatten.is_some()).then(|| {
        quote! {
            #[allow(unused_imports)]
            use #private::probe::Unknown as _;
        }
    });
    quote! {
        const SHAPE: #private::core::option::Option<#private::Shape> = {
            #unknown
            #private::probe::shapes(#own, &[#(#inner),*], |#each| { #(#keys)* })
        };
        fn numbers(&self, #out: &mut #private::Numbers<'_, '_>) {
            #unknown
            #(#numbers)*
        }
    }
}

/// The check that no struct inside brings a step: the step is one of the whole row.
fn inner_steps(input: &Input, members: &[Member], krate: &Krate) -> TokenStream {
    let inner = members.iter().filter(|member| member.flatten.is_some() && input.generics.params.is_empty());
    inner
        .map(|Member { ty, .. }| {
            let private = krate.private_at(ty.span());
            quote_spanned! {ty.span()=>
                const _: () = {
                    #[allow(unused_imports)]
                    use #private::probe::Unknown as _;
                    #private::probe::assert_no_step(#private::probe::Of::<#ty>::HAS_STEP)
                };
            }
        })
        .collect()
}
