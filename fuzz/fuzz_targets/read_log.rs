//! No bytes panic the reader, and a cut log reads as a prefix.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use ups_track::log::{Entry, Reader};

fn read(bytes: &[u8]) -> Vec<Entry> {
    Reader::new(bytes, Path::new("fuzz.wandb")).map_while(Result::ok).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let entries = read(bytes);
    let fewer = read(&bytes[..bytes.len() * 2 / 3]);
    assert_eq!(fewer.as_slice(), &entries[..fewer.len()]);
});
