#![deny(warnings, clippy::pedantic)]

// In a module, so that the test starts no run.
mod program {
    #[ups_track::main]
    #[tokio::main(flavor = "current_thread")]
    pub(super) async fn main() -> std::process::ExitCode {
        tokio::task::yield_now().await;
        std::process::ExitCode::SUCCESS
    }
}

fn main() {
    let _: fn() -> std::process::ExitCode = program::main;
}
