//! Contexts and shards that another user could have planted.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::place::{Place, assert_sound};

/// A member that is refused; gives what it says.
#[track_caller]
fn refused(place: &Place, context: &Path) -> String {
    let ended = place.member(context, &["rows", "x", "10"]).end();
    assert_eq!(ended.status.code(), Some(1), "{:?}\n{}", ended.told, ended.stderr);
    assert!(!ended.told.iter().any(|line| line.starts_with("finished")), "{:?}", ended.told);
    let said = ended.told.join("\n");
    assert!(!said.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'), "{said:?}");
    said
}

#[test]
fn a_bad_context_stops_the_program_at_the_start() {
    let place = Place::new();
    let at = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let good = at("good.json", r#"{"run_id": "a"}"#);
    symlink(&good, place.path().join("link.json")).unwrap();
    let open = at("open.json", r#"{"run_id": "a"}"#);
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o666)).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let in_dir = |dir: &Path| format!(r#"{{"run_id": "a", "dir": "{}"}}"#, dir.display());
    let cases = [
        (place.path().join("gone.json"), "does not exist"),
        (place.path().join("link.json"), "is a symbolic link"),
        (place.path().to_owned(), "is a directory"),
        (open, "can be written by everybody"),
        (at("text.json", "run_id: a"), "is not JSON"),
        (at("huge.json", &" ".repeat(1 << 20)), "at most 65536"),
        (at("version.json", r#"{"run_id": "a", "version": 9}"#), "is of version 9"),
        (at("id.json", r#"{"run_id": "../a"}"#), "must not contain '/'"),
        (at("escape.json", "{\"run_id\": \"a\u{9b}2J\"}"), "control characters"),
        (at("\u{1b}[2J.json", "x"), "is not JSON"),
        (at("up.json", r#"{"run_id": "a", "dir": "/tmp/../tmp"}"#), "without `..`"),
        (at("away.json", &in_dir(&place.path().join("gone"))), "does not exist"),
        (at("empty.json", &in_dir(elsewhere.path())), "does not exist"),
    ];
    for (path, fault) in cases {
        let said = refused(&place, &path);
        assert!(said.contains(fault), "{}: {said}", path.display());
    }
    let main = place.member(&place.path().join("gone.json"), &["main"]).end();
    assert_eq!(main.status.code(), Some(78));
    assert!(main.stderr.contains("gone.json"), "{}", main.stderr);
    assert!(!place.path().join("wandb").exists(), "nothing was begun");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_run_directory_that_is_not_what_it_seems() {
    let place = Place::new();
    let (parent, context) = place.parent();
    parent.finish().assert_ok();
    let run_dir = place.run_dir();
    let text = std::fs::read_to_string(&context).unwrap();
    let other = place.path().join("other.json");

    std::fs::write(&other, text.replace(&place.log().run().run_id, "someoneelse")).unwrap();
    assert!(refused(&place, &other).contains("does not exist"));

    let link = place.path().join("wandb/linked");
    symlink(&run_dir, &link).unwrap();
    std::fs::write(&other, text.replace(run_dir.to_str().unwrap(), link.to_str().unwrap())).unwrap();
    assert!(refused(&place, &other).contains("symbolic link"));
    std::fs::remove_file(link).unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::remove_dir_all(run_dir.join("shards")).unwrap();
    symlink(elsewhere.path(), run_dir.join("shards")).unwrap();
    assert!(refused(&place, &context).contains("shards"));
    std::fs::remove_file(run_dir.join("shards")).unwrap();

    std::fs::rename(run_dir.join("files"), run_dir.join("kept")).unwrap();
    symlink(elsewhere.path(), run_dir.join("files")).unwrap();
    assert!(refused(&place, &context).contains("symbolic link"));

    std::fs::set_permissions(&run_dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(refused(&place, &context).contains("can be written by everybody"));
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing was written elsewhere");
}

#[test]
fn planted_shards_are_left_alone() {
    // Somebody else's run, with a shard that is to come into ours.
    let other = Place::new();
    let (parent, context) = other.parent();
    other.member(&context, &["rows", "planted", "100"]).end().assert_ok();
    parent.finish().assert_ok();
    let planted = other.shards().remove(0);

    let place = Place::new();
    let (parent, context) = place.parent();
    let shards = place.run_dir().join("shards");
    let copy = |name: &str| {
        let dir = shards.join(name);
        std::fs::create_dir(&dir).unwrap();
        std::fs::copy(planted.join("shard.wandb"), dir.join("shard.wandb")).unwrap();
    };
    copy("wrong-run");
    copy("es\u{1b}[2Jcape");
    symlink(&planted, shards.join("linked")).unwrap();
    std::fs::create_dir(shards.join("linked-log")).unwrap();
    symlink(planted.join("shard.wandb"), shards.join("linked-log/shard.wandb")).unwrap();
    std::fs::create_dir(shards.join("no-log")).unwrap();
    std::fs::write(shards.join("no-log/shard.wandb"), "this is no log at all").unwrap();
    place.member(&context, &["rows", "good", "100"]).end().assert_ok();
    let ended = parent.finish();
    assert_eq!(ended.status.code(), Some(0));
    for said in ["belongs to run", "symbolic link", "does not begin with", "has a name that no shard has"] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains('\u{1b}'), "{:?}", ended.stderr);
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(0);
    let has = |key: &str| log.rows().iter().filter(|row| row.contains_key(key)).count();
    assert_eq!((has("good/value"), has("planted/value")), (100, 0));
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert_eq!(code, 2, "{out}");
    assert!(!out.contains('\u{1b}'), "{out:?}");
}
