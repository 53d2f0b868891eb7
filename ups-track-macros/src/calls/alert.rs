//! `alert!`: a message to a person.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Lit, Token};

use super::entries::whole_call;
use super::file::{capitalized, word};
use crate::errors::{Errors, err};
use crate::keys::KeyName;
use crate::krate::Krate;
use crate::options::{Known, Options, one_of};
use crate::values::borrowed;

const LEVELS: [&str; 3] = ["info", "warn", "error"];
const OPTIONS: &[Known] =
    &[("level", "level = info|warn|error"), ("wait", "wait = <Duration>"), ("crate", "crate = <path>")];

#[derive(Default)]
struct Call {
    level: Option<&'static str>,
    wait: Option<Expr>,
    title: Option<Expr>,
    /// The format string of the text and its arguments.
    text: Option<TokenStream>,
    krate: Krate,
}

pub(crate) fn alert(input: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let parse = |input: ParseStream| {
        let mut call = Call::default();
        let parsed = parse(input, &mut call, &mut errors);
        if errors.absorb(parsed).is_none() {
            input.parse::<TokenStream>()?;
        }
        Ok(call)
    };
    let parsed = parse.parse2(input);
    let call = errors.absorb(parsed);
    if let Some(errors) = errors.finish() {
        return quote!({ #errors });
    }
    call.and_then(|call| expand(&call)).unwrap_or_default()
}

fn parse(input: ParseStream, call: &mut Call, errors: &mut Errors) -> syn::Result<()> {
    let mut options = Options::new("alert!", OPTIONS);
    while KeyName::starts(input) {
        options.parse_one(input, errors, |name, _, input, _| {
            input.parse::<Token![=]>()?;
            match name {
                "crate" => call.krate = input.parse()?,
                "level" => {
                    let (found, span) = word(input)?;
                    call.level =
                        Some(one_of("level", &found, &LEVELS).map_err(|message| err!(span, "{message}"))?);
                }
                _ => call.wait = Some(duration(input)?),
            }
            Ok(())
        });
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    if input.is_empty() {
        errors.push(err!(whole_call(), "`alert!` needs a title: `alert!(\"loss diverged\")`"));
        return Ok(());
    }
    call.title = Some(input.parse()?);
    if input.is_empty() {
        return Ok(());
    }
    input.parse::<Token![,]>()?;
    if KeyName::starts(input) {
        return Err(err!(input.span(), "the options of `alert!` stand before the title"));
    }
    if !input.is_empty() {
        call.text = Some(input.parse()?);
    }
    Ok(())
}

/// The time between two alerts of one title.
fn duration(input: ParseStream) -> syn::Result<Expr> {
    let wait: Expr = input.parse()?;
    match wait {
        Expr::Lit(_) => Err(err!(&wait, "`wait` is a `Duration`: `wait = Duration::from_secs(60)`")),
        _ => Ok(wait),
    }
}

fn expand(call: &Call) -> Option<TokenStream> {
    let private = call.krate.private();
    let level = capitalized(call.level.unwrap_or("info"));
    let title = title_value(&private, call.title.as_ref()?);
    let (some, none) =
        (quote!(#private::core::option::Option::Some), quote!(#private::core::option::Option::None));
    let wait = call.wait.as_ref().map_or_else(
        || none.clone(),
        |wait| {
            let value = quote_spanned!(wait.span()=> #private::probe::seconds(#wait));
            quote!(#some(#value))
        },
    );
    let text = call.text.as_ref().map_or(none, |format| quote!(#some(#private::core::format_args!(#format))));
    Some(quote!(#private::alert(#private::AlertLevel::#level, #title, #text, #wait)))
}

/// The title: a literal with braces is formatted, as readers of `println!` expect.
fn title_value(private: &TokenStream, title: &Expr) -> TokenStream {
    match title {
        Expr::Lit(ExprLit { lit: Lit::Str(lit), .. }) if lit.value().contains(['{', '}']) => {
            quote!(#private::core::format_args!(#lit))
        }
        _ => {
            let title = borrowed(title);
            quote!(#private::core::format_args!("{}", #private::probe::title(#title)))
        }
    }
}
