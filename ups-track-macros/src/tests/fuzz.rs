//! Tokens at random, and good input with tokens at random in it: no macro panics, no attribute loses its item, and what
//! a macro makes of good tokens can be parsed.

use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};
use proptest::prelude::*;
use quote::quote;

use super::tokens;
use crate::{calls, derives, functions};

const WORDS: &[&str] = &[
    "step",
    "loss",
    "best",
    "summary",
    "err",
    "fields",
    "level",
    "crate",
    "prefix",
    "policy",
    "now",
    "wait",
    "tags",
    "project",
    "subscriber",
    "track",
    "serde",
    "rename",
    "rename_all",
    "flatten",
    "skip",
    "goal",
    "gate",
    "unit",
    "max",
    "metric",
    "eval_summary",
    "self",
    "Self",
    "fn",
    "async",
    "const",
    "unsafe",
    "pub",
    "struct",
    "enum",
    "union",
    "impl",
    "dyn",
    "where",
    "for",
    "let",
    "if",
    "match",
    "move",
    "mut",
    "ref",
    "as",
    "_x",
    "r#type",
    "Result",
    "Option",
    "f64",
    "Box",
    "pin",
    "Future",
    "Output",
    "_",
];
const TEXTS: &[&str] =
    &["", "a", "a/b", "_a", "a b", "a//b", "min", "min,max", "info", "{x}", "{", "kebab-case", "ü\u{0}"];
const SIGNS: &[char] =
    &['=', ',', '.', ':', ';', '<', '>', '#', '!', '&', '%', '?', '-', '+', '*', '|', '$', '\''];
const NUMBERS: &[&str] = &[
    "0",
    "1.5",
    "3_000_000_000",
    "0xffff_ffff_ffff",
    "0b1",
    "0o7_",
    "1e9",
    "1.",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "7u8",
    "9f32",
    "0x_e",
    "1_i128",
];

fn token() -> impl Strategy<Value = TokenTree> {
    let leaf = prop_oneof![
        4 => prop::sample::select(WORDS).prop_map(|word| match word.strip_prefix("r#") {
            Some(raw) => Ident::new_raw(raw, Span::call_site()).into(),
            None => Ident::new(word, Span::call_site()).into(),
        }),
        2 => prop::sample::select(TEXTS).prop_map(|text| Literal::string(text).into()),
        1 => prop::sample::select(NUMBERS).prop_map(|number| number.parse::<Literal>().unwrap().into()),
        1 => prop::sample::select(vec![Literal::character('x'), Literal::byte_string(b"a"), Literal::c_string(c"a")])
            .prop_map(TokenTree::from),
        5 => (prop::sample::select(SIGNS), any::<bool>()).prop_map(|(sign, joint)| {
            Punct::new(sign, if joint { Spacing::Joint } else { Spacing::Alone }).into()
        }),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let delimiter = prop::sample::select(vec![
            Delimiter::Parenthesis,
            Delimiter::Brace,
            Delimiter::Bracket,
            Delimiter::None,
        ]);
        (delimiter, prop::collection::vec(inner, 0..6))
            .prop_map(|(delimiter, inner)| Group::new(delimiter, inner.into_iter().collect()).into())
    })
}

fn any_tokens() -> impl Strategy<Value = TokenStream> {
    prop::collection::vec(token(), 0..12).prop_map(|tokens| tokens.into_iter().collect())
}

/// What is done to one place of good input.
#[derive(Debug, Clone)]
enum Edit {
    Remove,
    Insert(TokenTree),
    Replace(TokenTree),
    Cut,
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, Edit)>> {
    let edit = prop_oneof![
        Just(Edit::Remove),
        token().prop_map(Edit::Insert),
        token().prop_map(Edit::Replace),
        Just(Edit::Cut),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), edit), 0..4)
}

/// How many tokens there are, groups and what is in them.
fn count(tokens: &TokenStream) -> usize {
    let inside =
        |token: TokenTree| if let TokenTree::Group(group) = token { count(&group.stream()) } else { 0 };
    tokens.clone().into_iter().map(|token| 1 + inside(token)).sum()
}

/// Does one edit at the token number `at`, counted depth first.
fn edited(tokens: TokenStream, at: &mut usize, edit: &Edit) -> TokenStream {
    let mut out = Vec::new();
    for token in tokens {
        let here = *at == 0;
        *at = at.wrapping_sub(1);
        match (here, edit) {
            (true, Edit::Remove) => continue,
            (true, Edit::Cut) => break,
            (true, Edit::Replace(new)) => {
                out.push(new.clone());
                continue;
            }
            (true, Edit::Insert(new)) => out.push(new.clone()),
            (false, _) => {}
        }
        out.push(match token {
            TokenTree::Group(group) => Group::new(group.delimiter(), edited(group.stream(), at, edit)).into(),
            other => other,
        });
    }
    out.into_iter().collect()
}

/// One of the good inputs, with a few edits.
fn near(good: &'static [&'static str]) -> impl Strategy<Value = TokenStream> {
    (prop::sample::select(good), edits()).prop_map(|(source, edits)| {
        edits.iter().fold(tokens(source), |tokens, (index, edit)| {
            let mut at = index.index(count(&tokens).max(1));
            edited(tokens, &mut at, edit)
        })
    })
}

