//! What an editor sends while the user types: the item must stay, so that completion, hovering and the callers go on
//! working.

use proc_macro2::TokenStream;
use syn::{File, Item};

use super::{faults, tokens};
use crate::{calls, derives, functions};

/// The functions of an expansion that has to parse.
fn functions_of(expansion: &TokenStream) -> Vec<String> {
    let file: File = syn::parse2(expansion.clone()).unwrap_or_else(|error| panic!("{error}: {expansion}"));
    let functions = file.items.into_iter().filter_map(|item| match item {
        Item::Fn(function) => Some(function.sig.ident.to_string()),
        _ => None,
    });
    functions.collect()
}

#[test]
fn a_half_typed_attribute_keeps_its_function() {
    let function = tokens("/// Doc.\npub fn train(lr: f64) -> Result<f64, Error> { Ok(lr) }");
    for arguments in [
        "",
        "op",
        "\"\"",
        "\"op\" be",
        "\"op\", be",
        "\"op\", best",
        "\"op\", best()",
        "\"op\", best(loss)",
        "\"op\", best(loss =)",
        "\"op\", best(loss = )",
        "\"op\", best(loss = \"m\")",
        "\"op\", best(loss = \"min\" acc)",
        "\"op\", summary(loss = \"min,\")",
        "\"op\", step",
        "\"op\", step =",
        "\"op\", fields(stage)",
        "\"op\", level = ",
        "\"op\", crate = ",
        "\"op\", crate = ::",
        "\"op\", , err",
        "\"op\" = ",
        ",",
        "\"op\", !",
    ] {
        let expansion = functions::track_stage(&tokens(arguments), &function);
        assert_eq!(functions_of(&expansion), ["train"], "{arguments}");
        assert!(faults(&expansion) >= 1, "{arguments}");
        assert!(expansion.to_string().ends_with(&function.to_string()), "{arguments}: {expansion}");
    }
    for arguments in ["pre", "prefix", "prefix =", "prefix = \"", "prefix = 3", "crate ="] {
        // A string that has no end is no token yet: the editor closes it.
        let arguments = arguments.trim_end_matches('"');
        let expansion = functions::eval_summary(tokens(arguments), &function);
        assert_eq!(functions_of(&expansion), ["train"], "{arguments}");
        assert!(faults(&expansion) >= 1, "{arguments}");
    }
    let main = tokens("fn main() { work(); }");
    for arguments in ["pro", "project", "project =", "project = , tags = [", "tags = [\"a\", ]  name"] {
        let Ok(arguments) = arguments.parse::<TokenStream>() else { continue };
        let expansion = functions::main(arguments.clone(), &main);
        assert_eq!(functions_of(&expansion), ["main"], "{arguments}");
        assert!(faults(&expansion) >= 1, "{arguments}");
    }
}

#[test]
fn a_half_typed_body_stays_as_it_is_and_is_no_fault_of_ours() {
    for body in [
        "let x = ;",
        "metric!(step = 1, loss",
        "model.",
        "match x { Some( }",
        "let",
        "if x {} else",
        "for epoch in { metric!(step = epoch, loss); }",
        "x.y.",
        "Self::",
        "..",
    ] {
        for head in
            ["fn train() -> u8", "pub(crate) async fn train<T: A>(&mut self, t: T)", "unsafe fn train()"]
        {
            let Ok(function) = format!("{head} {{ {body} }}").parse::<TokenStream>() else { continue };
            for expansion in [
                functions::track_stage(&tokens("\"op\""), &function),
                functions::eval_summary(TokenStream::new(), &function),
                functions::main(TokenStream::new(), &function),
            ] {
                let is_whole = syn::parse2::<syn::ItemFn>(function.clone()).is_ok();
                assert!(is_whole || expansion.to_string() == function.to_string(), "{expansion}");
            }
        }
    }
}

#[test]
fn a_half_typed_attribute_on_a_half_typed_body_keeps_both() {
    let function = tokens("fn train() { let x = ; }");
    let expansion = functions::track_stage(&tokens("\"op\", be"), &function);
    assert_eq!(faults(&expansion), 1);
    assert!(expansion.to_string().ends_with(&function.to_string()), "{expansion}");
}

/// The values that are whole stay in the expansion: their types and completions are looked up there.
#[test]
fn a_half_typed_call_keeps_the_values_that_are_whole() {
    for (call, kept) in [
        ("step = , lo", "& lo"),
        ("step = epoch, lo", "& lo"),
        ("step = epoch, loss = h.", "& epoch"),
        ("step = epoch, loss = h.lr, ", "& h . lr"),
        ("loss = self.loss(), st", "& self . loss ()"),
        ("step = epoch, loss =", "& epoch"),
        ("step = epoch, loss = a b, other = other()", "& other ()"),
    ] {
        let expansion = calls::metric(tokens(call));
        assert!(expansion.to_string().contains(kept), "{call}: {expansion}");
        assert!(syn::parse2::<syn::Expr>(expansion.clone()).is_ok(), "{call}: {expansion}");
    }
    for (expansion, kept) in [
        (calls::summary(tokens("nrmse = , ot")), "& ot"),
        (calls::config(tokens("lr = h.lr, epochs = , seed")), "& seed"),
        (calls::table(tokens("cases, wor =")), "& cases"),
    ] {
        assert!(expansion.to_string().contains(kept), "{expansion}");
        assert!(syn::parse2::<syn::Expr>(expansion.clone()).is_ok(), "{expansion}");
    }
    for call in ["", "level", "level =", "level = , \"title\"", "\"title\",", "\"title\", \"", "file("] {
        let Ok(call) = call.parse::<TokenStream>() else { continue };
        for expansion in [calls::alert(call.clone()), calls::file(call.clone())] {
            assert!(syn::parse2::<syn::Expr>(quote::quote!({ #expansion })).is_ok(), "{call}: {expansion}");
        }
    }
}

/// After an error a derive still implements its trait: the users of the struct are not in error too.
#[test]
fn a_derive_on_a_half_typed_field_implements_its_trait() {
    for field in [
        "#[track(go)] loss: f64",
        "#[track(rename)] loss: f64",
        "#[track(rename =)] loss: f64",
        "#[track(gate(max =))] loss: f64",
        "#[track] loss: f64",
        "#[track(skip fl)] loss: f64",
        "#[track(rename = \"\")] loss: f64",
    ] {
        let item = format!("struct Losses {{ {field}, other: f64 }}");
        for (expansion, name) in [
            (derives::metrics(tokens(&item)), "Metrics"),
            (derives::eval_summary(tokens(&item)), "EvalSummary"),
            (derives::run_config(tokens(&item)), "RunConfig"),
            (derives::table_row(tokens(&item)), "TableRow"),
        ] {
            assert!(faults(&expansion) >= 1, "{item}");
            assert!(expansion.to_string().contains(&format!("{name} for Losses")), "{expansion}");
            assert!(syn::parse2::<File>(expansion.clone()).is_ok(), "{expansion}");
        }
    }
    for item in
        ["struct Losses { loss: , other: f64 }", "struct Losses { loss", "struct", "", "enum E { A {", "pub"]
    {
        let Ok(item) = item.parse::<TokenStream>() else { continue };
        for expansion in [
            derives::metrics(item.clone()),
            derives::eval_summary(item.clone()),
            derives::run_config(item.clone()),
            derives::table_row(item.clone()),
        ] {
            assert!(faults(&expansion) >= 1, "{item}: {expansion}");
        }
    }
}
