//! Programs that leave the same.

use ups_track_tests::normalized::assert_same;

use super::WAYS;
use super::programs::{ours, theirs};

/// A test for each program: both sides end with exit code 0, and every way of ours leaves what the real client leaves.
macro_rules! same {
    ($($program:ident),* $(,)?) => {$(
        #[test]
        fn $program() {
            for way in WAYS {
                let program = stringify!($program);
                let run = ours(program, *way, &[], 0);
                assert!(run.complete && run.exit_code == Some(0), "{way:?}: {run:?}");
                assert_same(&theirs(program), &run);
            }
        }
    )*};
}

same! {
    plain,
    backwards,
    several,
    nested_config,
    aggregates,
    hidden,
    odd_keys,
    summary_only,
    console,
    files,
    changing_file,
    many_rows,
    long_text,
    no_data,
}
