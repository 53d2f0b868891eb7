//! Files of runs.

use std::fs;

use serde_json::json;
use ups_track::api::{Error, RunFile};
use ups_track_tests::server::{Fault, Place, Server};

use crate::{api, asked, builder, but, run};

/// A server with a run that has these files, and what lists them.
fn server(files: &[(&str, usize)]) -> (Server, Vec<RunFile>) {
    let server = Server::start();
    server.insert(but(run("r", &json!({}), &json!({})), |run| {
        for (name, size) in files {
            run.files.insert((*name).to_owned(), vec![7; *size]);
        }
    }));
    let files = api(&server).run("r").unwrap().files().collect::<Result<_, _>>().unwrap();
    (server, files)
}

#[test]
fn files_are_listed_page_by_page() {
    let names: Vec<String> = (0..230).map(|number| format!("media/{number:03}.bin")).collect();
    let names: Vec<(&str, usize)> =
        names.iter().enumerate().map(|(size, name)| (name.as_str(), size)).collect();
    let (server, files) = server(&names);
    assert_eq!((files.len(), asked(&server, "RunFiles")), (230, 3));
    assert_eq!((files[229].name(), files[229].size()), ("media/229.bin", Some(229)));
    // The digest of no bytes at all.
    assert_eq!(files[0].md5(), Some("1B2M2Y8AsgTpgAmY7PhCfg=="));
    assert_eq!(server.violations(), []);
}

#[test]
fn a_file_comes_whole_and_without_the_key() {
    let (server, files) = server(&[("sub/weights.bin", 3_000_000), ("empty", 0)]);
    let dir = tempfile::tempdir().unwrap();
    for fault in [Fault::Status(503, None), Fault::DropBefore] {
        server.fail(Place::Storage, &fault, 1);
    }
    for file in &files {
        let path = file.download_below(dir.path()).unwrap();
        assert_eq!(path, dir.path().join(file.name()));
        assert_eq!(fs::read(&path).unwrap(), vec![7; usize::try_from(file.size().unwrap()).unwrap()]);
    }
    let to = dir.path().join("copy");
    fs::write(&to, "something else").unwrap();
    files[0].download(&to).unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"");
    // The storage may send it on.
    server.fail(Place::Storage, &Fault::Redirect(server.url().to_owned()), 1);
    assert!(matches!(files[0].download(&to).unwrap_err(), Error::Forbidden { .. }));
    assert_eq!(server.faults_left(), 0);
    // Among the violations would be a key that was given away.
    assert_eq!(server.violations(), []);
}

/// They do not share what is not complete yet.
#[test]
fn downloads_of_one_file_at_the_same_time_do_not_meet() {
    let (server, files) = server(&[("a", 1_000_000)]);
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("a");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| files[0].download(&to).unwrap());
        }
    });
    assert_eq!(fs::read(&to).unwrap(), vec![7; 1_000_000]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(server.violations(), []);
}

#[test]
fn what_does_not_come_whole_leaves_nothing() {
    let (server, files) = server(&[("a", 100)]);
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("a");
    fs::write(&to, "before").unwrap();
    for (fault, times, words) in [
        (Fault::Huge(1_000_000), 1, "more than the 100 bytes"),
        // As often as it is tried.
        (Fault::Huge(99), 5, "99 bytes, where there are 100"),
        (Fault::Huge(100), 5, "other bytes than those whose digest the server tells"),
        (Fault::Status(404, None), 1, "has no file `a` of run `me/p/r`"),
    ] {
        server.fail(Place::Storage, &fault, times);
        let error = files[0].download(&to).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(server.faults_left(), 0);
        assert_eq!(fs::read_to_string(&to).unwrap(), "before");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
    let error = files[0].download(dir.path().join("no/such/dir/a")).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error:?}");
}

#[test]
fn names_and_addresses_of_a_bad_server_lead_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    for (name, url) in [
        ("../out", "SERVER/storage/0?signature=granted"),
        ("/tmp/out", "SERVER/storage/0?signature=granted"),
        ("a/../../out", "SERVER/storage/0?signature=granted"),
        ("", "SERVER/storage/0?signature=granted"),
        ("a", "file://SECRET"),
        ("a", "/etc/passwd"),
        ("a", ""),
    ] {
        let server = Server::start();
        server.insert(run("r", &json!({}), &json!({})));
        let run = builder(&server).build().unwrap().run("r").unwrap();
        let url = url.replace("SERVER", server.url()).replace("SECRET", secret.to_str().unwrap());
        let answer = json!({"data": {"project": {"run": {"files": {
            "edges": [{"node": {"name": name, "directUrl": url, "sizeBytes": "6"}}],
            "pageInfo": {"hasNextPage": false, "endCursor": null},
        }}}}});
        let answer = answer.to_string().leak().as_bytes();
        server.fail(Place::Operation("RunFiles"), &Fault::AnswerOnly(answer), 1);
        let file = run.files().next().unwrap().unwrap();
        assert_eq!(file.size(), Some(6));
        let error = file.download_below(&inner).unwrap_err();
        assert!(matches!(error, Error::Answer { .. }), "{error:?}");
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 0, "{name}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "{name}");
        assert!(server.requests().iter().all(|request| request.path == "/graphql"));
    }
}
