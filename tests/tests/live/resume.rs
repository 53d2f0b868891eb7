//! Going on with a run that the server has.

use ups_track_tests::server::Server;

use crate::player::{Player, eventually};

fn play(server: &Server, resume: &str, orders: &[&str]) -> String {
    let player = Player::new(server.url(), "again");
    let mut program = if resume.is_empty() { player } else { player.env("WANDB_RESUME", resume) }.start();
    let mut last = String::new();
    for order in orders {
        last = program.tell(order);
    }
    format!("{last}\n{}", program.end().said)
}

#[test]
fn allow_begins_and_goes_on() {
    let server = Server::start();
    play(&server, "allow", &["rows 3", "summary first 1", "config a 1", "finish 0"]);
    play(&server, "allow", &["rows 2", "summary second 2", "config b 2", "finish 0"]);
    let run = eventually(&server, "again", |run| run.history().len() == 5);
    let steps: Vec<_> = run.history().iter().map(|row| row.get("_step").unwrap().as_u64().unwrap()).collect();
    assert_eq!(steps, [0, 1, 2, 3, 4]);
    for (map, keys) in [(run.summary(), ["first", "second"]), (run.config(), ["a", "b"])] {
        for key in keys {
            assert!(map.contains_key(key), "{key}: {map:?}");
        }
    }
    assert_eq!(server.violations(), []);
}

#[test]
fn must_and_never_keep_their_word() {
    let server = Server::start();
    let said = play(&server, "must", &["rows 3", "finish 0"]);
    assert!(said.contains("3 false") && said.contains("`resume` is `must`"), "{said}");
    assert!(server.runs().is_empty());

    let said = play(&server, "never", &["rows 3", "finish 0"]);
    assert!(said.contains("3 true"), "{said}");
    let said = play(&server, "never", &["rows 3", "finish 0"]);
    assert!(said.contains("3 false") && said.contains("`resume` is `never`"), "{said}");
    eventually(&server, "again", |run| run.history().len() == 3);

    let said = play(&server, "must", &["rows 3", "finish 0"]);
    assert!(said.contains("3 true"), "{said}");
    eventually(&server, "again", |run| run.history().len() == 6);
}

#[test]
fn auto_goes_on_with_the_run_of_this_directory() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    for rows in [3, 5] {
        let mut program = Player::new(server.url(), "x")
            .without("WANDB_RUN_ID")
            .env("WANDB_DIR", dir.path().to_str().unwrap())
            .env("WANDB_RESUME", "auto")
            .start();
        program.tell(&format!("rows {}", rows - if rows == 5 { 3 } else { 0 }));
        program.tell("finish 0");
        program.end();
        let runs = server.runs();
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].history().len(), rows);
    }
}

/// The steps of a run, and the losses of its rows.
fn rows(run: &ups_track_tests::server::Run) -> Vec<(u64, f64)> {
    let row =
        |row: &ups_track_tests::json::Row| (row["_step"].as_u64().unwrap(), row["loss"].as_f64().unwrap());
    run.history().iter().map(row).collect()
}

#[test]
fn a_run_is_rewound_and_another_is_forked() {
    let server = Server::start();
    play(&server, "", &["rows 8", "config a 1", "finish 0"]);
    let branch = |variable: &str, id: &str| {
        let mut program = Player::new(server.url(), id).env(variable, "again?_step=4").start();
        program.tell("rows 3");
        assert_eq!(program.tell("finish 0"), "3 true");
        program.end();
        eventually(&server, id, |run| run.complete)
    };
    let forked = branch("WANDB_FORK_FROM", "other");
    assert_eq!(rows(&forked), [(5, 1.0), (6, 0.5), (7, 1.0 / 3.0)]);
    assert_eq!(forked.branch_point, Some(serde_json::json!({"run_id": "again", "step": 4})));

    let rewound = branch("WANDB_RESUME_FROM", "again");
    assert_eq!(rewound.rewinds, 1);
    let expected: Vec<_> =
        (0..8).map(|step| (step, 1.0 / if step < 5 { step + 1 } else { step - 4 } as f64)).collect();
    assert_eq!(rows(&rewound), expected);
    assert!(rewound.config().contains_key("a"));
    assert_eq!(server.violations(), []);
}

#[test]
fn definitions_of_the_run_that_goes_on_stay() {
    let server = Server::start();
    play(&server, "allow", &["define loss min", "define acc max", "rows 1", "finish 0"]);
    play(&server, "allow", &["define loss max", "rows 1", "finish 0"]);
    let run = eventually(&server, "again", |run| run.history().len() == 2 && run.complete);
    let mut metrics: Vec<_> =
        run.metrics().into_iter().map(|metric| (metric.name, metric.summary.into_iter().collect())).collect();
    metrics.retain(|(name, _)| ["acc", "loss"].contains(&name.as_str()));
    metrics.sort();
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let expected = [("acc", words(&["max"])), ("loss", words(&["max", "min"]))];
    assert_eq!(metrics, expected.map(|(name, words)| (name.to_owned(), words)));
    assert_eq!(server.violations(), []);
}
