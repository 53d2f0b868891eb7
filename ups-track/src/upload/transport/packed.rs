//! Bodies of the file stream, compressed.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Below this the header of gzip is most of what it gives.
const WORTH_IT: usize = 512;

/// Whether a body is long enough for it.
pub(crate) fn is_worth_it(body: &[u8]) -> bool {
    body.len() >= WORTH_IT
}

/// The body as gzip; none if that is not shorter.
pub(crate) fn gzip(body: &[u8]) -> Option<Bytes> {
    // Lines of JSON repeat their keys, which the fastest level finds as well as any.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    let packed = encoder.write_all(body).and_then(|()| encoder.finish()).ok()?;
    (packed.len() < body.len()).then(|| packed.into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_packed_comes_out_again() {
        let body = br#"{"loss":0.5,"_step":1}"#.repeat(100);
        let packed = gzip(&body).unwrap();
        assert!(packed.len() * 10 < body.len());
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut out).unwrap();
        assert_eq!(out, body);
    }

    #[test]
    fn small_and_random_bodies_stay_as_they_are() {
        assert!(!is_worth_it(&[b' '; WORTH_IT - 1]));
        let mut random = vec![0; 4096];
        getrandom::fill(&mut random).unwrap();
        assert!(gzip(&random).is_none());
    }
}
