//! `file!`: a file of the run.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, Ident, LitStr, Token};

use super::entries::whole_call;
use crate::errors::{Errors, err};
use crate::krate::Krate;
use crate::options::{Known, Options, one_of, skip_to_comma};
use crate::values::borrowed;

const POLICIES: [&str; 3] = ["now", "end", "live"];
const OPTIONS: &[Known] = &[("policy", "policy = now|end|live"), ("crate", "crate = <path>")];

struct Call {
    path: Option<Expr>,
    policy: &'static str,
    krate: Krate,
}

pub(crate) fn file(input: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let parse = |input: ParseStream| Ok(parse(input, &mut errors));
    let parsed = parse.parse2(input);
    let call = errors.absorb(parsed);
    if let Some(errors) = errors.finish() {
        return quote!({ #errors });
    }
    call.and_then(|call| expand(&call)).unwrap_or_default()
}

fn parse(input: ParseStream, errors: &mut Errors) -> Call {
    let mut call = Call { path: None, policy: "live", krate: Krate::default() };
    if input.is_empty() {
        errors.push(err!(whole_call(), "`file!` needs the path of a file: `file!(\"model.bin\")`"));
        return call;
    }
    call.path = errors.absorb(input.parse());
    if call.path.is_none() {
        skip_to_comma(input);
    }
    if !input.is_empty() && input.parse::<Token![,]>().is_err() {
        errors.push(err!(input.span(), "expected `,` before this"));
        skip_to_comma(input);
    }
    Options::new("file!", OPTIONS).parse_all(input, errors, |name, _, input, _| {
        input.parse::<Token![=]>()?;
        if name == "crate" {
            call.krate = input.parse()?;
            return Ok(());
        }
        let found = word(input)?;
        call.policy = one_of("policy", &found.0, &POLICIES).map_err(|message| err!(found.1, "{message}"))?;
        Ok(())
    });
    call
}

/// A bare word or the word as text.
pub(super) fn word(input: ParseStream) -> syn::Result<(String, Span)> {
    if input.peek(LitStr) {
        let lit: LitStr = input.parse()?;
        return Ok((lit.value(), lit.span()));
    }
    let ident = input.call(Ident::parse_any)?;
    Ok((ident.to_string(), ident.span()))
}

fn expand(call: &Call) -> Option<TokenStream> {
    let private = call.krate.private();
    let path = borrowed(call.path.as_ref()?);
    let policy = capitalized(call.policy);
    Some(quote!(#private::file(#private::probe::file_path(#path), #private::FilePolicy::#policy)))
}

/// The variant that a word stands for.
pub(super) fn capitalized(word: &str) -> Ident {
    let mut chars = word.chars();
    let name: String =
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect();
    Ident::new(&name, Span::call_site())
}
