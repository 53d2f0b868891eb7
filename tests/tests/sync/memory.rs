//! Memory stays small, whatever a server answers and however large a file is.

use std::io::Write;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use ups_track_tests::server::{Fault, Place, Server};

use crate::{Recorded, Said, command, record, said};

/// The command, which the system gives no more than so much memory of its own: with more it cannot go on.
fn sync_within(mebibytes: usize, server: &Server, recorded: &Recorded) -> Said {
    let home = tempfile::tempdir().unwrap();
    let free = command(server, home.path());
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -d \"$0\" && exec \"$@\"", &(mebibytes * 1024).to_string()]);
    limited.arg(free.get_program()).args(["sync", "--include-synced"]).arg(&recorded.log);
    for (name, value) in free.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.env("WANDB_X_GRAPHQL_RETRY_MAX", "0").env("WANDB_X_FILE_STREAM_RETRY_MAX", "0");
    said(limited.current_dir(home.path()))
}

/// So many mebibytes of blanks, compressed.
fn bomb(mebibytes: usize) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&vec![b' '; 1 << 20]).unwrap();
    packed.finish().unwrap().repeat(mebibytes)
}

/// An answer may have 32 MiB, for which a buffer grows by doubling.
const ENOUGH: usize = 128;

#[test]
fn answers_without_end_and_bombs() {
    let server = Server::start();
    let recorded = record("memory", 5);
    let bomb = || Fault::Gzip(bomb(512));
    for (place, fault, words) in [
        (Place::Operation("UpsertBucket"), Fault::Endless, "with more than"),
        (Place::Stream, Fault::Endless, "with more than"),
        (Place::Operation("CreateRunFiles"), Fault::Endless, "with more than"),
        (Place::Operation("UpsertBucket"), bomb(), "not understood"),
        (Place::Stream, bomb(), "not understood"),
    ] {
        server.fail(place, &fault, 1);
        let said = sync_within(ENOUGH, &server, &recorded);
        assert_eq!(said.code, 2, "{place:?}: {said:?}");
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
    server.fail(Place::Operation("ServerFeaturesQuery"), &bomb(), 1);
    assert_eq!(sync_within(ENOUGH, &server, &recorded).code, 0);
    // The limit is one: with less it does not go.
    server.fail(Place::Operation("UpsertBucket"), &Fault::Endless, 1);
    let said = sync_within(12, &server, &recorded);
    assert_eq!(said.code, -1, "{said:?}");
}

#[test]
fn a_large_file_is_not_read_into_memory() {
    let server = Server::start();
    let recorded = record("large", 5);
    let file = recorded.dir.join("files/weights.bin");
    std::fs::remove_file(&file).unwrap();
    std::fs::File::create(&file).unwrap().set_len(64 << 20).unwrap();
    let said = sync_within(40, &server, &recorded);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(crate::on(&server, "large").files["weights.bin"].len(), 64 << 20);
}
