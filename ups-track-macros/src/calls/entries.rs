//! What `metric!`, `summary!` and `config!` have in common: `key = value` pairs and `..structs`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Expr, Ident, LitStr, Member, Token, braced, token};

use crate::errors::{Errors, err};
use crate::keys::{KeyName, Keys};
use crate::krate::Krate;
use crate::options::skip_to_comma;
use crate::values::{borrowed, place, probed, source, widened};

/// How a macro calls things in its messages.
pub(crate) struct Words {
    /// The macro: `metric!`.
    pub(crate) owner: &'static str,
    /// A key: `metric key`.
    pub(crate) noun: &'static str,
    /// A whole struct: `row`.
    pub(crate) group: &'static str,
}

/// The key of a pair.
pub(crate) enum Name {
    /// Known to the macro.
    Text(KeyName),
    /// A `Key`, in braces, and the constant of the call that holds its text if the compiler can know it.
    Const(Expr, Ident),
}

/// One `key = value`.
pub(crate) struct Pair {
    pub(crate) name: Name,
    pub(crate) value: Expr,
}

impl Pair {
    /// The key, if the macro knows it.
    pub(crate) fn key(&self) -> Option<&KeyName> {
        match &self.name {
            Name::Text(key) => Some(key),
            Name::Const(..) => None,
        }
    }

    /// Whether the compiler can know the key.
    pub(crate) fn is_known(&self) -> bool {
        match &self.name {
            Name::Text(_) => true,
            Name::Const(key, _) => is_const_path(key),
        }
    }

    /// The key as text.
    pub(crate) fn text(&self, krate: &Krate) -> TokenStream {
        match &self.name {
            Name::Text(key) => LitStr::new(&key.text, key.span).into_token_stream(),
            Name::Const(_, constant) if self.is_known() => constant.to_token_stream(),
            Name::Const(key, _) => key_text(krate, key),
        }
    }
}

