//! Questions about a function's return type.

use syn::punctuated::Punctuated;
use syn::{GenericArgument, PathArguments, PathSegment, ReturnType, Token, Type, TypeInfer, TypeParamBound};

/// The type behind `->`, if it is written.
pub(crate) fn written(output: &ReturnType) -> Option<&Type> {
    match output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some(ty),
    }
}

/// Whether the type is `()`.
pub(crate) fn is_unit(ty: &Type) -> bool {
    match ty {
        Type::Tuple(tuple) => tuple.elems.is_empty(),
        Type::Paren(inner) => is_unit(&inner.elem),
        Type::Group(inner) => is_unit(&inner.elem),
        _ => false,
    }
}

/// Whether a value of the type may be a `Result`. Only a name can stand for one.
pub(crate) fn may_be_result(ty: &Type) -> bool {
    const PRIMITIVES: [&str; 18] = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
        "u128", "usize", "String", "Vec",
    ];
    match ty {
        Type::Paren(inner) => may_be_result(&inner.elem),
        Type::Group(inner) => may_be_result(&inner.elem),
        Type::Macro(_) => true,
        Type::Path(path) => match path.path.segments.last() {
            Some(last) => {
                path.path.segments.len() > 1 || !PRIMITIVES.iter().any(|primitive| last.ident == primitive)
            }
            None => false,
        },
        _ => false,
    }
}

/// The type with `_` for every `impl Trait` in it, which cannot be named inside a body.
pub(crate) fn inferred(ty: &Type) -> Type {
    let mut ty = ty.clone();
    infer(&mut ty);
    ty
}

/// Whether the type holds an `impl Trait`.
pub(crate) fn has_impl_trait(ty: &Type) -> bool {
    infer(&mut ty.clone())
}

/// Replaces every `impl Trait`; says whether there was one.
fn infer(ty: &mut Type) -> bool {
    match ty {
        Type::ImplTrait(found) => {
            *ty = Type::Infer(TypeInfer {
                attrs: Vec::new(),
                underscore_token: Token![_](found.impl_token.span),
            });
            true
        }
        Type::Paren(inner) => infer(&mut inner.elem),
        Type::Group(inner) => infer(&mut inner.elem),
        Type::Reference(inner) => infer(&mut inner.elem),
        Type::Array(inner) => infer(&mut inner.elem),
        Type::Slice(inner) => infer(&mut inner.elem),
        Type::Tuple(tuple) => tuple.elems.iter_mut().fold(false, |found, ty| infer(ty) | found),
        Type::Path(path) => path.path.segments.iter_mut().fold(false, |found, segment| {
            let PathArguments::AngleBracketed(arguments) = &mut segment.arguments else { return found };
            arguments.args.iter_mut().fold(found, |found, argument| match argument {
                GenericArgument::Type(ty) => infer(ty) | found,
                _ => found,
            })
        }),
        _ => false,
    }
}

/// Whether the type is `impl Future`.
pub(crate) fn is_impl_future(ty: &Type) -> bool {
    match ty {
        Type::ImplTrait(found) => future(&found.bounds).is_some(),
        Type::Paren(inner) => is_impl_future(&inner.elem),
        _ => false,
    }
}

/// `T` of an `impl Future<Output = T>` or a boxed `dyn Future<Output = T>`.
pub(crate) fn future_output(ty: &Type) -> Option<&Type> {
    match ty {
        Type::ImplTrait(found) => output(future(&found.bounds)?),
        Type::TraitObject(found) => output(future(&found.bounds)?),
        Type::Paren(inner) => future_output(&inner.elem),
        Type::Group(inner) => future_output(&inner.elem),
        Type::Path(path) => {
            let arguments = arguments(&path.path.segments.last()?.arguments)?;
            arguments.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => future_output(ty),
                _ => None,
            })
        }
        _ => None,
    }
}

/// `Future<..>` among the bounds.
fn future(bounds: &Punctuated<TypeParamBound, Token![+]>) -> Option<&PathSegment> {
    bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().filter(|last| last.ident == "Future"),
        _ => None,
    })
}

/// `T` of `Future<Output = T>`.
fn output(future: &PathSegment) -> Option<&Type> {
    arguments(&future.arguments)?.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
        _ => None,
    })
}

fn arguments(arguments: &PathArguments) -> Option<&Punctuated<GenericArgument, Token![,]>> {
    match arguments {
        PathArguments::AngleBracketed(found) => Some(&found.args),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{future_output, has_impl_trait, inferred, is_impl_future, may_be_result};
    use quote::ToTokens as _;
    use syn::{Type, parse_quote};

    #[test]
    fn only_names_may_be_results() {
        let may: [Type; 4] = [
            parse_quote!(Result<(), E>),
            parse_quote!(anyhow::Result<u8>),
            parse_quote!(T),
            parse_quote!(Self::Output),
        ];
        assert!(may.iter().all(may_be_result));
        let not: [Type; 6] = [
            parse_quote!(()),
            parse_quote!(!),
            parse_quote!(f64),
            parse_quote!(&mut T),
            parse_quote!(impl Iterator),
            parse_quote!((A, B)),
        ];
        assert!(!not.iter().any(may_be_result));
    }

    #[test]
    fn impl_trait_is_inferred() {
        let ty: Type = parse_quote!(Result<(u8, Vec<impl Iterator<Item = u8>>), E>);
        assert!(has_impl_trait(&ty));
        assert_eq!(inferred(&ty).to_token_stream().to_string(), "Result < (u8 , Vec < _ >) , E >");
    }

    #[test]
    fn futures() {
        let boxed: Type = parse_quote!(Pin<Box<dyn Future<Output = Result<u8, E>> + Send + 'async_trait>>);
        let output = future_output(&boxed).map(|ty| ty.to_token_stream().to_string());
        assert_eq!(output.as_deref(), Some("Result < u8 , E >"));
        assert!(is_impl_future(&parse_quote!(impl Send + std::future::Future<Output = ()>)));
        assert!(!is_impl_future(&parse_quote!(impl Iterator<Item = u8>)));
    }
}
