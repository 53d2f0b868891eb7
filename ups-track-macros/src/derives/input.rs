//! The item below a derive, and what every generated impl has in common.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::visit::{self, Visit};
use syn::{
    Attribute, Field, Fields, Generics, Ident, Item, Path, Type, Variant, WhereClause, WherePredicate,
    parse_quote,
};

use crate::errors::{Errors, err};

/// A struct, an enum or a union.
pub(crate) struct Input {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) data: Data,
}

pub(crate) enum Data {
    Struct(Fields),
    Enum(Vec<Variant>),
    Union(Span),
}

impl Parse for Input {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let (attrs, ident, generics, data) = match input.parse::<Item>()? {
            Item::Struct(item) => (item.attrs, item.ident, item.generics, Data::Struct(item.fields)),
            Item::Enum(item) => {
                (item.attrs, item.ident, item.generics, Data::Enum(item.variants.into_iter().collect()))
            }
            Item::Union(item) => (item.attrs, item.ident, item.generics, Data::Union(item.union_token.span)),
            _ => return Err(err!(Span::call_site(), "a derive goes on a struct or an enum")),
        };
        Ok(Self { attrs, ident, generics, data })
    }
}

impl Input {
    /// The named fields of a struct; everything else is refused for `owner`.
    pub(crate) fn named_fields(&self, owner: &str, errors: &mut Errors) -> Vec<Field> {
        let name = &self.ident;
        let found = match &self.data {
            Data::Struct(Fields::Named(fields)) => return fields.named.iter().cloned().collect(),
            Data::Struct(Fields::Unnamed(_)) => "a tuple struct: its fields have no names to be keys",
            Data::Struct(Fields::Unit) => "a struct without fields",
            Data::Enum(_) => "an enum",
            Data::Union(_) => "a union",
        };
        errors.push(err!(name.span(), "`{owner}` needs a struct with named fields, and `{name}` is {found}"));
        Vec::new()
    }

    /// `impl Trait for Type { body }`, with bounds for the field types that depend on a parameter.
    pub(crate) fn implement(
        &self,
        path: &Path,
        bound: &Path,
        bounded: &[&Type],
        body: &TokenStream,
    ) -> TokenStream {
        let name = &self.ident;
        let (impl_generics, type_generics, where_clause) = self.generics.split_for_impl();
        let predicates: Vec<WherePredicate> = bounded
            .iter()
            .filter(|ty| self.depends_on_parameter(ty))
            .map(|ty| parse_quote!(#ty: #bound))
            .collect();
        let where_clause = if predicates.is_empty() {
            where_clause.cloned()
        } else {
            let written = where_clause.map(|clause| clause.predicates.iter()).into_iter().flatten();
            let clause: WhereClause = parse_quote!(where #(#written,)* #(#predicates,)*);
            Some(clause)
        };
        quote! {
            #[automatically_derived]
            impl #impl_generics #path for #name #type_generics #where_clause {
                #body
            }
        }
    }

    /// Marks the type as one of a kind: deriving a second kind conflicts with the first.
    pub(crate) fn one_kind(&self, private: &TokenStream) -> TokenStream {
        let name = &self.ident;
        let (impl_generics, type_generics, where_clause) = self.generics.split_for_impl();
        quote! {
            #[automatically_derived]
            impl #impl_generics #private::probe::OneKindPerType for #name #type_generics #where_clause {}
        }
    }

    /// Whether a type names one of the type parameters.
    fn depends_on_parameter(&self, ty: &Type) -> bool {
        struct Finder<'a> {
            parameters: Vec<&'a Ident>,
            found: bool,
        }
        impl<'ast> Visit<'ast> for Finder<'_> {
            fn visit_path(&mut self, path: &'ast Path) {
                let first = path.segments.first().map(|segment| &segment.ident);
                self.found |= first.is_some_and(|first| self.parameters.contains(&first));
                visit::visit_path(self, path);
            }
        }
        let parameters = self.generics.type_params().map(|parameter| &parameter.ident).collect();
        let mut finder = Finder { parameters, found: false };
        finder.visit_type(ty);
        finder.found
    }
}
