//! Lists of runs, and single ones.

use serde_json::json;
use ups_track::api::{Error, Filter, Order, Run, RunsQuery};
use ups_track_tests::server::{self, DEFAULT_ENTITY, RunKey, Server};

use crate::{api, asked, but, many, run};

fn ids(query: RunsQuery) -> Vec<String> {
    query.list().unwrap().map(|run| run.unwrap().id().to_owned()).collect()
}

#[test]
fn pages_are_asked_for_when_they_are_needed() {
    let server = Server::start();
    many(&server, 23);
    let mut runs = api(&server).runs("").per_page(5).list().unwrap();
    assert_eq!((runs.total(), asked(&server, "Runs")), (23, 1));
    let first: Vec<_> = runs.by_ref().take(5).map(|run| run.unwrap().id().to_owned()).collect();
    assert_eq!(first, ["r000", "r001", "r002", "r003", "r004"]);
    assert_eq!(asked(&server, "Runs"), 1);
    assert_eq!(runs.next().unwrap().unwrap().id(), "r005");
    assert_eq!(asked(&server, "Runs"), 2);
    assert_eq!(runs.by_ref().map(Result::unwrap).count(), 17);
    assert!(runs.next().is_none() && runs.next().is_none());
    assert_eq!(asked(&server, "Runs"), 5);

    // Whatever the size of a page, the runs are the same.
    let all = ids(api(&server).runs("me/p"));
    for per_page in [1, 22, 23, 24, 1000] {
        assert_eq!(ids(api(&server).runs("p").per_page(per_page)), all);
    }
    assert_eq!(server.violations(), []);
}

