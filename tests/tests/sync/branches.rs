//! Runs that go on from a step of another run, or of themselves.

use serde_json::{Value, json};
use ups_track::RunBuilder;
use ups_track_tests::normalized::assert_same;
use ups_track_tests::server::{Fault, Place, Run, Server};

use crate::{Recorded, on, record, record_with, sync};

fn rewound() -> Recorded {
    let configure = |builder: RunBuilder| builder.resume_from("branch?_step=3").config(&[("more", 1)]);
    record_with("branch", configure, |run| {
        for step in 0..2_u32 {
            run.log(step, &[("loss", 9.0)]);
        }
    })
}

fn steps(run: &Run) -> Value {
    run.history().iter().map(|row| row["_step"].clone()).collect()
}

#[track_caller]
fn assert_rewound(server: &Server) {
    let run = on(server, "branch");
    assert_eq!(steps(&run), json!([0, 1, 2, 3, 4, 5]));
    assert_eq!((&run.history()[3]["loss"], &run.history()[4]["loss"]), (&json!(0.25), &json!(9.0)));
    assert_eq!(Value::Object(run.config()), json!({"lr": 0.5, "more": 1}));
    assert_eq!(run.branch_point, Some(json!({"run_id": "branch", "step": 3})));
    // What the rows that are gone had told is gone, too.
    assert_eq!((&run.summary()["_step"], run.summary().get("nrmse")), (&json!(5), None));
    assert_eq!(server.violations(), []);
}

#[test]
fn a_run_that_rewinds_itself() {
    let server = Server::start();
    assert_eq!(sync(&server, &record("branch", 10).log, &[]).code, 0);
    let second = rewound();
    let said = sync(&server, &second.log, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("2 rows in the log, 2 on the server"), "{said:?}");
    assert_rewound(&server);
    // Once is enough.
    let first = on(&server, "branch");
    assert_eq!(sync(&server, &second.log, &["--include-synced"]).code, 0);
    assert_same(&first, &on(&server, "branch"));
    assert_eq!(on(&server, "branch").rewinds, 1);
    assert_rewound(&server);
}

#[test]
fn a_rewind_that_is_interrupted() {
    for (place, fault) in [
        // The rewind is done, but nobody knows.
        (Place::Operation("RewindRun"), Fault::Answer(br#"{"data":null}"#)),
        (Place::Operation("UpsertBucket"), Fault::Status(401, None)),
        (Place::Stream, Fault::Status(413, None)),
        (Place::Stream, Fault::Answer(b"nonsense")),
        (Place::Operation("CreateRunFiles"), Fault::Answer(br#"{"data":null}"#)),
    ] {
        let server = Server::start();
        assert_eq!(sync(&server, &record("branch", 10).log, &[]).code, 0);
        let second = rewound();
        server.fail(place, &fault, 1);
        sync(&server, &second.log, &[]);
        assert_eq!(server.faults_left(), 0);
        let rewinds = on(&server, "branch").rewinds;
        let said = sync(&server, &second.log, &["--include-synced"]);
        assert_eq!(said.code, 0, "{place:?}: {said:?}");
        assert_rewound(&server);
        if place == Place::Operation("CreateRunFiles") {
            // Rows had arrived: they are not taken back.
            assert_eq!((rewinds, on(&server, "branch").rewinds), (1, 1));
        }
    }
}

#[test]
fn a_rewind_of_what_is_not_there() {
    let server = Server::start();
    let said = sync(&server, &rewound().log, &[]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("the rewind of the run") && said.err.contains("there is no run"), "{said:?}");
}

#[test]
fn a_fork_begins_behind_the_step_of_another_run() {
    let server = Server::start();
    assert_eq!(sync(&server, &record("origin", 10).log, &[]).code, 0);
    let configure = |builder: RunBuilder| builder.fork_from("origin?_step=6");
    let fork = record_with("fork", configure, |run| {
        for step in 0..2_u32 {
            run.log(step, &[("loss", 9.0)]);
        }
    });
    for options in [&[][..], &["--include-synced"]] {
        assert_eq!(sync(&server, &fork.log, options).code, 0);
        let run = on(&server, "fork");
        assert_eq!(steps(&run), json!([7, 8]));
        assert_eq!(run.branch_point, Some(json!({"run_id": "origin", "step": 6})));
        assert_eq!(on(&server, "origin").history().len(), 10);
    }
    assert_eq!(server.violations(), []);
}
