//! `metric!`: numbers that change with a step.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::{Ident, LitStr};

use super::entries::{Entries, Pair, Words, statements, whole_call};
use crate::errors::{Errors, err};
use crate::keys::KeyName;
use crate::values::{borrowed, is_constant, is_text, local, place, source};

const WORDS: Words = Words { owner: "metric!", noun: "metric key", group: "row" };

pub(crate) fn metric(input: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let parse = |input: ParseStream| {
        let entries = Entries::parse(input, &WORDS, &mut errors);
        check(&entries, &mut errors);
        Ok(entries)
    };
    let parsed = parse.parse2(input);
    let entries = errors.absorb(parsed);
    match (errors.finish(), entries) {
        (Some(errors), Some(mut entries)) => {
            // What is wrong with a literal has been said.
            entries.pairs.retain(|pair| !is_constant(&pair.value));
            entries.fallback(&errors, "metric")
        }
        (errors, None) => errors.unwrap_or_default(),
        (None, Some(entries)) => expand(&entries),
    }
}

fn is_step(key: &KeyName) -> bool {
    key.text == "step"
}

fn check(entries: &Entries, errors: &mut Errors) {
    // What could not be parsed may have been the step, or the only metric.
    let well_formed = !errors.any();
    entries.check_keys(&WORDS, is_step, errors);
    let mut steps = entries.pairs.iter().filter_map(Pair::key).filter(|key| is_step(key));
    // A row may bring its step: the compiler knows.
    if steps.next().is_none() && well_formed && entries.groups.is_empty() {
        errors.push(err!(
            whole_call(),
            "`metric!` has no step: add `step = <expr>`, for example `step = epoch`"
        ));
    }
    for again in steps {
        errors.push(err!(again.span, "`step` is given twice; one row of metrics has one step"));
    }
    let text_steps =
        entries.pairs.iter().filter(|pair| pair.key().is_some_and(is_step) && is_text(&pair.value));
    for pair in text_steps {
        errors.push(err!(&pair.value, "`step` is a number, and this is text"));
    }
    let metrics = || entries.pairs.iter().filter(|pair| !pair.key().is_some_and(is_step));
    if well_formed && entries.groups.is_empty() && metrics().next().is_none() {
        errors.push(err!(
            whole_call(),
            "`metric!` has no metric: add `key = <expr>`, for example `loss = loss`"
        ));
    }
    for pair in metrics().filter(|pair| is_constant(&pair.value)) {
        errors.push(constant(pair));
    }
}

/// The error for a value that never changes.
fn constant(pair: &Pair) -> syn::Error {
    let key = pair.key().map_or("key", |key| key.text.as_str());
    let key = if syn::parse_str::<Ident>(key).is_ok() { key.to_owned() } else { format!("\"{key}\"") };
    let value = source(&pair.value);
    let what = if is_text(&pair.value) {
        "text cannot be a metric"
    } else {
        "a literal never changes, so it is no time series"
    };
    err!(&pair.value, "{what}\nlog it once: `config!({key} = {value})`")
}

fn expand(entries: &Entries) -> TokenStream {
    let private = entries.krate.private();
    if entries.groups.is_empty() && entries.pairs.iter().all(|pair| pair.key().is_some()) {
        named(entries, &private)
    } else {
        let row = row(entries, &private);
        statements(&row)
    }
}

/// A call whose keys the macro knows: a static for its keys, and the numbers.
fn named(entries: &Entries, private: &TokenStream) -> TokenStream {
    let keys = entries.pairs.iter().filter_map(Pair::key);
    let names: Vec<_> = keys
        .map(|key| {
            let name = if is_step(key) { key.text.clone() } else { format!("metric.{}", key.text) };
            LitStr::new(&name, key.span)
        })
        .collect();
    let site = entries.site("ups_track::metric", &names);
    let values = entries.pairs.iter().map(|pair| entries.value(&pair.value, "metric"));
    let locals: Vec<_> = (0..entries.pairs.len()).map(|n| local(&format!("value_{n}"))).collect();
    // The values are evaluated whatever records; they become numbers where something does.
    statements(&quote! {
        #site
        match (#(#values,)*) {
            (#(#locals,)*) => if #private::on() {
                #private::row(&__UPS_TRACK_SITE, &[#(#private::MetricField::number(#locals)),*]);
            },
        }
    })
}

