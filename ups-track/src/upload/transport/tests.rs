//! The transport against a server of a few lines, where a test must see more than an upload shows.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::bandwidth::Lane;
use super::retry::Endpoint;
use super::{Asked, Open, Part, Place, Put, Transport};
use crate::settings::Sources;
use crate::upload::{Failure, block_on};

/// Answers every request with 200, `{}` and these header lines; counts the heads and keeps the bodies.
struct Server {
    url: String,
    heads: Arc<AtomicUsize>,
    bodies: Arc<Mutex<Vec<u8>>>,
}

fn serve(headers: &'static str) -> Server {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heads, bodies) = (Arc::new(AtomicUsize::new(0)), Arc::default());
    let server = Server { url, heads: Arc::clone(&heads), bodies: Arc::clone(&bodies) };
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let (heads, bodies) = (Arc::clone(&heads), Arc::clone(&bodies));
            // A client that goes away ends its thread.
            std::thread::spawn(move || while answer(&connection, headers, &heads, &bodies).is_some() {});
        }
    });
    server
}

/// Reads a request's head; gives the length of its body.
pub(in crate::upload) fn head(reader: &mut impl BufRead) -> Option<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            return Some(length);
        }
    }
}

fn answer(
    mut connection: &std::net::TcpStream,
    headers: &str,
    heads: &AtomicUsize,
    bodies: &Mutex<Vec<u8>>,
) -> Option<()> {
    // Unbuffered behind the head: what is read here is what has come.
    let mut reader = BufReader::with_capacity(1, connection);
    let length = head(&mut reader)?;
    heads.fetch_add(1, Ordering::SeqCst);
    for _ in 0..length {
        let mut byte = [0];
        reader.read_exact(&mut byte).ok()?;
        bodies.lock().unwrap().extend(byte);
    }
    write!(connection, "HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\n{{}}").ok()
}

fn transport(vars: &[(&str, &str)]) -> Transport {
    Transport::new(&Sources::from_vars(vars, std::path::Path::new("."))).unwrap()
}

/// Waits for something that must come.
async fn until(mut is: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < patience, "it did not come");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The upload of a file of 19 bytes, which are known.
fn put<'a>(place: &'a Place, headers: &'a HeaderMap, open: &'a Open) -> Put<'a> {
    let digest = Sha256::digest(b"the bytes of a file").into();
    Put { place, headers, part: Part { from: 0, length: 19, digest }, open }
}

/// Opens the file of a path.
fn opens(path: &std::path::Path) -> Open {
    let path = path.to_owned();
    Arc::new(move || File::open(&path))
}

#[test]
fn bytes_of_files_wait_for_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, b"the bytes of a file").unwrap();
    let server = serve("");
    let transport = transport(&[("UPS_TRACK_UPLOAD_LIMIT", "1M")]);
    let place = Place::new(&server.url, false).unwrap();
    let (headers, open) = (HeaderMap::new(), opens(&path));
    let put = put(&place, &headers, &open);
    block_on(async {
        let lines = transport.gate.as_ref().unwrap().pass(Lane::Lines);
        let asked = Asked { endpoint: Endpoint::FileStream, what: "a test", limit: 100 };
        let others = async {
            until(|| server.heads.load(Ordering::SeqCst) == 1).await;
            // Lines overtake the file that has begun.
            let request = transport.to(reqwest::Method::POST, &server.url);
            let sent = transport.send(asked, &server.url, request, b"[lines]".to_vec().into()).await;
            drop(lines);
            sent.map(drop).map_err(|attempt| attempt.failure)
        };
        let (file, lines) = tokio::join!(transport.put(&put), others);
        file.and(lines)
    })
    .unwrap();
    assert_eq!(*server.bodies.lock().unwrap(), b"[lines]the bytes of a file");
}

#[test]
fn what_is_no_longer_the_file_is_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let server = serve("");
    let transport = transport(&[]);
    let place = Place::new(&server.url, false).unwrap();
    let (headers, open) = (HeaderMap::new(), opens(&path));
    let put = put(&place, &headers, &open);
    for now in [&b"the bytes of a filf"[..], b"the bytes of a"] {
        std::fs::write(&path, now).unwrap();
        assert!(matches!(block_on(transport.put(&put)), Err(Failure::Changing)));
    }
    // What was appended is left out.
    std::fs::write(&path, b"the bytes of a file and more").unwrap();
    block_on(transport.put(&put)).unwrap();
    let bodies = server.bodies.lock().unwrap();
    assert!(bodies.ends_with(b"the bytes of a file"), "{bodies:?}");
}

#[test]
fn a_part_of_a_file_is_sent_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    // More than is read at a time.
    let bytes: Vec<u8> = (0..1_500_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    std::fs::write(&path, &bytes).unwrap();
    let server = serve("");
    let transport = transport(&[]);
    let place = Place::new(&server.url, false).unwrap();
    let (headers, open) = (HeaderMap::new(), opens(&path));
    let wanted = &bytes[200_000..1_300_000];
    let part = Part { from: 200_000, length: 1_100_000, digest: Sha256::digest(wanted).into() };
    block_on(transport.put(&Put { place: &place, headers: &headers, part, open: &open })).unwrap();
    assert!(*server.bodies.lock().unwrap() == wanted);
    let other = Put { place: &place, headers: &headers, part: Part { from: 200_001, ..part }, open: &open };
    assert!(matches!(block_on(transport.put(&other)), Err(Failure::Changing)));
}
