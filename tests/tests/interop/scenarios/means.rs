//! Programs that leave the same but for what ups-track means to do in another way.

use serde_json::{Value, json};
use ups_track_tests::normalized::{Meant, Side, assert_same_but};

use super::WAYS;
use super::programs::{ours, theirs};
use crate::warned;

#[track_caller]
fn same_but(program: &str, more: &[(&str, &str)], meant: &[Meant]) {
    for way in WAYS {
        assert_same_but(&theirs(program), &ours(program, *way, more, 0), meant);
    }
}

/// The definition of a metric by its whole name.
fn definition(name: &str, step: &str) -> Value {
    json!([{
        "name": name, "glob": false, "step_metric": step, "options": ["defined", "step_sync"], "summary": [],
        "goal": null,
    }])
}

#[test]
fn gaps() {
    const REASON: &str = "the step of the user is data; `_step` counts rows, so that none can be dropped";
    let step = |path: &str, left: u32, right: u32| Meant::other(path, left, right, REASON);
    let meant = [
        step(r#"history[1]["_step"]"#, 10, 1),
        step(r#"history[2]["_step"]"#, 11, 2),
        step(r#"history[3]["_step"]"#, 500, 3),
        step(r#"summary["_step"]"#, 500, 3),
    ];
    same_but("gaps", &[], &meant);
}

#[test]
fn not_finite() {
    const COUNTED: &str = "values that are not finite are counted";
    const ALERTED: &str =
        "the first value that is no number raises an alert; infinity as the first of all is none";
    let alert = |name: &str, what: &str, step: u32| {
        let title = format!("{name} is not finite");
        let text = format!("`{name}` is {what} at step {step}");
        let alert = json!([{"title": title, "text": text, "severity": "WARN", "wait_duration": 60_000}]);
        Meant::extra(format!("alerts[{title:?}]"), Side::Is(alert), ALERTED)
    };
    let counted = |name: &str, count: u32| {
        Meant::extra(format!("summary[\"ups_track/not_finite/{name}\"]"), Side::Is(count.into()), COUNTED)
    };
    let meant = [alert("loss", "NaN", 0), counted("loss", 2), counted("low", 1)];
    same_but("not_finite", &[], &meant);
}

#[test]
fn big_integers() {
    const REASON: &str = "an integer beyond 63 bits keeps its digits";
    let paths = [
        r#"config["c_unsigned"]"#,
        r#"history[0]["unsigned"]"#,
        r#"summary["s_unsigned"]"#,
        r#"summary["unsigned"]"#,
    ];
    let meant = paths.map(|path| Meant::other(path, 18_446_744_073_709_551_616.0, u64::MAX, REASON));
    same_but("big_integers", &[], &meant);
}

#[test]
fn config_updates() {
    same_but("config_updates", &[], &[]);
}

#[test]
fn described() {
    let more = [
        ("WANDB_NAME", "A first name"),
        ("WANDB_NOTES", "first\nnotes"),
        ("WANDB_TAGS", "one,α"),
        ("WANDB_RUN_GROUP", "nightly"),
        ("WANDB_JOB_TYPE", "train"),
    ];
    same_but("described", &more, &[]);
}

#[test]
fn unicode() {
    let more = [("WANDB_NAME", "名前 🚀"), ("WANDB_NOTES", "naïve \"notes\" \\ \t"), ("WANDB_TAGS", "größe")];
    same_but("unicode", &more, &[]);
}

#[test]
fn alerts() {
    const REASON: &str = "the real client takes a wait of zero for none given; ours is what was asked for";
    same_but("alerts", &[], &[Meant::other(r#"alerts["Error"][0]["wait_duration"]"#, 60_000, 0, REASON)]);
}

#[test]
fn summary_set() {
    const REASON: &str = "a value that was set as summary stays, whatever rows come later";
    same_but("summary_set", &[], &[Meant::other(r#"summary["loss"]"#, 2, 0.25, REASON)]);
}

/// A step metric of one's own, by a pattern, in plain events.
#[test]
fn glob() {
    same_but("glob", &[], &[warned()]);
}

#[test]
fn stages() {
    const OUTER: &str =
        "the outer stage's pattern matches the inner stage's metrics as well: ours says which one counts";
    const TOLD: &str = "a stage tells how it ended and how long it took";
    let mut meant = vec![Meant::extra(
        r#"metrics["operator/fine/loss"]"#,
        Side::Is(definition("operator/fine/loss", "operator/fine/step")),
        OUTER,
    )];
    for row in 3..6 {
        let path = format!(r#"history[{row}]["operator/step"]"#);
        meant.push(Meant::missing(path, Side::Is(2.into()), OUTER));
    }
    for stage in ["operator", "operator/fine", "diffusion"] {
        let path = |what: &str| format!(r#"summary["{stage}/{what}"]"#);
        meant.push(Meant::extra(path("status"), Side::Is("ok".into()), TOLD));
        meant.push(Meant::extra(path("duration_s"), Side::Time, TOLD));
    }
    same_but("stages", &[], &meant);
}
