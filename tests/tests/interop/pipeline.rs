//! A run into which children have recorded, as the real client uploads it: one run, with everything in it.

use serde_json::json;
use ups_track::{Context, Mode, Run};

use super::{config_of, history, synced};

#[test]
fn one_run_with_the_rows_of_all() {
    let dir = tempfile::tempdir().unwrap();
    let builder = Run::builder().entity("test-entity").project("interop").id("pipeline").mode(Mode::Offline);
    let run = builder.dir(dir.path()).quiet(true).global(false).start().unwrap();
    let context = Context::load(run.save_context(dir.path().join("context.json")).unwrap()).unwrap();
    run.log(0, &[("parent", 1)]);
    run.flush();
    for child in ["a", "b"] {
        let member = Run::builder().context(&context).global(false).config(&[(child, 1)]).start().unwrap();
        for step in 0..3 {
            member.log(step, &[(format!("{child}/value"), step)]);
        }
        member.summarize(&[(format!("{child}/score"), 0.5)]);
        member.finish().unwrap();
    }
    let finished = run.finish().unwrap();
    assert_eq!(finished.rows(), 7);

    let uploaded = synced(finished.dir().unwrap(), "pipeline");
    let rows = history(&uploaded);
    assert_eq!(rows.as_array().unwrap().len(), 7);
    assert_eq!(rows[0], json!({"_step": 0, "step": 0, "parent": 1}));
    for child in ["a", "b"] {
        let key = format!("{child}/value");
        let of_child = rows.as_array().unwrap().iter().filter_map(|row| Some((row.get(&key)?, &row["step"])));
        let values: Vec<_> = of_child.map(|(value, step)| [value.as_u64(), step.as_u64()]).collect();
        assert_eq!(values, [[Some(0); 2], [Some(1); 2], [Some(2); 2]]);
    }
    let summary = uploaded.summary();
    assert_eq!(
        (&summary["a/score"], &summary["b/score"], &summary["b/value"]),
        (&json!(0.5), &json!(0.5), &json!(2))
    );
    let config = config_of(&uploaded);
    assert_eq!((&config["a"], &config["b"]), (&json!(1), &json!(1)));
}
