//! Programs that use the toolkit wrongly in ways that only running can show.

use std::process::ExitCode;

use tracing::info;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::prelude::*;

use crate::work::{plain_work, work};

pub(crate) fn main(program: &str) -> ExitCode {
    match program {
        "text" => text::main(),
        "filtered" => filtered::main(),
        "filtered-bare" => {
            filter();
            work();
            ExitCode::SUCCESS
        }
        "filtered-plain" => filtered_plain::main(),
        other => crate::unknown(other),
    }
}

/// Silences everything below warnings, for all layers.
fn filter() {
    tracing_subscriber::registry().with(LevelFilter::WARN).with(ups_track::layer()).init();
}

/// Text where a number belongs, a thousand times.
mod text {
    use std::process::ExitCode;

    use super::info;

    #[ups_track::main(project = "ends")]
    pub(super) fn main() -> ExitCode {
        for step in 0..1000 {
            info!(metric.loss = "high", step);
        }
        ExitCode::SUCCESS
    }
}

mod filtered {
    use std::process::ExitCode;

    #[ups_track::main(project = "ends", subscriber = false)]
    pub(super) fn main() -> ExitCode {
        super::filter();
        super::work();
        ExitCode::SUCCESS
    }
}

/// As [`filtered`], without our macros.
mod filtered_plain {
    use std::process::ExitCode;

    #[ups_track::main(project = "ends", subscriber = false)]
    pub(super) fn main() -> ExitCode {
        super::filter();
        super::plain_work();
        ExitCode::SUCCESS
    }
}
