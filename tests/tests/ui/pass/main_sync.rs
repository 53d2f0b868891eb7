#![deny(warnings, clippy::pedantic)]

// In modules, so that the test starts no run.
mod returns_a_result {
    /// Trains.
    #[ups_track::main(project = "universal-simulator", name = concat!("a", "b"), tags = ["a", "b"])]
    pub(super) fn main() -> Result<(), std::num::ParseIntError> {
        let n: u8 = "3".parse()?;
        assert_eq!(n, 3);
        Ok(())
    }
}

mod returns_nothing {
    #[ups_track::main]
    pub(super) fn main() {}
}

mod returns_a_code {
    use std::process::ExitCode;

    const TAGS: [&str; 1] = ["a"];

    #[ups_track::main(entity = "e", group = "g", job_type = "train", notes = "n", tags = TAGS)]
    pub(super) fn main() -> Result<ExitCode, String> {
        if std::env::args().len() > 3 { Err("too many".to_owned()) } else { Ok(ExitCode::from(3)) }
    }
}

fn main() {
    let _: fn() -> Result<(), std::num::ParseIntError> = returns_a_result::main;
    let _: fn() = returns_nothing::main;
    let _: fn() -> Result<std::process::ExitCode, String> = returns_a_code::main;
}
