//! Settings from the environment, as a whole program sees them.

use super::program::Program;

/// A bad value is an error at the start: it names variable, value and rule, and nothing is left behind.
#[test]
fn a_bad_value_stops_the_program_at_the_start() {
    let long = "t".repeat(65);
    for (name, value, rule) in [
        ("WANDB_RUN_ID", "a/b", "must not contain '/'"),
        ("WANDB_TAGS", long.as_str(), "has 65 characters; a tag has 1 to 64"),
        ("WANDB_MODE", "onlin", "must be online, offline, shared or disabled"),
        ("WANDB_SILENT", "perhaps", "must be true or false"),
    ] {
        let ended = Program::new("attribute-ok").env(name, value).run();
        ended.assert_code(78);
        check_refusal(&ended.stderr, name, value, rule);
        assert!(!ended.dir.path().join("wandb").exists(), "{name}");
        assert!(ended.stdout.is_empty(), "the body did not run");
    }
}

/// `#[ups_track::main(project = ..)]` would win over the variable.
#[test]
fn init_returns_the_error() {
    let ended = Program::new("builder-init-drop").env("WANDB_PROJECT", "a%b").run();
    ended.assert_code(1);
    check_refusal(&ended.stdout.join("\n"), "WANDB_PROJECT", "a%b", "must not contain '%'");
    assert!(!ended.dir.path().join("wandb").exists());
}

/// Nobody is there to take an error from a layer: it is said once, and the program goes on.
#[test]
fn a_bare_layer_says_the_error_once() {
    let ended = Program::new("bare-code").env("WANDB_PROJECT", "a%b").run();
    ended.assert_code(4);
    let warnings = ended.warnings();
    assert_eq!(warnings.len(), 1, "{}", ended.stderr);
    check_refusal(warnings.first().unwrap(), "WANDB_PROJECT", "a%b", "must not contain '%'");
    assert!(!ended.dir.path().join("wandb").exists());
}

#[track_caller]
fn check_refusal(text: &str, name: &str, value: &str, rule: &str) {
    assert!(text.contains(name) && text.contains(&format!("`{value}`")) && text.contains(rule), "{text}");
}

#[test]
fn disabled_leaves_no_trace() {
    for mode in ["attribute-ok", "bare-return", "builder-disabled", "tokio-ok"] {
        let ended = Program::new(mode).env("WANDB_MODE", "disabled").run();
        ended.assert_code(0);
        assert_eq!(std::fs::read_dir(ended.dir.path()).unwrap().count(), 0, "{mode}");
        assert!(ended.warnings().is_empty(), "{mode}: {}", ended.stderr);
        if mode == "builder-disabled" {
            assert_eq!(ended.stdout, ["rows 0 dir false"]);
        }
    }
}

#[test]
fn the_builder_wins_over_the_environment() {
    let program = Program::new("builder-precedence")
        .env("WANDB_PROJECT", "environment")
        .env("WANDB_RUN_ID", "from-environment")
        .env("WANDB_TAGS", "y,z")
        .env("WANDB_RUN_GROUP", "group");
    let ended = program.run();
    ended.assert_code(0);
    let log = ended.log();
    let run = log.run();
    assert_eq!((run.project.as_str(), run.run_id.as_str()), ("builder", "from-builder"));
    assert_eq!((run.tags.as_slice(), run.run_group.as_str()), (["x".to_owned()].as_slice(), "group"));
    assert_eq!(log.path.file_name().unwrap(), "run-from-builder.wandb");
}

#[test]
fn the_attribute_wins_over_the_environment() {
    let ended =
        Program::new("attribute-ok").env("WANDB_PROJECT", "environment").env("WANDB_NAME", "name").run();
    let log = ended.log();
    assert_eq!((log.run().project.as_str(), log.run().display_name.as_str()), ("ends", "name"));
}
