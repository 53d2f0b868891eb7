//! `ups-track login`: stores a key that works.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use super::screen::Screen;
use super::text::clean;
use super::{FINE, Failure, complain};
use crate::settings::Sources;
use crate::upload::server::{Access, Key, KeySource, write_netrc};
use crate::upload::{self, Client};

/// Bytes that are read in the search for the end of a key.
const MOST: u64 = 64 * 1024;

/// Reads, checks and stores a key.
pub(super) fn login(screen: &mut Screen<impl Write>, err: &mut dyn Write) -> Result<u8, Failure> {
    let said = |e: upload::Failure| Failure::Said(e.to_string());
    let mut sources = Sources::process();
    let access = Access::find_without_key(&mut sources).map_err(said)?;
    let Some(netrc) = &access.netrc else {
        return Err(Failure::Said("there is no home directory for a netrc file: set NETRC".to_owned()));
    };
    let address = &access.address;
    if io::stdin().is_terminal() {
        complain(err, format_args!("The key is at {}\nAPI key: ", address.key_page()));
    }
    let line = read_line().map_err(|e| Failure::Said(format!("cannot read the key: {e}")))?;
    if io::stdin().is_terminal() {
        complain(err, format_args!("\n"));
    }
    let key = Key::new(line.trim())
        .map_err(|rule| Failure::Said(format!("what was given {rule}; it is no API key")))?;
    let client = Client::new(address, &key.clone().into(), &sources).map_err(said)?;
    let viewer = upload::block_on(client.viewer()).map_err(said)?;
    write_netrc(netrc, &address.netrc_machine(), &key).map_err(said)?;
    let who = viewer.username.or(viewer.entity).unwrap_or_else(|| "somebody".to_owned());
    let place = KeySource::Netrc(netrc.clone(), address.netrc_machine());
    writeln!(screen, "logged in to {} as {}; the key is stored for {place}", address.base(), clean(&who))?;
    for var in ["WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"] {
        if sources.var(var).is_some() {
            writeln!(screen, "{var} is set, which goes before it")?;
        }
    }
    Ok(FINE)
}

/// A line of standard input; a terminal does not show it.
fn read_line() -> io::Result<String> {
    let silence = if io::stdin().is_terminal() { Some(Silence::begin()?) } else { None };
    let mut line = String::new();
    io::stdin().lock().take(MOST).read_line(&mut line)?;
    drop(silence);
    if line.contains('\u{3}') {
        return Err(io::ErrorKind::Interrupted.into());
    }
    Ok(line)
}

/// A terminal that does not show what is typed, until this is dropped.
#[cfg(unix)]
struct Silence(libc::termios);

#[cfg(unix)]
impl Silence {
    fn begin() -> io::Result<Self> {
        let mut before = std::mem::MaybeUninit::<libc::termios>::uninit();
        #[expect(unsafe_code, reason = "std knows nothing of terminals")]
        // SAFETY: `tcgetattr` fills the structure if it returns 0; only then it is read.
        let before = unsafe {
            if libc::tcgetattr(libc::STDIN_FILENO, before.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            before.assume_init()
        };
        let mut silent = before;
        silent.c_lflag &= !libc::ECHO;
        // Ctrl-C must not end us here and leave the terminal like this: it ends the line instead.
        silent.c_lflag &= !libc::ISIG;
        if let Some(end) = silent.c_cc.get_mut(libc::VEOL) {
            *end = 3;
        }
        set(&silent)?;
        Ok(Self(before))
    }
}

#[cfg(unix)]
impl Drop for Silence {
    fn drop(&mut self) {
        // If the terminal is gone there is nothing to restore.
        drop(set(&self.0));
    }
}

#[cfg(unix)]
fn set(terminal: &libc::termios) -> io::Result<()> {
    #[expect(unsafe_code, reason = "std knows nothing of terminals")]
    // SAFETY: the pointer is to a valid structure, which is only read.
    let result = unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSAFLUSH, terminal) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Nobody here knows how to silence this system's terminal.
#[cfg(not(unix))]
struct Silence;

#[cfg(not(unix))]
impl Silence {
    fn begin() -> io::Result<Self> {
        Err(io::Error::other(
            "this terminal would show it: pipe the key in, as in `ups-track login < key.txt`",
        ))
    }
}
