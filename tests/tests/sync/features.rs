//! What only some servers can do.

use ups_track::Stream;
use ups_track_tests::normalized::assert_same;
use ups_track_tests::server::{Fault, Place, Received, Server};

use crate::{Recorded, command, on, record, record_with, said, sync};

fn lines_of(server: &Server) -> Vec<Received> {
    let mut received = server.received();
    received.retain(|request| request.path.ends_with("/file_stream"));
    received
}

fn is_packed(request: &Received) -> bool {
    request.header("content-encoding") == Some("gzip")
}

#[test]
fn lines_are_compressed_where_the_server_can_read_it() {
    let plain = Server::start();
    assert_eq!(sync(&plain, &record("gzip", 500).log, &[]).code, 0);
    assert!(!lines_of(&plain).iter().any(is_packed));

    let server = Server::start();
    server.enable(&["FILESTREAM_GZIP"]);
    // Sent again, it is the same.
    server.fail(Place::Stream, &Fault::DropAfter, 1);
    assert_eq!(sync(&server, &record("gzip", 500).log, &[]).code, 0);
    assert_same(&on(&plain, "gzip"), &on(&server, "gzip"));
    let sent = lines_of(&server);
    let [first, again, ..] = &sent[..] else { unreachable!("{sent:?}") };
    assert!(is_packed(first) && first.body == again.body);
    assert!(first.body.len() * 3 < first.content().unwrap().len());
    assert_eq!(server.violations(), []);

    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    server.enable(&["FILESTREAM_GZIP"]);
    let recorded = record("gzip", 500);
    let mut command = command(&server, home.path());
    command.env("WANDB_X_FILE_STREAM_NO_GZIP", "true");
    assert_eq!(said(command.arg("sync").arg(&recorded.log)).code, 0);
    assert!(!lines_of(&server).iter().any(is_packed));
}

/// Lines of both streams.
fn talkative() -> Recorded {
    record_with(
        "console",
        |builder| builder,
        |run| {
            run.write_console(Stream::Stdout, "said \"so\"\n");
            run.write_console(Stream::Stderr, "oops\n");
        },
    )
}

#[test]
fn the_console_has_the_form_that_the_server_wants() {
    for (feature, label) in [(false, false), (false, true), (true, false), (true, true)] {
        let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
        if feature {
            server.enable(&["STRUCTURED_CONSOLE_LOGS"]);
        }
        let recorded = talkative();
        let mut command = command(&server, home.path());
        if label {
            command.env("WANDB_X_LABEL", "rank_1");
        }
        assert_eq!(said(command.arg("sync").arg(&recorded.log)).code, 0);
        assert_eq!(server.violations(), []);
        let run = on(&server, "console");
        let lines = run.lines(ups_track_tests::server::Stream::Console);
        assert!(lines.iter().all(|line| line.starts_with('{') == feature), "{lines:?}");
        let in_text = if label && !feature { "[rank_1] " } else { "" };
        let expected = |text: &str| format!("{in_text}{text}");
        let console: Vec<_> = run.console().into_iter().map(|l| (l.stderr, l.text, l.label)).collect();
        let name = (label && feature).then(|| "rank_1".to_owned());
        let expected = [(false, expected("said \"so\""), name.clone()), (true, expected("oops"), name)];
        assert_eq!(console, expected, "{feature} {label}");
        // The file is for people.
        assert_eq!(run.files["output.log"], b"said \"so\"\noops\n");
    }
}

#[test]
fn a_server_that_does_not_tell_can_nothing() {
    let garbage = Fault::Answer(br#"{"data":{"serverInfo":{"features":{"FILESTREAM_GZIP":true}}}}"#);
    for fault in [Fault::Status(500, None), Fault::Status(404, None), Fault::DropBefore, garbage] {
        let server = Server::start();
        server.enable(&["FILESTREAM_GZIP", "STRUCTURED_CONSOLE_LOGS"]);
        server.fail(Place::Operation("ServerFeaturesQuery"), &fault, 20);
        assert_eq!(sync(&server, &record("features", 200).log, &[]).code, 0, "{fault:?}");
        assert!(!lines_of(&server).iter().any(is_packed));
        assert_eq!(on(&server, "features").history().len(), 200);
        let asked = server
            .received()
            .iter()
            .filter(|request| crate::has(&request.body, b"ServerFeaturesQuery"))
            .count();
        assert!((1..=3).contains(&asked), "{fault:?}: {asked}");
        assert_eq!(server.violations(), []);
    }
}
