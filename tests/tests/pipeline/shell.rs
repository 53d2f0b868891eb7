//! `ups-track run` in real shells: exit codes, names, children, joining.

use ups_track::log::record::Kind;

use super::place::{Ended, Place, assert_sound, values};

/// Runs a script to its end.
#[track_caller]
fn shell(place: &Place, script: &str) -> Ended {
    place.shell(script, &[]).end()
}

#[track_caller]
fn assert_code(ended: &Ended, code: i32) {
    assert_eq!(ended.status.code(), Some(code), "{:?}\n{}", ended.told, ended.stderr);
}

#[test]
fn it_ends_as_the_command_does() {
    for (command, code, status, alerts) in [
        ("true", 0, "finished", 0),
        ("sh -c 'exit 7'", 7, "failed", 1),
        ("sh -c 'exit 255'", 255, "failed", 1),
        ("sh -c 'kill -TERM $$'", 143, "failed", 1),
        ("sh -c 'kill -KILL $$'", 137, "failed", 1),
        ("sh -c 'kill -INT $$'", 130, "failed", 1),
        ("no-such-command", 127, "not started", 1),
        ("./not-executable", 126, "not started", 1),
        ("./", 126, "not started", 1),
    ] {
        let place = Place::new();
        std::fs::write(place.path().join("not-executable"), "#!/bin/sh\n").unwrap();
        // Not `exec`ed by the shell, so that what we see is the code that a shell sees.
        let ended = shell(&place, &format!("\"$UPS\" run --name it -- {command}; code=$?; exit $code"));
        assert_code(&ended, code);
        let log = place.log();
        assert_sound(&log);
        log.assert_ends_with(code);
        let summary = log.summary();
        assert_eq!(summary.get("children/it/status"), Some(&status.into()), "{command}");
        let recorded = (status != "not started").then(|| code.into());
        assert_eq!(summary.get("children/it/exit_code"), recorded.as_ref(), "{command}");
        let count = log.records.iter().filter(|kind| matches!(kind, Kind::Alert(_))).count();
        assert_eq!(count, alerts, "{command}");
        let word = if code == 0 { "finished" } else { "failed with exit code" };
        assert!(ended.stderr.contains("recording offline (there is no API key) in"), "{}", ended.stderr);
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
        assert_eq!(ended.stderr.contains("error: cannot run"), status == "not started", "{}", ended.stderr);
    }
}