/// The text of a `Key`; what is no `Key` is reported there.
fn key_text(krate: &Krate, key: &Expr) -> TokenStream {
    let private = krate.private_at(key.span());
    quote_spanned!(key.span()=> #private::probe::key(#key))
}

/// A parsed call.
pub(crate) struct Entries {
    pub(crate) pairs: Vec<Pair>,
    pub(crate) groups: Vec<Expr>,
    pub(crate) krate: Krate,
}

enum Entry {
    Pair(Pair),
    Group(Expr),
    Krate(Krate),
}

impl Entries {
    /// Parses and checks a call whose order does not matter and that has at least one entry; `empty` is what is said of
    /// one that has none.
    pub(crate) fn parse_some(
        input: TokenStream,
        words: &Words,
        empty: &str,
    ) -> (Option<TokenStream>, Option<Self>) {
        let mut errors = Errors::new();
        let parse = |input: ParseStream| {
            let entries = Self::parse(input, words, &mut errors);
            entries.check_keys(words, |_| false, &mut errors);
            if !errors.any() && entries.pairs.is_empty() && entries.groups.is_empty() {
                errors.push(err!(whole_call(), "{empty}"));
            }
            Ok(entries)
        };
        let parsed = parse.parse2(input);
        let entries = errors.absorb(parsed);
        (errors.finish(), entries)
    }

    /// Parses a whole call; what is broken is in `errors`, everything else in the result.
    pub(crate) fn parse(input: ParseStream, words: &Words, errors: &mut Errors) -> Self {
        let mut has_krate = false;
        let mut all = Self { pairs: Vec::new(), groups: Vec::new(), krate: Krate::default() };
        while !input.is_empty() {
            let start = input.span();
            match entry(input, words, all.pairs.len()) {
                Ok(Entry::Pair(pair)) => {
                    if !all.groups.is_empty() {
                        let Words { owner, group, .. } = words;
                        errors.push(err!(
                            start,
                            "`..{group}` comes last in `{owner}`: move this in front of it"
                        ));
                    }
                    all.pairs.push(pair);
                }
                Ok(Entry::Group(group)) => all.groups.push(group),
                Ok(Entry::Krate(krate)) => {
                    if std::mem::replace(&mut has_krate, true) {
                        errors.push(err!(start, "option `crate` is given twice to `{}`", words.owner));
                    }
                    all.krate = krate;
                }
                Err(error) => {
                    errors.push(error);
                    skip_to_comma(input);
                }
            }
            if input.is_empty() {
                break;
            }
            if input.parse::<Token![,]>().is_err() {
                errors.push(err!(input.span(), "expected `,` before this"));
                skip_to_comma(input);
                if input.parse::<Token![,]>().is_err() {
                    break;
                }
            }
        }
        all
    }

    /// Checks the keys of all pairs but the skipped ones.
    pub(crate) fn check_keys(&self, words: &Words, skip: impl Fn(&KeyName) -> bool, errors: &mut Errors) {
        let mut keys = Keys::new(words.noun, "one call");
        for key in self.pairs.iter().filter_map(Pair::key).filter(|key| !skip(key)) {
            keys.add(key, errors);
        }
    }

    /// The pairs whose key is a `Key`: the key as text, and the value.
    pub(crate) fn constants(&self) -> impl Iterator<Item = (TokenStream, &Expr)> {
        let keys = self.pairs.iter().filter(|pair| pair.key().is_none());
        keys.map(|pair| (pair.text(&self.krate), &pair.value))
    }

    /// The keys that can be compared when the call is compiled, as expressions.
    pub(crate) fn known_keys(&self) -> Vec<TokenStream> {
        self.pairs.iter().filter(|pair| pair.is_known()).map(|pair| pair.text(&self.krate)).collect()
    }

    /// The `Key` constants as constants of the call, and the check that none repeats another key: macros see only names,
    /// the compiler sees values.
    pub(crate) fn key_constants(&self, words: &Words) -> Option<TokenStream> {
        let constants: Vec<_> = self
            .pairs
            .iter()
            .filter(|pair| pair.is_known())
            .filter_map(|pair| match &pair.name {
                Name::Const(key, constant) => {
                    let text = key_text(&self.krate, key);
                    Some((key.span(), quote!(const #constant: &'static str = #text;)))
                }
                Name::Text(_) => None,
            })
            .collect();
        let (span, _) = constants.first()?;
        let (private, keys, noun) = (self.krate.private_at(*span), self.known_keys(), words.noun);
        let constants = constants.iter().map(|(_, constant)| constant);
        Some(quote_spanned! {*span=>
            #(#constants)*
            const _: () = #private::assert_distinct(#noun, &[#private::KeySet::new(&[#(#keys),*], &[])]);
        })
    }

    /// A value by its kind.
    pub(crate) fn value(&self, value: &Expr, method: &str) -> TokenStream {
        probed(&self.krate, "Probe", &borrowed(value), place(value), method)
    }

    /// The static of a call whose keys are known, for events of `target` with fields of these names.
    pub(crate) fn site(&self, target: &str, names: &[LitStr]) -> TokenStream {
        let private = self.krate.private();
        quote! {
            static __UPS_TRACK_SITE: #private::Site = #private::Site::new(
                &__UPS_TRACK_SITE,
                #target,
                &[#(#names),*],
                (#private::core::file!(), #private::core::line!(), #private::core::module_path!()),
            );
        }
    }

    /// The errors, and beside them the values, so that one build also shows what is wrong with their types.
    pub(crate) fn fallback(&self, errors: &TokenStream, method: &str) -> TokenStream {
        let values = self.pairs.iter().map(|pair| self.value(&pair.value, method));
        quote! {{
            #errors
            if false {
                #( let _ = #values; )*
            }
        }}
    }
}

/// Whether an expression looks like a constant: a path through modules to a name in capitals.
fn is_const_path(expr: &Expr) -> bool {
    let Expr::Path(path) = expr else { return false };
    let mut segments = path.path.segments.iter().rev().map(|segment| segment.ident.unraw().to_string());
    let lower = |name: &String| name.chars().next().is_some_and(|first| first.is_lowercase() || first == '$');
    path.qself.is_none()
        && segments.next().is_some_and(|name| !name.chars().any(char::is_lowercase))
        && segments.all(|name| lower(&name))
}

/// Parses one entry; `number` is its place among the pairs.
fn entry(input: ParseStream, words: &Words, number: usize) -> syn::Result<Entry> {
    if input.peek(Token![crate]) && input.peek2(Token![=]) {
        input.parse::<Token![crate]>()?;
        input.parse::<Token![=]>()?;
        return input.parse().map(Entry::Krate);
    }
    if input.peek(Token![..]) {
        let dots: Token![..] = input.parse()?;
        if input.is_empty() || input.peek(Token![,]) {
            let Words { owner, group, .. } = words;
            return Err(err!(&dots, "`..` needs a value: `{owner}(..{group})`"));
        }
        return input.parse().map(Entry::Group);
    }
    let name = if input.peek(token::Brace) {
        let content;
        let brace = braced!(content in input);
        let key = content.parse()?;
        if !content.is_empty() {
            return Err(err!(content.span(), "expected one `Key` constant in braces"));
        }
        if !input.peek(Token![=]) {
            return Err(err!(brace.span.join(), "a key in braces needs a value: `{{KEY}} = value`"));
        }
        Name::Const(key, format_ident!("__UPS_TRACK_KEY_{}", number))
    } else if KeyName::starts(input) {
        Name::Text(input.parse()?)
    } else {
        return shorthand(input, words);
    };
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(err!(equals.span, "the value is missing behind `=`"));
    }
    sigil(input, words)?;
    Ok(Entry::Pair(Pair { name, value: widened(input.parse()?) }))
}

/// A variable whose name is the key.
fn shorthand(input: ParseStream, words: &Words) -> syn::Result<Entry> {
    sigil(input, words)?;
    let value: Expr = input.parse()?;
    let ident = match &value {
        Expr::Path(path) if path.qself.is_none() && path.attrs.is_empty() => path.path.get_ident(),
        _ => None,
    };
    if let Some(ident) = ident {
        return Ok(Entry::Pair(Pair { name: Name::Text(KeyName::of_ident(ident)), value }));
    }
    let text = source(&value);
    let key = match &value {
        Expr::Field(field) => match &field.member {
            Member::Named(member) => member.to_string(),
            Member::Unnamed(_) => "key".to_owned(),
        },
        Expr::MethodCall(call) => call.method.to_string(),
        _ => "key".to_owned(),
    };
    let Words { owner, .. } = words;
    Err(err!(
        &value,
        "this value has no name in `{owner}`\nonly a variable names itself; write `{key} = {text}`"
    ))
}

/// Refuses the `%` and `?` of `tracing` fields.
fn sigil(input: ParseStream, words: &Words) -> syn::Result<()> {
    let sign = match () {
        () if input.peek(Token![%]) => '%',
        () if input.peek(Token![?]) => '?',
        () => return Ok(()),
    };
    let Words { owner, .. } = words;
    Err(err!(
        input.span(),
        "`{sign}` turns a value into text, and `{owner}` keeps values as they are; remove it"
    ))
}

/// Statements as one expression. A plain block would be an `else` block in the eyes of lints on a `match` of the user's.
pub(crate) fn statements(statements: &TokenStream) -> TokenStream {
    quote!(match () { () => { #statements } })
}

/// An error about the call as a whole.
pub(crate) fn whole_call() -> Span {
    // There is no token that could be underlined: something is missing.
    Span::call_site()
}
