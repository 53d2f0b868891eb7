//! The macros of `ups-track`.
use proc_macro::TokenStream;
mod calls;
mod derives;
mod errors;
mod functions;
mod keys;
mod krate;
mod options;
mod values;
/// metric
#[proc_macro]
pub fn metric(input: TokenStream) -> TokenStream {
    calls::metric(input.into()).into()
}
/// summary
#[proc_macro]
pub fn summary(input: TokenStream) -> TokenStream {
    calls::summary(input.into()).into()
}
/// config
#[proc_macro]
pub fn config(input: TokenStream) -> TokenStream {
    calls::config(input.into()).into()
}
/// alert
#[proc_macro]
pub fn alert(input: TokenStream) -> TokenStream {
    calls::alert(input.into()).into()
}
/// file
#[proc_macro]
pub fn file(input: TokenStream) -> TokenStream {
    calls::file(input.into()).into()
}

/// stage
#[proc_macro_attribute]
pub fn track_stage(args: TokenStream, item: TokenStream) -> TokenStream {
    functions::track_stage(&args.into(), &item.into()).into()
}
/// eval
#[proc_macro_attribute]
pub fn eval_summary(args: TokenStream, item: TokenStream) -> TokenStream {
    functions::eval_summary(args.into(), &item.into()).into()
}
/// main
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    functions::main(args.into(), &item.into()).into()
}

/// Metrics
#[proc_macro_derive(Metrics, attributes(track))]
pub fn derive_metrics(item: TokenStream) -> TokenStream {
    derives::metrics(item.into()).into()
}

/// `EvalSummary`
#[proc_macro_derive(EvalSummary, attributes(track))]
pub fn derive_eval_summary(item: TokenStream) -> TokenStream {
    derives::eval_summary(item.into()).into()
}

/// `RunConfig`
#[proc_macro_derive(RunConfig, attributes(track, serde))]
pub fn derive_run_config(item: TokenStream) -> TokenStream {
    derives::run_config(item.into()).into()
}
