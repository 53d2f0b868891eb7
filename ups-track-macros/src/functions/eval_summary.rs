//! `#[eval_summary]`: the value of a function is the summary.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Item, ItemFn, Macro, Type, parse_quote};

use super::body::{self, Shape};
use super::target::{Target, with_item};
use super::types::{has_impl_trait, is_unit};
use crate::errors::{Errors, err};
use crate::keys::{self, KeyName};
use crate::krate::Krate;
use crate::options::{self, Known, Options};
use crate::values::local;

const OWNER: &str = "#[eval_summary]";
const OPTIONS: &[Known] = &[
    ("prefix", "prefix = \"..\""),
    ("table", "table"),
    ("baseline", "baseline = \"..\""),
    ("crate", "crate = <path>"),
];

struct Args {
    prefix: String,
    /// The key of the table that the scores are also logged to.
    table: Option<Table>,
    krate: Krate,
}

pub(crate) fn eval_summary(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let parse = |input: ParseStream| Ok(parse(input, &mut errors));
    let parsed = parse.parse2(args);
    let args = errors.absorb(parsed);
    let target = errors.absorb(Target::parse(OWNER, "take a summary from", item));
    let ty = match &target {
        Some(Target::Function(function)) => check(function, &mut errors),
        _ => None,
    };
    match (errors.finish(), target, args, ty) {
        (None, Some(Target::Function(function)), Some(args), Some(ty)) => expand(&args, *function, &ty),
        (errors, ..) => with_item(errors.as_ref(), item),
    }
}

/// `table`, or `table = "key"`.
enum Table {
    BelowPrefix,
    Key(String),
}

fn parse(input: ParseStream, errors: &mut Errors) -> Args {
    let mut args = Args { prefix: "eval".to_owned(), table: None, krate: Krate::default() };
    Options::new(OWNER, OPTIONS).parse_all(input, errors, |name, _, input, errors| {
        if name == "prefix" {
            let prefix = KeyName::of_lit(&options::text(name, input)?);
            if !prefix.text.is_empty() {
                keys::check("prefix", &prefix, errors);
            }
            args.prefix = prefix.text;
            return Ok(());
        }
        if name == "table" {
            args.table = Some(table(input, errors)?);
            return Ok(());
        }
        if name == "baseline" {
            // What the scores are compared with, once baselines exist; checked already.
            let baseline = options::text(name, input)?;
            if baseline.value().trim().is_empty() {
                errors.push(err!(baseline.span(), "`baseline` is empty: name a run or a file of scores"));
            }
            return Ok(());
        }
        input.parse::<syn::Token![=]>()?;
        args.krate = input.parse()?;
        Ok(())
    });
    args
}

fn table(input: ParseStream, errors: &mut Errors) -> syn::Result<Table> {
    if !input.peek(syn::Token![=]) {
        return Ok(Table::BelowPrefix);
    }
    let key = KeyName::of_lit(&options::text("table", input)?);
    keys::check("table key", &key, errors);
    Ok(Table::Key(key.text))
}

/// The type of the summary.
fn check(function: &ItemFn, errors: &mut Errors) -> Option<Type> {
    struct Metrics<'a>(&'a mut Errors);
    impl<'ast> Visit<'ast> for Metrics<'_> {
        // A function inside the body may be a stage.
        fn visit_item(&mut self, _: &'ast Item) {}

        fn visit_macro(&mut self, found: &'ast Macro) {
            if let Some(name) = found.path.segments.last().filter(|last| last.ident == "metric") {
                self.0.push(err!(
                    name.ident.span(),
                    "`metric!` inside `{OWNER}`: a summary is one value per run, `metric!` is one value per \
                     step\nreturn the value in the summary, or move the call into a `#[track_stage]` function"
                ));
            }
            visit::visit_macro(self, found);
        }
    }
    Metrics(errors).visit_block(&function.block);

    let name = &function.sig.ident;
    let shape = Shape::of(function);
    let Some(ty) = body::value_type(function, &shape).filter(|ty| !is_unit(ty)) else {
        errors.push(err!(
            name.span(),
            "`{OWNER}` function `{name}` returns nothing\nreturn a type with `#[derive(EvalSummary)]`, or `Result`/`Option` \
             of one"
        ));
        return None;
    };
    if has_impl_trait(&ty) {
        errors.push(err!(
            &ty,
            "`{OWNER}` cannot take a summary from `impl Trait`\nname the type that derives `EvalSummary`"
        ));
        return None;
    }
    Some(ty)
}

fn expand(args: &Args, mut function: ItemFn, ty: &Type) -> TokenStream {
    let Args { prefix, table, krate } = args;
    let private = krate.private();
    let table = match table {
        None => quote!(#private::core::option::Option::None),
        Some(table) => {
            let key = match table {
                Table::Key(key) => key.clone(),
                Table::BelowPrefix if prefix.is_empty() => "table".to_owned(),
                Table::BelowPrefix => format!("{prefix}/table"),
            };
            quote!(#private::core::option::Option::Some(#key))
        }
    };
    let out = local("out");
    // With the type and its span the compiler points at the type when that is no summary.
    let record = quote_spanned!(ty.span()=> #private::eval_summary::<#ty>(#prefix, #table, &#out));
    let look = |work: TokenStream| {
        quote! {
            let #out = #work;
            #record;
            #out
        }
    };
    match Shape::of(&function) {
        Shape::Sync => {
            let run = look(body::closure(&private, ty, &function.block));
            *function.block = parse_quote!({ #run });
        }
        Shape::Async => {
            let work = body::async_block(&private, Some(ty), &function.block);
            let run = look(quote!(#work.await));
            *function.block = parse_quote!({ #run });
        }
        Shape::Returned => body::rewrite_returned(&mut function.block, |found| {
            let run = look(quote!(#found.await));
            quote!(async move { #run })
        }),
    }
    function.into_token_stream()
}
