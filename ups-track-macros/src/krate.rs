//! The path to the `ups_track` crate in expansions: `crate = path`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::Path;
use syn::parse::{Parse, ParseStream};

use crate::errors::err;

/// Where the expansion finds the facade: `::ups_track`, or what `crate = path` says.
#[derive(Clone, Default)]
pub(crate) struct Krate(Option<Path>);

impl Krate {
    /// The facade.
    pub(crate) fn root(&self) -> TokenStream {
        if let Some(path) = &self.0 { quote!(#path) } else { quote!(::ups_track) }
    }

    /// The private runtime of the facade.
    pub(crate) fn private(&self) -> TokenStream {
        let root = self.root();
        quote!(#root::__private)
    }

    /// The private runtime, with `span` as the place of every token: errors about the whole path point there.
    pub(crate) fn private_at(&self, span: Span) -> TokenStream {
        let Some(path) = &self.0 else { return quote_spanned!(span=> ::ups_track::__private) };
        let path = path.to_token_stream().into_iter().map(|mut token| {
            // The place changes, the meaning does not: `$crate` stays the crate of its macro.
            token.set_span(span.resolved_at(token.span()));
            token
        });
        quote_spanned!(span=> #(#path)*::__private)
    }
}

impl Parse for Krate {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let path = input.call(Path::parse_mod_style)?;
        let first = path.segments.first().map(|segment| segment.ident.to_string()).unwrap_or_default();
        // `macro_rules!` wrappers pass `$crate`.
        if path.leading_colon.is_some() || matches!(first.as_str(), "crate" | "$crate") {
            return Ok(Self(Some(path)));
        }
        let written = path.to_token_stream().to_string().replace(' ', "");
        Err(err!(
            &path,
            "`crate = {written}` is a relative path, which means another thing in every module\nwrite \
             `crate = ::{written}` for a dependency, `crate = crate::{written}` for a module of this crate"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Krate;

    #[test]
    fn absolute_paths_only() {
        for good in ["::renamed", "crate::tracking", "crate"] {
            assert!(syn::parse_str::<Krate>(good).is_ok(), "{good}");
        }
        for bad in ["renamed", "self::x", "super::x"] {
            assert!(syn::parse_str::<Krate>(bad).is_err(), "{bad}");
        }
    }
}
