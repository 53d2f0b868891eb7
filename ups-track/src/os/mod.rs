//! What the system gives that std does not, or not as we need it: clocks, the host's name, forks, locks, whole files, small
//! ones.

pub(crate) mod clock;
#[cfg(feature = "online")]
pub(crate) mod descriptors;
pub(crate) mod files;
pub(crate) mod fork;
mod held;
pub(crate) mod id;
pub(crate) mod lock;
#[cfg(all(feature = "cli", feature = "online"))]
pub(crate) mod opened;
pub(crate) mod ours;
pub(crate) mod small;

#[cfg(feature = "cli")]
pub(crate) use clock::LocalTime;
pub(crate) use clock::{coarse_nanos, local_time, monotonic_nanos, nanos, utc};

/// A write beyond the file size limit shall be an error of the write, not the end of the process.
pub(crate) fn block_file_size_signal() {
    #[cfg(unix)]
    #[expect(unsafe_code, reason = "std has no signal masks")]
    // SAFETY: the set is initialised by `sigemptyset` before it is used; only this thread's mask changes.
    unsafe {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGXFSZ);
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// The host's name, if the system tells.
pub(crate) fn host_name() -> Option<String> {
    #[cfg(unix)]
    {
        let mut name = [0_u8; 256];
        #[expect(unsafe_code, reason = "std does not tell the host's name")]
        // SAFETY: the pointer and length describe `name`.
        let failed = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) } != 0;
        let length = name.iter().position(|b| *b == 0)?;
        let name = String::from_utf8(name.get(..length)?.to_vec()).ok()?;
        (!failed && !name.is_empty()).then_some(name)
    }
    #[cfg(not(unix))]
    std::env::var("COMPUTERNAME").ok()
}