#[test]
fn bad_options_start_nothing() {
    let place = Place::new();
    for (options, said) in [
        ("", "required"),
        ("--", "required"),
        ("--project a/b -- touch started", "'a/b' for '--project <P>': must not contain '/'"),
        ("--linked --attached -- touch started", "cannot be used with"),
        ("--tags a,,b -- touch started", "'--tags <A,B>': must not be empty"),
        ("--jobtype x -- touch started", "unexpected argument '--jobtype'"),
    ] {
        let ended = shell(&place, &format!("exec \"$UPS\" run {options}"));
        assert_code(&ended, 125);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    for (variable, value, said) in [
        ("WANDB_MODE", "sideways", "WANDB_MODE"),
        ("WANDB_CONTEXT_FILE", "gone.json", "gone.json` does not exist"),
        ("WANDB_DIR", "/dev/null", "/dev/null"),
    ] {
        let ended = place.shell("exec \"$UPS\" run -- touch started", &[(variable, value)]).end();
        assert_code(&ended, 125);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    assert!(!place.path().join("started").exists() && !place.path().join("wandb").exists());
}

#[test]
fn the_options_name_the_run_that_is_started() {
    let place = Place::new();
    let script = "exec \"$UPS\" run --project burgers --name first --job-type look --group night \
                  --tags 'x, y' -- true";
    assert_code(&place.shell(script, &[("WANDB_TAGS", "all,y")]).end(), 0);
    let log = place.log();
    let run = log.run();
    assert_eq!((run.project.as_str(), run.display_name.as_str()), ("burgers", "first"));
    assert_eq!((run.job_type.as_str(), run.run_group.as_str()), ("look", "night"));
    assert_eq!(run.tags, ["all", "y", "x"]);
    assert_eq!(log.summary().get("children/first/status"), Some(&"finished".into()));
}

#[test]
fn it_can_be_quiet() {
    let place = Place::new();
    let ended = shell(&place, "exec \"$UPS\" run -q -- true");
    assert_code(&ended, 0);
    assert_eq!(ended.stderr, "");
    place.log().assert_ends_with(0);
}

#[test]
fn the_streams_are_the_commands() {
    let place = Place::new();
    let script = "seq 100000 | \"$UPS\" run -q -- sh -c 'cat; echo error >&2' | tail -n 1; echo $?";
    let ended = shell(&place, script);
    assert_eq!(
        (ended.told.as_slice(), ended.stderr.as_str()),
        (&["100000".into(), "0".into()][..], "error\n")
    );
    // Arguments reach the command as they are, with and without `--` before it.
    for dashes in ["--", ""] {
        let script = format!(
            "exec \"$UPS\" run -q {dashes} sh -c 'for a; do echo \"[$a]\"; done' sh --linked '' 'a b'"
        );
        assert_eq!(shell(&place, &script).told, ["[--linked]", "[]", "[a b]"]);
    }
}

#[test]
fn what_the_command_records_is_the_runs() {
    let place = Place::new();
    let script =
        "exec \"$UPS\" run --project p -- sh -c '\"$PROGRAM\" rows a 100 | cat && \"$PROGRAM\" rows b 50'";
    assert_code(&shell(&place, script), 0);
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(0);
    assert_eq!(values(&log, "a/value"), (0..100).collect::<Vec<_>>());
    assert_eq!(values(&log, "b/value"), (0..50).collect::<Vec<_>>());
    assert_eq!(log.summary().get("b/score4"), Some(&2.0.into()));
}

#[test]
fn a_linked_command_has_a_run_of_its_own() {
    let place = Place::new();
    let script = "exec \"$UPS\" run --linked --project p --name operator --job-type train --group night \
                  --tags deep -- \"$PROGRAM\" rows a 100";
    assert_code(&place.shell(script, &[("WANDB_TAGS", "all")]).end(), 0);
    let logs = place.logs();
    let (children, parents): (Vec<_>, Vec<_>) = logs.iter().partition(|log| log.run().job_type == "train");
    let ([child], [parent]) = (children.as_slice(), parents.as_slice()) else {
        panic!("{} runs", logs.len())
    };
    let (run, of) = (child.run(), parent.run());
    assert_eq!(run.tags, ["all", "deep", &format!("parent:{}", of.run_id)]);
    assert_eq!((run.display_name.as_str(), run.run_group.as_str()), ("operator", "night"));
    assert_eq!(
        (of.display_name.as_str(), of.run_group.as_str(), of.tags.as_slice()),
        ("", "night", &["all".to_owned()][..])
    );
    assert_eq!((run.project.as_str(), of.project.as_str()), ("p", "p"));
    assert_eq!((child.rows().len(), parent.rows().len()), (100, 0));
    assert_eq!(parent.summary().get("children/operator/exit_code"), Some(&0.into()));
}

/// A pipeline that is a shell script.
#[test]
fn within_a_run_it_joins() {
    let place = Place::new();
    let script = r#"
        exec "$UPS" run --project p --name pipeline -- sh -c '
            "$UPS" run --linked --name train --job-type train -- "$PROGRAM" rows train 20 &&
            "$UPS" run --name other --tags small --job-type eval -- "$UPS" run -- "$PROGRAM" rows small 10 &&
            "$UPS" run --project q -- sh -c "exit 4" || "$UPS" run -- sh -c "exit 5"
        '"#;
    let ended = shell(&place, script);
    assert_code(&ended, 5);
    let logs = place.logs();
    assert_eq!(logs.len(), 2, "a pipeline and a linked training");
    let named = |name: &str| logs.iter().find(|log| log.run().display_name == name).unwrap();
    let (pipeline, train) = (named("pipeline"), named("train"));
    for log in [pipeline, train] {
        assert_sound(log);
        assert_eq!(log.run().project, "p");
    }
    pipeline.assert_ends_with(5);
    train.assert_ends_with(0);
    assert_eq!(train.run().tags, [format!("parent:{}", pipeline.run().run_id)]);
    assert_eq!((train.run().job_type.as_str(), values(train, "train/value").len()), ("train", 20));
    assert_eq!(values(pipeline, "small/value").len(), 10);
    assert_eq!(
        (pipeline.run().job_type.as_str(), pipeline.run().tags.as_slice()),
        ("", &["small".to_owned()][..])
    );
    // Every command has a name of its own, whoever has started it.
    let summary = pipeline.summary();
    let children = [("pipeline", 5), ("train", 0), ("other", 0), ("pipeline-2", 0), ("sh", 4), ("sh-2", 5)];
    for (name, code) in children {
        assert_eq!(summary.get(&format!("children/{name}/exit_code")), Some(&code.into()), "{name}");
    }
    let said = |text: &str| ended.stderr.lines().filter(|line| line.contains(text)).count();
    assert_eq!(
        (said("--job-type eval has no effect"), said("--project q has no effect")),
        (1, 1),
        "{}",
        ended.stderr
    );
    assert_eq!(said("recording offline"), 1, "{}", ended.stderr);
}

/// A linked command is a child with a run of its own: the `ups-track run` in it starts that run.
#[test]
fn within_a_linked_command_it_starts_the_linked_run() {
    let place = Place::new();
    let script =
        "exec \"$UPS\" run --linked --name outer -- \"$UPS\" run --name inner -- \"$PROGRAM\" rows a 10";
    assert_code(&shell(&place, script), 0);
    let logs = place.logs();
    assert_eq!(logs.len(), 2);
    let linked = logs.iter().find(|log| !log.run().tags.is_empty()).unwrap();
    assert_eq!((linked.run().display_name.as_str(), values(linked, "a/value").len()), ("inner", 10));
}

#[test]
fn disabled_it_only_runs_the_command() {
    let place = Place::new();
    let script =
        "exec \"$UPS\" run --project p -- sh -c '\"$PROGRAM\" environment; \"$PROGRAM\" rows a 5; exit 3'";
    for run in [script, "exec \"$UPS\" run --project p -- \"$UPS\" run --linked -- sh -c 'exit 3'"] {
        let ended = place.shell(run, &[("WANDB_MODE", "disabled")]).end();
        assert_code(&ended, 3);
        assert!(!ended.told.iter().any(|line| line.contains("CONTEXT")), "{:?}", ended.told);
        assert_eq!(ended.stderr, "");
    }
    assert!(!place.path().join("wandb").exists());
}

/// A run that another program has begun, and of which nothing is here.
#[test]
fn a_context_that_another_program_has_written() {
    let place = Place::new();
    std::fs::write(place.path().join("context.json"), r#"{"run_id": "theirs", "project": "ups"}"#).unwrap();
    let script = "exec \"$UPS\" run --project mine --name n -- \"$PROGRAM\" rows a 10";
    let ended = place.shell(script, &[("WANDB_CONTEXT_FILE", "context.json")]).end();
    assert_code(&ended, 0);
    let log = place.log();
    let run = log.run();
    assert_eq!(
        (run.run_id.as_str(), run.project.as_str(), run.display_name.as_str(), run.resume),
        ("theirs", "ups", "", true)
    );
    assert_eq!(values(&log, "a/value").len(), 10);
    assert_eq!(log.summary().get("children/n/exit_code"), Some(&0.into()));
}
