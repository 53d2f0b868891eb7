//! What the features of the library switch on.

use std::process::Command;

/// Whoever uploads has a runtime inside; its public part, `TrackCommand` for tokio's commands, is another feature.
#[test]
fn what_is_online_switches_on_nothing_else() {
    let tree = |features: &str| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["tree", "-p", "ups-track", "--offline"]);
        cargo.args(["--no-default-features", "--features", features, "-i", "tokio"]);
        let output = cargo.args(["--edges", "features,no-dev", "--prefix", "none"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let public = "ups-track feature \"tokio\"";
    let online = tree("online,cli,half,test-util");
    assert!(online.contains("ups-track feature \"online\"") && !online.contains(public), "{online}");
    assert!(tree("online,tokio").contains(public));
}
