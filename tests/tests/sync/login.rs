//! The key: given, checked, kept, and never shown.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use ups_track_tests::server::{API_KEY, Server};

use crate::{Said, command, record, said};

/// `ups-track login` with something on its standard input.
fn login(server: &Server, home: &std::path::Path, input: &str) -> Said {
    let mut command = command(server, home);
    command.arg("login").env_remove("WANDB_API_KEY");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let said =
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
    let key = input.trim();
    assert!(key.is_empty() || !(said.out.contains(key) || said.err.contains(key)), "{said:?}");
    said
}

#[test]
fn a_key_that_works_is_kept_and_found() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let netrc = home.path().join(".netrc");
    fs::write(&netrc, "machine other.org login me password mine\n").unwrap();
    let without_key = |arguments: &[&str]| {
        let mut command = command(&server, home.path());
        said(command.env_remove("WANDB_API_KEY").args(arguments))
    };
    let before = without_key(&["status"]);
    assert_eq!(before.code, 2, "{before:?}");
    assert!(before.out.contains("ups-track login"), "{before:?}");
    let recorded = record("login", 3);
    let log = recorded.log.to_str().unwrap();
    let before = without_key(&["sync", log]);
    assert_eq!(before.code, 2, "{before:?}");
    assert!(before.err.contains("there is no API key"), "{before:?}");

    let done = login(&server, home.path(), &format!("{API_KEY}\n"));
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("as test-entity"), "{done:?}");
    let text = fs::read_to_string(&netrc).unwrap();
    assert!(text.starts_with("machine other.org login me password mine\n"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&netrc).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let after = without_key(&["status"]);
    assert_eq!(after.code, 0, "{after:?}");
    for words in [server.url(), "WANDB_BASE_URL", ".netrc", "accepted, as test-entity"] {
        assert!(after.out.contains(words), "{words}: {after:?}");
    }
    assert_eq!(without_key(&["sync", log]).code, 0);
    assert_eq!(server.violations(), []);
}

#[test]
fn a_key_that_does_not_work_is_not_kept() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    for (key, words) in [
        ("0123456789012345678901234567890123456789\n", "does not accept the API key"),
        ("too-short\n", "it is no API key"),
        ("\n", "it is no API key"),
    ] {
        let refused = login(&server, home.path(), key);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains(words), "{words}: {refused:?}");
    }
    assert!(!home.path().join(".netrc").exists());
}
