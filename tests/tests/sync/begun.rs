//! Logs that never began: their process was killed before it recorded anything.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use ups_track_tests::server::Server;

use crate::several::together;
use crate::{command, marker, on, prune, record, said, sync};

/// As if nobody had written to it for hours.
fn age(log: &std::path::Path) {
    let before = SystemTime::now() - Duration::from_hours(3);
    File::options().write(true).open(log).unwrap().set_modified(before).unwrap();
}

#[test]
fn what_never_began_is_no_failure() {
    let server = Server::start();
    let recorded: Vec<_> = ["good", "empty", "header", "first", "torn"].map(|id| record(id, 3)).into();
    let (root, logs) = together(&recorded);
    let whole = fs::read(&logs[1]).unwrap();
    // The file's own header, the first record, and a part of the second.
    let first = 14 + usize::from(u16::from_le_bytes([whole[11], whole[12]]));
    for (log, end) in logs[1..].iter().zip([0, 7, first, first + 9]) {
        fs::write(log, &whole[..end]).unwrap();
    }
    let said_all = sync(&server, root.path(), &[]);
    assert_eq!(said_all.code, 0, "{said_all:?}");
    assert_eq!(said_all.out.matches(": never began").count(), 4, "{said_all:?}");
    assert_eq!(server.runs().len(), 1);
    assert!(marker(&logs[0]).exists() && !logs[1..].iter().any(|log| marker(log).exists()));
    let quiet = sync(&server, root.path(), &["--quiet"]);
    assert_eq!((quiet.code, quiet.out.as_str(), quiet.err.as_str()), (0, "", ""));
    let home = tempfile::tempdir().unwrap();
    for log in &logs[1..] {
        let verified = said(command(&server, home.path()).arg("verify").arg(log));
        assert_eq!(verified.code, 1, "{verified:?}");
        assert!(verified.out.contains("never began") && !verified.out.contains("fault"), "{verified:?}");
    }
    assert_eq!(on(&server, "good").history().len(), 3);
    assert_eq!(server.violations(), []);
}

#[test]
fn what_never_began_can_be_deleted_if_nothing_lies_beside_it() {
    let server = Server::start();
    let recorded: Vec<_> = ["alone", "beside", "young"].map(|id| record(id, 3)).into();
    let (root, logs) = together(&recorded);
    for log in &logs {
        fs::write(log, "").unwrap();
        let files = log.parent().unwrap().join("files");
        if !log.ends_with("run-beside.wandb") {
            fs::remove_file(files.join("weights.bin")).unwrap();
        }
        if !log.ends_with("run-young.wandb") {
            age(log);
        }
    }
    let said = prune::prune(&server, &root.path().join("wandb"), &["--yes"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("never began") && said.out.contains("deleted 1 run"), "{said:?}");
    assert_eq!(said.out.matches("kept").count(), 2, "{said:?}");
    assert_eq!(logs.iter().map(|log| log.exists()).collect::<Vec<_>>(), [false, true, true]);
}
