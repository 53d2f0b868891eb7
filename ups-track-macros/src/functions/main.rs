//! `#[ups_track::main]`: the run of a whole program.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, ExprLit, Ident, ItemFn, Lit, LitBool, Token, Visibility};

use super::target::{Target, with_item};
use crate::errors::{Errors, err};
use crate::krate::Krate;
use crate::options::{Known, Options};
use crate::values::local;

const OWNER: &str = "#[ups_track::main]";
const OPTIONS: &[Known] = &[
    ("project", "project = \"..\""),
    ("entity", "entity = \"..\""),
    ("name", "name = \"..\""),
    ("group", "group = \"..\""),
    ("job_type", "job_type = \"..\""),
    ("notes", "notes = \"..\""),
    ("tags", "tags = [\"..\", ..]"),
    ("subscriber", "subscriber = <bool>"),
    ("crate", "crate = <path>"),
];

#[derive(Default)]
struct Args {
    /// The setter and its value, in the order they are written.
    settings: Vec<(Ident, Expr)>,
    /// Whether to install a subscriber; yes if not given.
    subscriber: Option<bool>,
    krate: Krate,
}

pub(crate) fn main(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let parse = |input: ParseStream| Ok(parse(input, &mut errors));
    let parsed = parse.parse2(args);
    let args = errors.absorb(parsed);
    let target = errors.absorb(Target::parse(OWNER, "wrap", item));
    if let Some(Target::Function(function)) = &target {
        check(function, &mut errors);
    }
    let errors = errors.finish();
    match (errors, target, args) {
        (None, Some(Target::Function(function)), Some(args)) => expand(&args, *function),
        // As `main` it would be in error again.
        (Some(errors), Some(Target::Function(function)), _) if no_main(&function) => {
            quote!(#errors fn main() { #[allow(dead_code, unused_variables)] #function })
        }
        (errors, ..) => with_item(errors.as_ref(), item),
    }
}

fn parse(input: ParseStream, errors: &mut Errors) -> Args {
    let mut args = Args::default();
    Options::new(OWNER, OPTIONS).parse_all(input, errors, |name, ident, input, errors| {
        input.parse::<Token![=]>()?;
        if name == "crate" {
            args.krate = input.parse()?;
            return Ok(());
        }
        if name == "subscriber" {
            args.subscriber = Some(input.parse::<LitBool>()?.value);
            return Ok(());
        }
        let value: Expr = input.parse()?;
        if name == "tags" {
            check_tags(&value, errors);
        } else {
            check_text(name, &value, errors);
        }
        args.settings.push((Ident::new(name, ident.span()), value));
        Ok(())
    });
    args
}

/// A literal is checked here; other expressions by their type.
fn check_text(name: &str, value: &Expr, errors: &mut Errors) {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value().trim().is_empty() => {
            errors.push(err!(text.span(), "`{name}` is empty; leave it out to use the default"));
        }
        Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => {}
        Expr::Lit(_) | Expr::Array(_) => {
            errors.push(err!(value, "`{name}` takes text: `{name} = \"..\"`"));
        }
        _ => {}
    }
}

fn check_tags(value: &Expr, errors: &mut Errors) {
    match value {
        Expr::Array(tags) => tags.elems.iter().for_each(|tag| check_text("tags", tag, errors)),
        Expr::Lit(_) => errors.push(err!(value, "`tags` takes a list: `tags = [\"..\", ..]`")),
        _ => {}
    }
}

/// Whether rustc does not take the function for `main`.
fn no_main(function: &ItemFn) -> bool {
    function.sig.ident == "main" && (function.sig.asyncness.is_some() || !function.sig.inputs.is_empty())
}

fn check(function: &ItemFn, errors: &mut Errors) {
    let sig = &function.sig;
    if sig.ident != "main" {
        errors.push(err!(sig.ident.span(), "`{OWNER}` goes on `fn main`, and this is `fn {}`", sig.ident));
    }
    if let Some(argument) = sig.inputs.first() {
        errors.push(err!(argument, "`fn main` takes no arguments; read them with `std::env::args()`"));
    }
    if let Some(parameter) = sig.generics.params.first() {
        errors.push(err!(parameter, "`fn main` has no generic parameters"));
    }
    let mut paths = function.attrs.iter().filter_map(|attribute| attribute.path().segments.last());
    if let Some(asyncness) = sig.asyncness
        && !paths.any(|last| last.ident == "main")
    {
        errors.push(err!(
            asyncness.span,
            "an `async fn main` needs a runtime\nput its attribute below this one, for example `#[tokio::main]`"
        ));
    }
}

fn expand(args: &Args, mut function: ItemFn) -> TokenStream {
    let private = args.krate.private();
    let (run, value) = (local("run"), local("value"));
    let settings = args.settings.iter().map(|(name, value)| {
        let borrow = (name == "tags").then(|| quote!(&));
        quote!(.#name(#borrow #value))
    });
    let subscriber = args.subscriber.unwrap_or(true);
    let vis = std::mem::replace(&mut function.vis, Visibility::Inherited);
    let (name, output) = (function.sig.ident.clone(), function.sig.output.clone());
    // Whoever reads about `main` reads about the outer one; every other attribute is about the body.
    let (docs, rest) = function.attrs.into_iter().partition::<Vec<_>, _>(|attr| attr.path().is_ident("doc"));
    function.attrs = rest;
    quote! {
        #(#docs)*
        #vis fn #name() #output {
            #function
            #private::run_main(
                |#run| #run #(#settings)*,
                #name,
                |#value| #private::probe::EndProbe::new(#value).exit_code(),
                #subscriber,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::main;

    #[test]
    fn the_docs_stay_on_main() {
        let item = quote!(
            /// Trains.
            #[tokio::main]
            async fn main() {}
        );
        let expansion = main(quote!(), &item).to_string();
        assert!(expansion.starts_with("# [doc = r\" Trains.\"] fn main ()"), "{expansion}");
        assert!(expansion.contains("{ # [tokio :: main] async fn main ()"), "{expansion}");
        assert_eq!(expansion.matches("Trains").count(), 1);
    }
}
