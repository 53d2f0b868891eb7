//! What an attribute stands on: a function, a function that is being typed, or something else.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{Attribute, Item, ItemFn, Signature, Token, TraitItemFn, Visibility, token};

use crate::errors::err;

/// The item below an attribute.
pub(crate) enum Target {
    /// A function.
    Function(Box<ItemFn>),
    /// A function whose body does not parse: rustc reports that, the item stays as it is.
    Broken,
}

impl Target {
    /// Reads the item; `owner` is the attribute as the user writes it, `verb` what it does to a function.
    pub(crate) fn parse(owner: &str, verb: &str, item: &TokenStream) -> syn::Result<Self> {
        if let Ok(function) = syn::parse2::<ItemFn>(item.clone()) {
            return match function.sig.constness {
                Some(constness) => {
                    let span = constness.span;
                    Err(err!(span, "`{owner}` cannot {verb} a `const fn`: it may run at compile time"))
                }
                None => Ok(Self::Function(Box::new(function))),
            };
        }
        if syn::parse2::<Unfinished>(item.clone()).is_ok() {
            return Ok(Self::Broken);
        }
        if let Ok(function) = syn::parse2::<TraitItemFn>(item.clone()) {
            let span = function.sig.ident.span();
            return Err(err!(span, "`{owner}` needs a function with a body; put it on the implementation"));
        }
        let (what, span) = match syn::parse2::<Item>(item.clone()) {
            Ok(Item::Struct(item)) => ("a struct", item.struct_token.span),
            Ok(Item::Enum(item)) => ("an enum", item.enum_token.span),
            Ok(Item::Trait(item)) => ("a trait", item.trait_token.span),
            Ok(Item::Mod(item)) => ("a module", item.mod_token.span),
            Ok(Item::Impl(item)) => ("an `impl` block; put it on the functions inside", item.impl_token.span),
            Ok(other) => ("another item", other.span()),
            Err(_) => ("something else", item.span()),
        };
        Err(err!(span, "`{owner}` goes on a function, and this is {what}"))
    }
}

/// A function up to its body.
struct Unfinished;

impl Parse for Unfinished {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        input.parse::<Option<Token![default]>>()?;
        input.parse::<Signature>()?;
        if !input.peek(token::Brace) {
            return Err(input.error("expected a body"));
        }
        input.parse::<TokenStream>()?;
        Ok(Self)
    }
}

/// After an error: the error, and the item as the user wrote it.
pub(crate) fn with_item(errors: Option<&TokenStream>, item: &TokenStream) -> TokenStream {
    quote!(#errors #item)
}

#[cfg(test)]
mod tests {
    use super::Target;
    use quote::quote;

    fn fault(item: &proc_macro2::TokenStream) -> Option<String> {
        Target::parse("#[track_stage]", "measure", item).err().map(|error| error.to_string())
    }

    #[test]
    fn what_is_no_function() {
        assert_eq!(
            fault(&quote!(
                pub async fn a(&self) -> u8 {
                    1
                }
            )),
            None
        );
        assert_eq!(fault(&quote!(fn unfinished() { let x = ; })), None);
        assert_eq!(
            fault(&quote!(
                struct A;
            ))
            .as_deref(),
            Some("`#[track_stage]` goes on a function, and this is a struct")
        );
        assert_eq!(
            fault(&quote!(
                const fn a() {}
            ))
            .as_deref(),
            Some("`#[track_stage]` cannot measure a `const fn`: it may run at compile time")
        );
        assert_eq!(
            fault(&quote!(
                fn a(&self);
            ))
            .as_deref(),
            Some("`#[track_stage]` needs a function with a body; put it on the implementation")
        );
    }
}
