//! How a body is run so that its value can be looked at, whatever way it ends.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Block, Expr, ExprAsync, ExprCall, ItemFn, Stmt, Type};

use super::types::{future_output, inferred, written};

/// The kinds of function that an attribute has to tell apart.
pub(crate) enum Shape {
    /// An ordinary function.
    Sync,
    /// An `async fn`.
    Async,
    /// A function that ends in `async move { .. }` or in `Box::pin(async move { .. })`, as `#[async_trait]` writes.
    Returned,
}

impl Shape {
    pub(crate) fn of(function: &ItemFn) -> Self {
        if function.sig.asyncness.is_some() {
            return Self::Async;
        }
        // What returns no future may still end in an `async` block that it hands on.
        let returns_future = written(&function.sig.output)
            .is_some_and(|ty| super::types::is_impl_future(ty) || future_output(ty).is_some());
        let mut block = (*function.block).clone();
        if returns_future && tail(&mut block).is_some() { Self::Returned } else { Self::Sync }
    }
}

/// The type of the value that the work of a function ends with; `None` where it is not written.
pub(crate) fn value_type(function: &ItemFn, shape: &Shape) -> Option<Type> {
    let ty = written(&function.sig.output)?;
    match shape {
        Shape::Sync | Shape::Async => Some(ty.clone()),
        Shape::Returned => future_output(ty).cloned(),
    }
}

/// The body in a closure: `?` and `return` end there, and its value can be looked at.
pub(crate) fn closure(private: &TokenStream, ty: &Type, body: &Block) -> TokenStream {
    let ty = inferred(ty);
    quote!(#private::probe::call(move || -> #ty #body))
}

/// The body of an `async fn` in an `async` block.
pub(crate) fn async_block(private: &TokenStream, ty: Option<&Type>, body: &Block) -> TokenStream {
    let edge = match ty {
        // A block that never ends has no value whose type could be wrong.
        Some(Type::Never(_)) => None,
        Some(ty) => {
            let ty = inferred(ty);
            Some(quote!(if false { return #private::probe::edge::<#ty>(); }))
        }
        None => Some(quote!(if false { return #private::probe::edge::<()>(); })),
    };
    let stmts = &body.stmts;
    quote!(async move { #edge #(#stmts)* })
}

/// Rewrites the `async` block that a function returns. `rewrite` gets it and gives the future in its place.
pub(crate) fn rewrite_returned(block: &mut Block, rewrite: impl FnOnce(&ExprAsync) -> TokenStream) {
    if let Some(tail) = tail(block)
        && let Expr::Async(found) = tail
    {
        *tail = Expr::Verbatim(rewrite(found));
    }
}

/// The `async move` block at the end of a block, alone or in `Box::pin(..)`.
fn tail(block: &mut Block) -> Option<&mut Expr> {
    let Stmt::Expr(last, None) = block.stmts.last_mut()? else { return None };
    let found = match last {
        Expr::Async(_) => last,
        Expr::Call(call) if is_box_pin(call) => call.args.first_mut()?,
        _ => return None,
    };
    matches!(found, Expr::Async(found) if found.capture.is_some()).then_some(found)
}

fn is_box_pin(call: &ExprCall) -> bool {
    let Expr::Path(path) = &*call.func else { return false };
    let mut names = path.path.segments.iter().rev().map(|segment| &segment.ident);
    call.args.len() == 1
        && names.next().is_some_and(|name| name == "pin")
        && names.next().is_some_and(|name| name == "Box")
}
