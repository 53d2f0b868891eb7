//! `#[track_stage]`: a function as a stage of the run.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Ident, ItemFn, Stmt, Type, parse_quote};

use super::body::{self, Shape};
use super::stage_args::{OWNER, StageArgs};
use super::target::{Target, with_item};
use super::types::{is_impl_future, is_unit, may_be_result};
use crate::errors::{Errors, err};
use crate::krate::Krate;
use crate::values::{local, place_of_type, probed};

pub(crate) fn track_stage(tokens: &TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let parse = |input: ParseStream| Ok(StageArgs::parse(input, &mut errors));
    let parsed = parse.parse2(tokens.clone());
    let args = errors.absorb(parsed).unwrap_or_default();
    let target = errors.absorb(Target::parse(OWNER, "measure", item));
    if let Some(Target::Function(function)) = &target {
        check(&args, function, &mut errors);
    }
    match (errors.finish(), target) {
        (None, Some(Target::Function(mut function))) => {
            summary_first(tokens, &args.krate, &mut function).unwrap_or_else(|| expand(&args, *function))
        }
        (errors, _) => with_item(errors.as_ref(), item),
    }
}

fn check(args: &StageArgs, function: &ItemFn, errors: &mut Errors) {
    let shape = Shape::of(function);
    if let Some(err) = &args.err
        && body::value_type(function, &shape).is_none_or(|ty| is_unit(&ty))
    {
        errors.push(err!(err, "`err` reports the error of a `Result`, and this function returns nothing"));
    }
    if let (Shape::Sync, Some(ty)) = (shape, super::types::written(&function.sig.output))
        && is_impl_future(ty)
    {
        errors.push(err!(
            ty,
            "`{OWNER}` would end before this future runs: write `async fn`, or end the body with `async move {{ .. }}`"
        ));
    }
}

