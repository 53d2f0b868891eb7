//! How a run ends.

use serde_json::json;

use crate::{history, python};

#[test]
fn the_exit_code_reaches_the_server() {
    let run = python("exit_code");
    assert_eq!(run.exit_code, Some(3));
    assert_eq!(history(&run), json!([{"_step": 0, "loss": 1}]));
}
