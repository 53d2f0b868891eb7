//! Value expressions: what is a constant, and how literals are widened.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, ExprReference, Ident, Lit, LitInt, Type, UnOp};

use crate::krate::Krate;

/// Whether an expression is a literal or is made of literals alone: it has the same value in every call.
pub(crate) fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_) => true,
        Expr::Paren(e) => is_constant(&e.expr),
        Expr::Group(e) => is_constant(&e.expr),
        Expr::Reference(e) => is_constant(&e.expr),
        Expr::Cast(e) => is_constant(&e.expr),
        Expr::Unary(e) => !matches!(e.op, UnOp::Deref(_)) && is_constant(&e.expr),
        Expr::Binary(e) => is_constant(&e.left) && is_constant(&e.right),
        _ => false,
    }
}

/// Whether a constant expression holds text.
pub(crate) fn is_text(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(e) => matches!(e.lit, Lit::Str(_) | Lit::Char(_) | Lit::ByteStr(_) | Lit::CStr(_)),
        Expr::Paren(e) => is_text(&e.expr),
        Expr::Group(e) => is_text(&e.expr),
        Expr::Reference(e) => is_text(&e.expr),
        _ => false,
    }
}

/// The expression, with an integer literal beyond `i32` given a type that holds it.
pub(crate) fn widened(expr: Expr) -> Expr {
    match expr {
        Expr::Lit(ExprLit { attrs, lit: Lit::Int(lit) }) => {
            Expr::Lit(ExprLit { attrs, lit: Lit::Int(widened_lit(lit)) })
        }
        Expr::Unary(mut unary) if matches!(unary.op, UnOp::Neg(_)) => {
            unary.expr = Box::new(widened(*unary.expr));
            Expr::Unary(unary)
        }
        other => other,
    }
}

fn widened_lit(lit: LitInt) -> LitInt {
    let suffix = match lit.base10_digits().parse::<u128>() {
        Ok(value)
            if lit.suffix().is_empty() && i64::try_from(value).is_ok() && i32::try_from(value).is_err() =>
        {
            "i64"
        }
        Ok(value) if lit.suffix().is_empty() && i64::try_from(value).is_err() => "u64",
        _ => return lit,
    };
    LitInt::new(&format!("{lit}{suffix}"), lit.span())
}

/// `&expr`, with parentheses where they are needed; type errors point at the value.
pub(crate) fn borrowed(expr: &Expr) -> TokenStream {
    // What a `macro_rules` macro hands on stands in invisible parentheses, which rustc no longer sees behind `&`.
    if let Expr::Group(group) = expr {
        return borrowed(&group.expr);
    }
    Expr::Reference(ExprReference {
        attrs: Vec::new(),
        and_token: syn::Token![&](expr.span()),
        mutability: None,
        expr: Box::new(expr.clone()),
    })
    .into_token_stream()
}

/// `Probe::new(&value).method()`. A wrong kind is reported at `span`: rustc underlines the name of the method.
pub(crate) fn probed(
    krate: &Krate,
    probe: &str,
    value: &TokenStream,
    span: Span,
    method: &str,
) -> TokenStream {
    let private = krate.private_at(span);
    let (probe, method) = (Ident::new(probe, span), Ident::new(method, span));
    quote_spanned!(span=> #private::probe::#probe::new(#value).#method())
}

/// The token that tells most about the type of an expression. (Several tokens cannot be one place on stable Rust.)
pub(crate) fn place(expr: &Expr) -> Span {
    match expr {
        Expr::Field(e) => e.member.span(),
        Expr::MethodCall(e) => e.method.span(),
        Expr::Path(e) => e.path.segments.last().map_or_else(|| e.span(), |last| last.ident.span()),
        Expr::Call(e) => place(&e.func),
        Expr::Binary(e) => e.op.span(),
        Expr::Paren(e) => place(&e.expr),
        Expr::Group(e) => place(&e.expr),
        Expr::Reference(e) => place(&e.expr),
        Expr::Unary(e) => place(&e.expr),
        Expr::Try(e) => place(&e.expr),
        Expr::Await(e) => place(&e.base),
        other => other.span(),
    }
}

/// The token that tells most about a type.
pub(crate) fn place_of_type(ty: &Type) -> Span {
    match ty {
        Type::Path(ty) => ty.path.segments.last().map_or_else(|| ty.span(), |last| last.ident.span()),
        other => other.span(),
    }
}

/// An expression as the user would write it, cut short for a message.
pub(crate) fn source(expr: &Expr) -> String {
    let text = expr.to_token_stream().to_string().replace(" . ", ".").replace(" (", "(").replace("- (", "-(");
    let text = text.strip_prefix("- ").map(|positive| format!("-{positive}")).unwrap_or(text);
    if text.len() > 24 { "..".to_owned() } else { text }
}

/// A type as the user would write it.
pub(crate) fn source_of_type(ty: &Type) -> String {
    let mut text = ty.to_token_stream().to_string();
    for (spaced, tight) in
        [(" :: ", "::"), (" < ", "<"), (" >", ">"), (" ,", ","), ("& ", "&"), (" <", "<"), (":: ", "::")]
    {
        text = text.replace(spaced, tight);
    }
    text
}

/// A local that the user's code cannot name.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

#[cfg(test)]
mod tests {
    use super::{borrowed, is_constant, source_of_type, widened};
    use quote::ToTokens as _;
    use syn::parse_quote;

    #[test]
    fn constants() {
        let constant: [syn::Expr; 6] = [
            parse_quote!(0.5),
            parse_quote!(-1),
            parse_quote!((1.0 / 3.0)),
            parse_quote!(3 as f64),
            parse_quote!("a"),
            parse_quote!(!true),
        ];
        assert!(constant.iter().all(is_constant));
        let varying: [syn::Expr; 5] =
            [parse_quote!(x), parse_quote!(x * 2.0), parse_quote!(f(1)), parse_quote!(A), parse_quote!(*p)];
        assert!(!varying.iter().any(is_constant));
    }

    #[test]
    fn wide_literals_get_a_type() {
        let wide = |expr: syn::Expr| widened(expr).to_token_stream().to_string();
        assert_eq!(wide(parse_quote!(3_000_000_000)), "3_000_000_000i64");
        assert_eq!(wide(parse_quote!(-3_000_000_000)), "- 3_000_000_000i64");
        assert_eq!(wide(parse_quote!(10_000_000_000_000_000_000)), "10_000_000_000_000_000_000u64");
        assert_eq!(wide(parse_quote!(7)), "7");
        assert_eq!(wide(parse_quote!(3_000_000_000_u32)), "3_000_000_000_u32");
    }

    #[test]
    fn types_are_written_as_people_do() {
        let ty: syn::Type = parse_quote!(std::borrow::Cow<'static, Option<&'a str>>);
        assert_eq!(source_of_type(&ty), "std::borrow::Cow<'static, Option<&'a str>>");
    }

    #[test]
    fn borrows_keep_their_operand_together() {
        assert_eq!(borrowed(&parse_quote!(a - b)).to_string(), "& (a - b)");
        assert_eq!(borrowed(&parse_quote!(h.lr)).to_string(), "& h . lr");
    }
}
