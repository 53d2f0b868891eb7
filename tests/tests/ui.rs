//! What does not compile, and what it says; what has to compile, warnings denied.
//!
//! After a change of the messages: `TRYBUILD=overwrite cargo test -p ups-track-tests --test ui`, then read the diff
//! line by line. An error that moved from a value to the whole macro is a regression.

#[rustversion::attr(not(stable(1.95)), ignore = "the messages are pinned to rustc 1.95")]
#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