/// The call as a row, for keys that are not known to the macro.
fn row(entries: &Entries, private: &TokenStream) -> TokenStream {
    // In the order in which they are written: a value may be a call that has effects.
    let values: Vec<_> = (0..entries.pairs.len()).map(|n| local(&format!("value_{n}"))).collect();
    let numbers = entries.pairs.iter().map(|pair| {
        let value = entries.value(&pair.value, "metric");
        quote!(#private::MetricField::number(#value))
    });
    let numbers = (!values.is_empty()).then(|| quote!(let [#(#values),*] = [#(#numbers),*];));
    let is_step = |pair: &Pair| pair.key().is_some_and(is_step);
    let pairs = || entries.pairs.iter().zip(&values);
    let fixed = entries.pairs.iter().all(Pair::is_known);
    let (some, none) =
        (quote!(#private::core::option::Option::Some), quote!(#private::core::option::Option::None));
    let step = pairs().find(|(pair, _)| is_step(pair)).map(|(_, value)| quote!(#some(#value)));
    let pairs = pairs().filter(|(pair, _)| !is_step(pair)).map(|(pair, value)| {
        let key = pair.text(&entries.krate);
        quote!((#key, #value))
    });
    let distinct = entries.key_constants(&WORDS);
    if entries.groups.is_empty() {
        let step = step.unwrap_or(none);
        return quote!(#distinct #numbers #private::log_row(#fixed, #step, &[#(#pairs),*], &[]););
    }

    let rows: Vec<_> = (0..)
        .zip(&entries.groups)
        .map(|(n, group): (usize, _)| {
            // Not hidden from the user's code, so that an error about the row points at what the user wrote.
            Ident::new(&format!("__ups_track_row_{n}"), place(group))
        })
        .collect();
    let steps = usize::from(step.is_some());
    let step = step.unwrap_or_else(|| match (entries.groups.first(), rows.first()) {
        // What has no step of its own is reported at the row.
        (Some(group), Some(row)) => {
            let private = entries.krate.private_at(place(group));
            quote_spanned!(place(group)=> #private::core::option::Option::Some(#private::probe::own_step(#row)))
        }
        _ => none,
    });
    let known = entries.known_keys();
    let (before, step_local) = (local("before"), local("step"));
    let borrows = entries.groups.iter().map(borrowed);
    let checked = entries.groups.iter().zip(&rows).map(|(group, row)| {
        let private = entries.krate.private_at(place(group));
        let checked = quote_spanned!(place(group)=> #private::probe::row(&#row, #before));
        quote!(let (#row, #before) = #checked;)
    });
    quote! {
        #distinct
        struct __UpsTrackCall;
        impl #private::probe::Before for __UpsTrackCall {
            const KEYS: #private::KeySet = #private::KeySet::new(&[#(#known),*], &[]);
            const STEPS: usize = #steps;
        }
        #numbers
        // A `match` keeps what the rows borrow from alive.
        match (#(#borrows,)*) {
            (#(#rows,)*) => {
                let #step_local = #step;
                let #before = #private::core::marker::PhantomData::<__UpsTrackCall>;
                #(#checked)*
                let _ = #before;
                #private::log_row(#fixed, #step_local, &[#(#pairs),*], &[#(#rows),*]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::metric;

    fn faults(input: proc_macro2::TokenStream) -> Vec<String> {
        let expanded = metric(input).to_string();
        let messages = expanded.split("compile_error ! { ").skip(1);
        messages.filter_map(|rest| Some(rest.split_once(" }")?.0.trim_matches('"').to_owned())).collect()
    }

    #[test]
    fn good_calls_have_no_faults() {
        for call in [
            quote!(step = epoch, loss, lr = h.lr, "a/b" = -x,),
            quote!(loss, step),
            quote!(step = 3, { KEY } = loss),
            quote!(step = epoch, ..row, ..more),
        ] {
            assert_eq!(faults(call), [""; 0]);
        }
    }

    #[test]
    fn named_or_a_row() {
        assert!(metric(quote!(step = 1, loss)).to_string().contains("\"metric.loss\""));
        assert!(metric(quote!(step = 1, ..row)).to_string().contains("log_row"));
    }

    #[test]
    fn faults_of_a_call() {
        assert_eq!(
            faults(quote!(loss)),
            ["`metric!` has no step: add `step = <expr>`, for example `step = epoch`"]
        );
        assert_eq!(
            faults(quote!(step = 1)),
            ["`metric!` has no metric: add `key = <expr>`, for example `loss = loss`"]
        );
        assert_eq!(
            faults(quote!(step, step = 2, loss)),
            ["`step` is given twice; one row of metrics has one step"]
        );
        assert_eq!(faults(quote!(step = 1, _a = x, b = 1.0, c, c)).len(), 4);
    }

    #[test]
    fn a_broken_value_hides_no_other_fault_and_makes_none_up() {
        let faults = faults(quote!(loss = , _a = x));
        assert_eq!(faults.len(), 2);
        assert_eq!(faults.first().map(String::as_str), Some("the value is missing behind `=`"));
    }
}
