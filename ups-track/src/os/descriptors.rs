//! File descriptors, of which a process may have only so many.

use std::io;

/// Whether so many more can be opened, as far as the limit of this process goes.
#[cfg(unix)]
pub(crate) fn are_left(wanted: usize) -> bool {
    #[expect(unsafe_code, reason = "std does not tell the limit, nor which descriptors are open")]
    // SAFETY: the pointer is to a valid `rlimit`; asking for the flags of a descriptor changes nothing, open or not.
    unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) != 0 {
            return true;
        }
        let end = libc::c_int::try_from(limit.rlim_cur).unwrap_or(libc::c_int::MAX);
        (0..end).filter(|file| libc::fcntl(*file, libc::F_GETFD) == -1).take(wanted).count() == wanted
    }
}

#[cfg(not(unix))]
pub(crate) fn are_left(_: usize) -> bool {
    true
}

/// Whether a file could not be opened because too many are open.
pub(crate) fn is_shortage(e: &io::Error) -> bool {
    // Windows knows one of them, under this number.
    #[cfg(windows)]
    let numbers = [4];
    #[cfg(unix)]
    let numbers = [libc::EMFILE, libc::ENFILE];
    e.raw_os_error().is_some_and(|number| numbers.contains(&number))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn some_are_left_and_never_too_many() {
        assert!(are_left(1));
        assert!(!are_left(usize::MAX));
        assert!(is_shortage(&io::Error::from_raw_os_error(libc::EMFILE)));
        assert!(!is_shortage(&io::Error::from_raw_os_error(libc::ENOENT)));
    }
}
