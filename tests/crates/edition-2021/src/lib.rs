//! Every form of the macros in edition 2021, without a prelude and with the lints of a strict code base. There is
//! nothing to run: that it compiles without a warning is the test.
#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(
    warnings,
    clippy::pedantic,
    clippy::nursery,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::dbg_macro,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::str_to_string,
    clippy::unwrap_used,
    future_incompatible,
    keyword_idents,
    let_underscore_drop,
    missing_debug_implementations,
    missing_docs,
    nonstandard_style,
    redundant_lifetimes,
    rust_2018_idioms,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_pub,
    unused,
    unused_lifetimes,
    unused_qualifications,
    unused_results
)]

pub mod calls;
pub mod kinds;
pub mod stages;
