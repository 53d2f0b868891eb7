//! A system whose file systems have no `flock`, such as Lustre without that option.

use std::io;

/// Does something in a thread in which, and in all that it starts, `flock` is no call that the system knows.
///
/// # Errors
///
/// If this system does not let us take the call away.
///
/// # Panics
///
/// If the thread does.
pub fn without_flock<T: Send>(body: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let done = scope.spawn(|| {
            take_away()?;
            Ok(body())
        });
        done.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Takes the call away from this thread and what it starts.
#[expect(clippy::cast_possible_truncation, reason = "small numbers of the system")]
fn take_away() -> io::Result<()> {
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let refused = libc::SECCOMP_RET_ERRNO | (libc::ENOSYS as u32 & libc::SECCOMP_RET_DATA);
    // The number of the call stands first in what is looked at.
    let mut steps = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_flock as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, refused),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    #[expect(unsafe_code, reason = "std has no seccomp")]
    // SAFETY: the program and its steps live until the calls have returned; the kernel has a copy then.
    let failed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) != 0
    };
    if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
}