const ARGUMENTS: &[&str] = &[
    r#""a/b", best(loss = "min", "val/acc" = "max"), summary(loss = "min,mean"), step = "epoch", level = "debug", err"#,
    r#""a", fields(%host, n = 3,), crate = ::renamed"#,
    r#"prefix = "eval", table = "cases", baseline = "a/b/c", crate = crate::x"#,
    r#"project = "p", tags = ["a", "b"], subscriber = false, name = name()"#,
];
const FUNCTIONS: &[&str] = &[
    "#[inline] pub fn a<T: A, const N: usize>(&mut self, x: [T; N]) -> Result<impl B, E> where T: C { x?; Ok(self.b()) }",
    "async fn a() -> Result<(), E> { metric!(step = 1, x); b().await }",
    "fn a() -> Pin<Box<dyn Future<Output = u8> + Send + '_>> { Box::pin(async move { 1 }) }",
    "fn main() -> ! { loop {} }",
    "#[eval_summary] fn a() -> Scores { s() }",
];
const STRUCTS: &[&str] = &[
    r#"#[track(crate = ::x)] pub struct A<T, const N: usize> where T: B { #[track(rename = "a/b", goal = "min", unit = "s")] a: T,
       #[track(flatten, prefix = "p")] b: Option<B>, #[track(skip)] c: [u8; N], #[track(gate(max = 0.1, min = -1))] d: f64 }"#,
    r#"#[serde(rename_all = "kebab-case", tag = "t")] enum A { #[serde(rename = "x")] B, C(u8, #[track(serde)] V), D { e: f64 } }"#,
    "struct A { #[track(step)] epoch: u64, #[track(rename = \"a b\")] api_key: Secret<String> }",
    "struct A(u8);",
    "union A { a: u8 }",
];
const CALLS: &[&str] = &[
    r#"step = epoch, loss, "a/b" = -x, {KEY} = h.lr, wide = 3_000_000_000 * n, ..row"#,
    r"crate = ::renamed, step = 1, loss = match x { _ => y? }, ..(a, b)",
    r#"level = error, wait = Duration::from_secs(1), "title {x}", "text {}", y"#,
    r#"cases, {KEY} = &cases[..3], "eval/worst" = worst()"#,
    r#"path.join("a"), policy = end"#,
];

fn check_calls(input: &TokenStream) -> Result<(), TestCaseError> {
    for (name, call) in [
        ("metric!", calls::metric as fn(TokenStream) -> TokenStream),
        ("summary!", calls::summary),
        ("config!", calls::config),
        ("table!", calls::table),
        ("alert!", calls::alert),
        ("file!", calls::file),
    ] {
        let expansion = call(input.clone());
        prop_assert!(!expansion.is_empty(), "{name} made nothing of {input}");
        let block = syn::parse2::<syn::Block>(quote!({ #expansion }));
        prop_assert!(block.is_ok(), "{name} made of {input}: {expansion}");
    }
    Ok(())
}

fn check_functions(arguments: &TokenStream, item: &TokenStream) -> Result<(), TestCaseError> {
    let good = syn::parse2::<syn::ItemFn>(item.clone()).ok();
    for (name, expansion) in [
        ("track_stage", functions::track_stage(arguments, item)),
        ("eval_summary", functions::eval_summary(arguments.clone(), item)),
        ("main", functions::main(arguments.clone(), item)),
    ] {
        let text = expansion.to_string();
        match &good {
            None => prop_assert!(text.ends_with(&item.to_string()), "{name}({arguments}) {item}: {text}"),
            Some(function) => {
                // An invisible group prints as one more space.
                let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
                let head = format!("fn {}", function.sig.ident);
                prop_assert!(words.contains(&head), "{name}({arguments}) lost {item}: {text}");
                let file = syn::parse2::<syn::File>(expansion);
                prop_assert!(file.is_ok(), "{name}({arguments}) made of {item}: {text}");
            }
        }
    }
    Ok(())
}

fn check_derives(item: &TokenStream) -> Result<(), TestCaseError> {
    let is_good = syn::parse2::<syn::DeriveInput>(item.clone()).is_ok();
    for (name, derive) in [
        ("Metrics", derives::metrics as fn(TokenStream) -> TokenStream),
        ("EvalSummary", derives::eval_summary),
        ("RunConfig", derives::run_config),
        ("TableRow", derives::table_row),
    ] {
        let expansion = derive(item.clone());
        prop_assert!(!expansion.is_empty(), "{name} made nothing of {item}");
        if is_good {
            let file = syn::parse2::<syn::File>(expansion.clone());
            prop_assert!(file.is_ok(), "{name} made of {item}: {expansion}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tokens_at_random(a in any_tokens(), b in any_tokens()) {
        check_calls(&a)?;
        check_functions(&a, &b)?;
        check_derives(&b)?;
    }

    #[test]
    fn good_calls_with_faults(call in near(CALLS)) {
        check_calls(&call)?;
    }

    #[test]
    fn good_functions_with_faults(arguments in near(ARGUMENTS), function in near(FUNCTIONS)) {
        check_functions(&arguments, &function)?;
    }

    #[test]
    fn good_structs_with_faults(item in near(STRUCTS)) {
        check_derives(&item)?;
    }
}