#[test]
fn a_run_has_what_was_recorded() {
    let server = Server::start();
    let config =
        json!({"lr": 0.1, "opt": {"name": "adam", "betas": [0.9, 0.999]}, "_wandb": {"t": {"5": "0.31"}}});
    let summary = r#"{"eval/nrmse":0.09,"loss":{"min":NaN,"max":Infinity},"note":"a	b"}"#;
    let config = config.as_object().unwrap().clone();
    let key = RunKey::new("me", "p", "r 1");
    let recorded = server::Run::with(key, config, summary, vec![r#"{"_step":0}"#.to_owned()]);
    server.insert(but(recorded, |run| {
        run.display_name = Some("A name".to_owned());
        run.notes = Some("notes".to_owned());
        run.tags = vec!["baseline".to_owned(), "α".to_owned()];
        run.group = Some("nightly".to_owned());
        run.job_type = Some("train".to_owned());
        run.commit = Some("c0ffee".to_owned());
        run.sweep = Some("s1".to_owned());
        (run.complete, run.exit_code) = (true, Some(1));
    }));
    let api = api(&server);
    let page = format!("{}/me/p/runs/r%201", server.url());
    let listed = api.runs("me/p").first().unwrap().unwrap();
    for run in
        [api.run("me/p/r 1"), api.run("p/r 1"), api.run("r 1"), api.run(&page), listed.reload(), Ok(listed)]
    {
        let run = run.unwrap();
        assert_eq!((run.entity(), run.project(), run.id(), run.name()), ("me", "p", "r 1", "A name"));
        assert_eq!((run.state(), run.tags()), ("failed", &["baseline".to_owned(), "α".to_owned()][..]));
        assert_eq!(
            (run.group(), run.job_type(), run.notes()),
            (Some("nightly"), Some("train"), Some("notes"))
        );
        assert_eq!((run.commit(), run.sweep(), run.description()), (Some("c0ffee"), Some("s1"), None));
        assert_eq!(run.created_at(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(run.heartbeat_at(), run.created_at());
        assert_eq!((run.history_line_count(), run.storage_id()), (Some(1), Some("run-1")));
        assert_eq!(run.user().unwrap().username.as_deref(), Some(DEFAULT_ENTITY));
        assert_eq!(run.url(), page);
        assert_eq!(run.config().keys().collect::<Vec<_>>(), ["lr", "opt"]);
        assert_eq!(run.config().value::<[f64; 2]>("opt.betas").unwrap(), [0.9, 0.999]);
        assert!(run.summary().value::<f64>("loss.min").unwrap().is_nan());
        assert_eq!(run.summary().value::<f64>("loss.max").unwrap(), f64::INFINITY);
        assert_eq!(run.summary().value::<String>("note").unwrap(), "a\tb");
    }
    assert_eq!(server.violations(), []);
}

#[test]
fn the_baseline_is_the_newest_finished_run_with_the_tag() {
    let server = Server::start();
    for (id, tag, exit_code, nrmse) in [
        ("old", "baseline", 0, 0.3),
        ("new", "baseline", 0, 0.2),
        ("bad", "baseline", 1, 0.1),
        ("other", "x", 0, 0.0),
    ] {
        server.insert(but(run(id, &json!({}), &json!({"nrmse": nrmse})), |run| {
            run.tags = vec![tag.to_owned()];
            run.exit_code = Some(exit_code);
        }));
    }
    let tagged = |tag| {
        let query = api(&server).runs("p").filter(Filter::state("finished")).filter(Filter::tag(tag));
        query.order(Order::newest_first()).first().unwrap()
    };
    let baseline: Run = tagged("baseline").unwrap();
    assert_eq!((baseline.id(), baseline.summary().value::<f64>("nrmse").unwrap()), ("new", 0.2));
    assert!(tagged("nobody").is_none());
    let best = api(&server).runs("p").order(Order::ascending_summary("nrmse"));
    assert_eq!(ids(best), ["other", "bad", "new", "old"]);
    assert_eq!(server.violations(), []);
}

#[test]
fn runs_come_in_order() {
    let server = Server::start();
    for (id, lr, loss) in [("a", 3, json!(0.5)), ("b", 1, json!(0.25)), ("c", 2, json!(null))] {
        server.insert(run(id, &json!({"lr": lr}), &json!({"eval/loss": loss})));
    }
    let by = |order: Order| ids(api(&server).runs("p").order(order)).concat();
    assert_eq!(by(Order::oldest_first()), "abc");
    assert_eq!(by(Order::newest_first()), "cba");
    assert_eq!(by(Order::ascending_config("lr")), "bca");
    assert_eq!(by(Order::descending_config("lr")), "acb");
    assert_eq!(by(Order::ascending_summary("eval/loss")), "bac");
    assert_eq!(by(Order::descending_summary("eval/loss")), "abc");
    assert_eq!(by(Order::descending("heartbeat_at")), "cba");
    assert_eq!(server.violations(), []);
    // The server's word for what it does not know comes back.
    let refused = api(&server).runs("p").order(Order::ascending("planet")).list().unwrap_err();
    assert!(matches!(&refused, Error::Refused { message, .. } if message.contains("planet")), "{refused}");
}

#[test]
fn what_is_not_there_is_an_error_of_its_own() {
    let server = Server::start();
    many(&server, 1);
    let api = api(&server);
    for (error, words) in [
        (api.run("me/p/nobody").unwrap_err(), "run `me/p/nobody`"),
        (api.run("me/other/r000").unwrap_err(), "run `me/other/r000`"),
        (api.runs("you/p").list().unwrap_err(), "project `you/p`"),
        (api.runs("q").first().unwrap_err(), "project `me/q`"),
    ] {
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
        assert!(error.to_string().contains(words) && error.to_string().contains(server.url()), "{error}");
    }
    // A filter that holds for nothing is another matter.
    let none = api.runs("p").filter(Filter::any([])).list().unwrap();
    assert_eq!((none.total(), none.count()), (0, 0));
    assert_eq!(server.violations(), []);
}

#[test]
fn a_query_that_cannot_be_meant_is_not_sent() {
    let server = Server::start();
    let api = api(&server);
    for error in [
        api.run("").unwrap_err(),
        api.run("a/b/c/d").unwrap_err(),
        api.runs("a/b/c").list().unwrap_err(),
        api.runs("a/\u{1b}[2J").list().unwrap_err(),
        api.runs("p").per_page(0).list().unwrap_err(),
        api.runs("p").per_page(1001).list().unwrap_err(),
        api.runs("p").filter(Filter::summary("loss").lt(f64::NAN)).list().unwrap_err(),
    ] {
        assert!(matches!(error, Error::Argument { .. }), "{error:?}");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }
    assert_eq!(server.requests(), []);
}

#[test]
fn names_are_not_part_of_queries() {
    let server = Server::start();
    let id = r#"") { id } } #{$x}"#;
    server.insert(run(id, &json!({"\"}": {"$gt": 1}}), &json!({})));
    let api = api(&server);
    assert_eq!(api.run(&format!("me/p/{id}")).unwrap().id(), id);
    let filter = Filter::id(id) & Filter::config("\"}").eq(json!({"$gt": 1}));
    assert_eq!(ids(api.runs("p").filter(filter)), [id]);
    assert!(api.run("me/p\"){/x").is_err());
    assert_eq!(server.violations(), []);
}