fn expand(args: &StageArgs, mut function: ItemFn) -> TokenStream {
    let private = args.krate.private();
    let span = span(args, &function, &private);
    let shape = Shape::of(&function);
    let ty = body::value_type(&function, &shape);
    let stage = Work { args, private: &private, site: site(args, &private), ty: ty.as_ref() };
    match shape {
        Shape::Sync => {
            let watched = ty.as_ref().filter(|ty| may_be_result(ty) || args.err.is_some());
            match watched {
                Some(ty) => stage.watch(&span, ty, &mut function),
                None => stage.guard(&span, &mut function),
            }
        }
        Shape::Async => {
            let work = body::async_block(&private, ty.as_ref(), &function.block);
            let future = stage.instrument(&span, &work);
            *function.block = parse_quote!({ #future.await });
        }
        // As in an `async fn`, the stage begins when the future is polled for the first time, not when it is made.
        Shape::Returned => body::rewrite_returned(&mut function.block, |found| {
            let future = stage.instrument(&span, &found.to_token_stream());
            quote!(async move { #future.await })
        }),
    }
    function.into_token_stream()
}

/// Puts an `#[eval_summary]` below this attribute above it: what stands above is expanded first, and so becomes the
/// inner one. In both orders the summary then belongs to the stage.
fn summary_first(args: &TokenStream, krate: &Krate, function: &mut ItemFn) -> Option<TokenStream> {
    let is_summary = |attribute: &Attribute| {
        attribute.path().segments.last().is_some_and(|last| last.ident == "eval_summary")
    };
    let position = function.attrs.iter().position(is_summary)?;
    let (summary, root) = (function.attrs.remove(position), krate.root());
    Some(quote!(#summary #[#root::track_stage(#args)] #function))
}

/// The static of the stage.
fn site(args: &StageArgs, private: &TokenStream) -> TokenStream {
    let StageArgs { name, best, summary, step, .. } = args;
    let (best, summary) = (best.as_deref().unwrap_or_default(), summary.as_deref().unwrap_or_default());
    let step = step.as_ref().map_or_else(
        || quote!(#private::core::option::Option::None),
        |step| quote!(#private::core::option::Option::Some(#step)),
    );
    quote! {
        static __UPS_TRACK_STAGE: #private::StageSite = #private::StageSite::new(#name, #best, #summary, #step);
    }
}

/// The span of the stage, for others.
fn span(args: &StageArgs, function: &ItemFn, private: &TokenStream) -> TokenStream {
    let StageArgs { name, level, fields, .. } = args;
    let level = Ident::new(&level.unwrap_or("info").to_uppercase(), Span::call_site());
    let function = function.sig.ident.unraw().to_string();
    quote! {
        #private::tracing::span!(
            target: "ups_track::stage",
            #private::tracing::Level::#level,
            #function,
            #fields
            stage = #name,
            "stage.status" = #private::tracing::field::Empty,
        )
    }
}

/// What the forms of a stage have in common.
struct Work<'a> {
    args: &'a StageArgs,
    private: &'a TokenStream,
    site: TokenStream,
    /// The type of the function's value, where it is written.
    ty: Option<&'a Type>,
}

impl Work<'_> {
    /// A guard in front of the body: how the value is formed does not matter.
    fn guard(&self, span: &TokenStream, function: &mut ItemFn) {
        let Self { private, site, .. } = self;
        let guard = local("_stage");
        let first: Stmt = parse_quote! {
            let #guard = { #site #private::StageGuard::enter(&__UPS_TRACK_STAGE, #span) };
        };
        function.block.stmts.insert(0, first);
    }

    /// The body in a closure, whose value is looked at.
    fn watch(&self, span: &TokenStream, ty: &Type, function: &mut ItemFn) {
        let Self { private, site, .. } = self;
        let (stage, out) = (local("stage"), local("out"));
        let work = body::closure(private, ty, &function.block);
        let end = self.end(&stage, &out);
        *function.block = parse_quote!({
            let mut #stage = { #site #private::StageGuard::enter(&__UPS_TRACK_STAGE, #span) };
            let #out = #work;
            #end
            #out
        });
    }

    /// A future that is the stage.
    fn instrument(&self, span: &TokenStream, work: &TokenStream) -> TokenStream {
        let Self { private, site, ty, .. } = self;
        let (outcome, out) = (local("outcome"), local("out"));
        let run = match ty {
            Some(Type::Never(_)) => quote!(#work.await),
            Some(ty) if !is_unit(ty) => {
                let end = self.end(&outcome, &out);
                quote!(let #out = #work.await; #end #out)
            }
            _ => quote!(#work.await; #outcome.done(false);),
        };
        // A form that diverges never tells its outcome.
        let outcome = if matches!(ty, Some(Type::Never(_))) { local("_outcome") } else { outcome };
        quote! {
            {
                #site
                #private::StageFuture::new(&__UPS_TRACK_STAGE, #span, move |#outcome| async move { #run })
            }
        }
    }

    /// Tells the guard how the work ended.
    fn end(&self, guard: &Ident, out: &Ident) -> TokenStream {
        let Self { args, private, .. } = self;
        let report = args.err.as_ref().map(|err| {
            let (title, text) = (format!("stage `{}` failed", args.name), local("text"));
            let place = self.ty.map_or_else(|| err.span(), place_of_type);
            let error_text = probed(&args.krate, "EndProbe", &quote!(&#out), place, "error_text");
            quote! {
                if let #private::core::option::Option::Some(#text) = #error_text {
                    #private::stage_failed(#title, &#text);
                }
            }
        });
        quote! {
            #report
            #guard.done(#private::probe::EndProbe::new(&#out).is_err());
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::track_stage;

    fn expanded(item: &proc_macro2::TokenStream) -> String {
        track_stage(&quote!("operator"), item).to_string()
    }

    #[test]
    fn a_value_that_may_be_a_result_is_looked_at() {
        let watched = expanded(&quote!(
            fn a(&mut self) -> io::Result<impl Sized> {
                Ok(1)
            }
        ));
        assert!(watched.contains("move | | -> io :: Result < _ >"), "{watched}");
        assert!(watched.contains("is_err"));
        for other in [
            quote!(
                fn a() {}
            ),
            quote!(
                fn a() -> ! {
                    loop {}
                }
            ),
            quote!(
                fn a(&self) -> &mut u8 {
                    self.0
                }
            ),
        ] {
            let guarded = expanded(&other);
            assert!(guarded.contains("let _stage =") && !guarded.contains("is_err"), "{guarded}");
        }
    }

    #[test]
    fn futures_are_instrumented() {
        for future in [
            quote!(
                async fn a() -> Result<(), E> {
                    b().await
                }
            ),
            quote!(
                fn a() -> Pin<Box<dyn Future<Output = Result<(), E>>>> {
                    Box::pin(async move { b().await })
                }
            ),
            quote!(
                fn a() -> impl Future<Output = Result<(), E>> {
                    async move { b().await }
                }
            ),
        ] {
            let instrumented = expanded(&future);
            assert!(instrumented.contains("StageFuture :: new"));
        }
    }

    #[test]
    fn a_summary_below_comes_first() {
        let reordered = expanded(&quote!(
            #[inline]
            #[eval_summary]
            fn a() -> S {
                s()
            }
        ));
        assert!(
            reordered
                .starts_with("# [eval_summary] # [:: ups_track :: track_stage (\"operator\")] # [inline]")
        );
    }

    #[test]
    fn after_an_error_the_item_is_as_it_was() {
        let item = quote!(
            fn a() {}
        );
        let failed = track_stage(&quote!("a//b"), &item).to_string();
        assert!(failed.contains("compile_error") && failed.ends_with(&item.to_string()), "{failed}");
    }
}
