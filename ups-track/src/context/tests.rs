#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use std::fs;

use super::*;

fn loaded(text: impl AsRef<[u8]>) -> Result<Context, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("context.json");
    fs::write(&path, text).unwrap();
    Context::load(&path).map_err(|e| {
        let text = e.to_string();
        assert!(
            text.contains("context.json") && text.contains("`run_id`, `project`, `entity`, `url`"),
            "{text}"
        );
        text
    })
}

#[test]
fn what_python_writes() {
    let text = r#"{"run_id": "abc12345", "project": "ups", "entity": null, "url": null}"#;
    let context = loaded(text).unwrap();
    assert_eq!((context.run_id(), context.project(), context.entity()), ("abc12345", Some("ups"), None));
    assert_eq!((context.url(), context.dir(), context.mode(), context.group()), (None, None, None, None));
    let text = r#"{"run_id": "a", "entity": "me", "url": "https://x.invalid/a", "later": {"more": 1}}"#;
    let context = loaded(text).unwrap();
    assert_eq!((context.entity(), context.url()), (Some("me"), Some("https://x.invalid/a")));
}

#[test]
fn each_fault_is_told() {
    for (text, fault) in [
        ("", "is not JSON"),
        ("{\"run_id\": \"a\"", "is not JSON"),
        ("[1]", "not an object"),
        ("{}", "has no `run_id`"),
        (r#"{"run_id": null}"#, "has no `run_id`"),
        (r#"{"run_id": ""}"#, "has no `run_id`"),
        (r#"{"run_id": 7}"#, "neither text nor null"),
        (r#"{"run_id": "a/b"}"#, "must not contain '/'"),
        (r#"{"run_id": "../../x"}"#, "must not contain '/'"),
        (r#"{"run_id": "a\u001b[31m"}"#, "control characters in `run_id`"),
        (r#"{"run_id": "a", "version": 2}"#, "is of version 2"),
        (r#"{"run_id": "a", "version": "new"}"#, "is of version"),
        (r#"{"run_id": "a", "project": "a%b"}"#, "must not contain '%'"),
        (r#"{"run_id": "a", "mode": "loud"}"#, "online, offline, shared or disabled"),
        (r#"{"run_id": "a", "dir": "relative/dir"}"#, "must be absolute"),
        (r#"{"run_id": "a", "dir": "/tmp/../etc"}"#, "without `..`"),
    ] {
        let told = loaded(text).unwrap_err();
        assert!(told.contains(fault), "{text}: {told}");
    }
    let huge = format!("{{\"run_id\": \"a\", \"x\": \"{}\"}}", "x".repeat(70_000));
    assert!(loaded(huge).unwrap_err().contains("at most 65536"));
    assert!(loaded(b"\xff\xfe").unwrap_err().contains("cannot be read as text"));
}

#[test]
fn what_is_no_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let fault = |path: &Path| Context::load(path).unwrap_err().to_string();
    assert!(fault(&dir.path().join("gone")).contains("does not exist"));
    assert!(fault(dir.path()).contains("is a directory"));
}

#[cfg(unix)]
#[test]
fn what_another_user_could_have_planted_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let (file, link, pipe) =
        (dir.path().join("real"), dir.path().join("link"), dir.path().join("pipe\u{1b}[2J"));
    fs::write(&file, r#"{"run_id": "a"}"#).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let fault = |path: &Path| Context::load(path).unwrap_err().to_string();
    assert!(fault(&link).contains("is a symbolic link"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(fault(&file).contains("can be written by everybody (mode 666)"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
    assert!(Context::load(&file).is_ok());
    // Only root can give a file away.
    if std::os::unix::fs::chown(&file, Some(12345), None).is_ok() {
        assert!(fault(&file).contains("belongs to user 12345"));
    }
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if made.is_ok_and(|status| status.success()) {
        let text = fault(&pipe);
        assert!(text.contains("is not a regular file") && !text.contains('\u{1b}'), "{text:?}");
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_it_and_nothing_else_is_left() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("context.json");
    fs::write(&path, "old").unwrap();
    let context = loaded(r#"{"run_id": "a"}"#).unwrap();
    context.save(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(context.save(dir.path().join("gone/context.json")).unwrap_err().to_string().contains("gone"));
}

proptest! {
    #[test]
    fn what_is_saved_is_loaded(
        run_id in "[a-z0-9]{1,20}",
        project in prop::option::of("[a-z -]{1,30}"),
        entity in prop::option::of("[a-zü]{1,30}"),
        url in prop::option::of("https://[a-z]{1,30}"),
        dir in prop::option::of("/[a-zü/]{0,30}"),
        group in prop::option::of("[a-z\"\\\\]{1,30}"),
        mode in prop::option::of(0..3_usize),
    ) {
        let mode = mode.and_then(|at| [Mode::Online, Mode::Offline, Mode::Disabled].get(at).copied());
        let context = Context { run_id, project, entity, url, dir: dir.map(PathBuf::from), mode, group };
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("c");
        context.save(&path).unwrap();
        prop_assert_eq!(Context::load(&path).unwrap(), context);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(loaded(bytes));
    }
}
