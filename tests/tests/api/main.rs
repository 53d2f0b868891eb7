//! Reading back with `ups_track::api`, against the test server.
#![expect(clippy::unwrap_used, reason = "tests end by panicking")]
#![expect(clippy::float_cmp, reason = "what is read is exactly what was written")]

mod access;
mod answers;
mod environment;
mod files;
mod filters;
mod history;
mod operations;
mod runs;

use std::time::Duration;

use serde_json::{Value, json};
use ups_track::api::{Api, ApiBuilder};
use ups_track_tests::server::{API_KEY, Run, RunKey, Server};

/// Access to a server, with short waits.
fn builder(server: &Server) -> ApiBuilder {
    Api::builder()
        .base_url(server.url())
        .api_key(API_KEY)
        .entity("me")
        .project("p")
        .retry_wait(Duration::from_millis(10), Duration::from_millis(50))
}

fn api(server: &Server) -> Api {
    builder(server).build().unwrap()
}

/// A finished run of `me/p`, that nobody has to tell from another.
fn run(id: &str, config: &Value, summary: &Value) -> Run {
    with_rows(id, config, summary, Vec::new())
}

fn with_rows(id: &str, config: &Value, summary: &Value, rows: Vec<String>) -> Run {
    let config = config.as_object().unwrap().clone();
    let run = Run::with(RunKey::new("me", "p", id), config, &summary.to_string(), rows);
    but(run, |run| (run.complete, run.exit_code) = (true, Some(0)))
}

/// A run, changed.
fn but(mut run: Run, change: impl FnOnce(&mut Run)) -> Run {
    change(&mut run);
    run
}

/// So many runs: `r000`, `r001`, … with `number` in config and summary.
fn many(server: &Server, count: u32) {
    for number in 0..count {
        let values = json!({"number": number});
        server.insert(run(&format!("r{number:03}"), &values, &values));
    }
}

/// How many requests of an operation there were.
fn asked(server: &Server, operation: &str) -> usize {
    server.requests().iter().filter(|request| request.operation.as_deref() == Some(operation)).count()
}
