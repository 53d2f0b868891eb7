//! Keys, settings, threads, and servers that are not there.

use std::time::Duration;

use ups_track::api::{Api, Error};
use ups_track_tests::server::{API_KEY, Fault, Place, Server};

use crate::{api, asked, builder, many};

const OTHER_KEY: &str = "0123456789012345678901234567890123456789";

#[test]
fn a_wrong_key_is_said_and_not_shown() {
    let server = Server::start();
    many(&server, 1);
    let wrong = builder(&server).api_key(OTHER_KEY).build().unwrap();
    for error in [wrong.run("r000").unwrap_err(), wrong.runs("p").list().unwrap_err()] {
        assert!(matches!(error, Error::WrongKey { .. }), "{error:?}");
        assert!(error.to_string().contains("ups-track login") && !format!("{error:?}").contains(OTHER_KEY));
    }
    let bad = builder(&server).api_key("too short").build().unwrap_err();
    assert!(matches!(bad, Error::Setting(_)) && !bad.to_string().contains("too short"), "{bad}");
    assert!(!format!("{:?} {:?}", builder(&server), api(&server)).contains(API_KEY));
}

#[test]
fn bad_settings_are_named() {
    let server = Server::start();
    for (bad, words) in [
        (builder(&server).base_url("wandb.ai"), "base_url"),
        (builder(&server).base_url("https://wandb.ai"), "api.wandb.ai"),
        (builder(&server).base_url(""), "base_url"),
        (builder(&server).project(" p"), "project"),
    ] {
        let error = bad.build().unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn what_passes_is_tried_again() {
    let server = Server::start();
    many(&server, 30);
    let garbage = Fault::Answer(b"\x00\xff nonsense");
    for fault in [
        Fault::Status(500, None),
        Fault::Status(503, Some("0.01")),
        Fault::Status(429, None),
        Fault::DropBefore,
        Fault::DropAfter,
        garbage,
    ] {
        server.fail(Place::Operation("Runs"), &fault, 3);
        let runs = api(&server).runs("p").per_page(10).list().unwrap();
        assert_eq!(runs.map(Result::unwrap).count(), 30, "{fault:?}");
        assert_eq!(server.faults_left(), 0);
    }
    assert_eq!(server.violations(), []);
}

#[test]
fn what_does_not_pass_ends() {
    let server = Server::start();
    many(&server, 30);
    server.fail(Place::Operation("Run"), &Fault::Status(503, None), 3);
    let error = builder(&server).retries(2).build().unwrap().run("r000").unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert!(
        error.to_string().contains("run `me/p/r000`") && error.to_string().contains("3 attempts"),
        "{error}"
    );

    for (status, kind) in [(401, "WrongKey"), (403, "Forbidden"), (404, "NotFound"), (413, "Refused")] {
        server.fail(Place::Operation("Run"), &Fault::Status(status, None), 1);
        let error = api(&server).run("r000").unwrap_err();
        assert!(format!("{error:?}").starts_with(kind), "{status}: {error:?}");
        assert_eq!(server.faults_left(), 0);
    }
    // In the middle of a list: what came before is there, and then it ends.
    let mut runs = api(&server).runs("p").per_page(10).list().unwrap();
    server.fail(Place::Operation("Runs"), &Fault::Status(403, None), 1);
    assert_eq!(runs.by_ref().take_while(Result::is_ok).count(), 10);
    assert!(runs.next().is_none());
}

#[test]
fn nobody_is_there() {
    let server = Server::start();
    let error =
        builder(&server).base_url("http://127.0.0.1:1").retries(1).build().unwrap().run("r").unwrap_err();
    assert!(matches!(error, Error::Network { .. }), "{error:?}");
    assert!(error.to_string().contains("no connection to http://127.0.0.1:1"), "{error}");
    server.fail(Place::Anywhere, &Fault::Slow(60_000), 1);
    let hasty = builder(&server).timeout(Duration::from_millis(200)).retries(0).build().unwrap();
    let error = hasty.run("r").unwrap_err();
    assert!(error.to_string().contains("did not answer within 0.2 s"), "{error}");
}

#[test]
fn the_key_goes_nowhere_else() {
    let (server, other) = (Server::start(), Server::start());
    many(&server, 1);
    server.fail(Place::Operation("Run"), &Fault::Redirect(other.url().to_owned()), 1);
    let error = api(&server).run("r000").unwrap_err();
    assert!(error.to_string().contains(&format!("sends us to {}", other.url())), "{error}");
    assert_eq!(other.requests(), []);
}

#[test]
fn it_works_in_a_runtime_and_from_many_threads() {
    fn is_shared<T: Send + Sync + 'static>(value: T) -> T {
        value
    }
    let server = Server::start();
    many(&server, 30);
    let api: Api = is_shared(api(&server));
    let count = |api: &Api| api.runs("p").per_page(7).list().unwrap().map(Result::unwrap).count();
    for threads in [0, 2] {
        let mut runtime = match threads {
            0 => tokio::runtime::Builder::new_current_thread(),
            _ => tokio::runtime::Builder::new_multi_thread(),
        };
        let runtime = runtime.enable_all().build().unwrap();
        // Not the place for what blocks, but no panic either.
        assert_eq!(runtime.block_on(async { count(&api) }), 30);
        let api = api.clone();
        let blocking = runtime.spawn(async move { tokio::task::spawn_blocking(move || count(&api)).await });
        assert_eq!(runtime.block_on(blocking).unwrap().unwrap(), 30);
        // Also made and dropped there.
        assert_eq!(runtime.block_on(async { count(&crate::api(&server)) }), 30);
    }
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(count(&api), 30));
        }
    });
    // What was read holds on to the access by itself.
    let run = api.run("r000").unwrap();
    drop(api);
    assert_eq!(run.history().rows().unwrap().count(), 0);
    assert_eq!(asked(&server, "RunHistoryKeys"), 1);
    assert_eq!(server.violations(), []);
}
