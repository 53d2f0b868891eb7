//! File systems without locks.

use std::fs::File;

use ups_track_tests::lockless::without_flock;
use ups_track_tests::server::Server;

use crate::{marker, on, prune, record, record_with, sync};

#[test]
fn runs_on_a_file_system_without_locks_are_uploaded_and_deleted() {
    let server = Server::start();
    let played = without_flock(|| {
        // What is still being written is seen.
        let mut live = None;
        record_with(
            "alive",
            |builder| builder,
            |run| {
                run.log(0_u32, &[("loss", 1.0)]);
                let dir = run.dir().unwrap();
                let log = dir.join("run-alive.wandb");
                let uploaded = sync(&server, &log, &[]);
                File::create(marker(&log)).unwrap();
                live = Some((uploaded, prune::prune(&server, dir, &["--yes"])));
                assert!(log.exists());
            },
        );
        let (uploaded, pruned) = live.unwrap();
        for said in [uploaded, pruned] {
            assert!(said.code == 1 && said.out.contains("is still being written"), "{said:?}");
        }
        assert!(server.runs().is_empty());
        let recorded = record("lockless", 20);
        let said = sync(&server, &recorded.dir, &[]);
        assert_eq!(said.code, 0, "{said:?}");
        assert_eq!(on(&server, "lockless").history().len(), 20);
        let said = prune::prune(&server, &recorded.dir, &["--yes"]);
        assert_eq!(said.code, 0, "{said:?}");
        assert!(!recorded.dir.exists());
        assert_eq!(server.violations(), []);
    });
    if let Err(e) = played {
        eprintln!("skipped: this system does not let us take a call away: {e}");
    }
}
