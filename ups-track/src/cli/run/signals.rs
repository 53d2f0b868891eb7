//! Signals for the command: those that only this process got are passed on.
//!
//! All of them are blocked and taken one by one, together with the one that tells of the command's end, in one place:
//! no handler runs, nothing is sent to a process that is gone, and waiting costs nothing.

use std::cell::Cell;
use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus};
use std::{io, ptr};

use crate::processes::TrackedChild;

/// What is passed on. A terminal's stop and continue signals reach the whole job by themselves.
const PASSED_ON: [c_int; 6] =
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2];

/// The signals that are held back.
pub(super) struct Signals {
    set: libc::sigset_t,
    /// What was held back when this process began.
    before: libc::sigset_t,
    /// What was done when a child ends.
    children: libc::sighandler_t,
    /// Whether a terminal's Ctrl-C was among them.
    interrupted: Cell<bool>,
}

impl Signals {
    /// Holds signals back, for this thread and those that it starts. A signal that is ignored (`nohup`, background jobs)
    /// stays ignored, by the command as well.
    #[expect(unsafe_code, reason = "std has no signals")]
    pub(super) fn hold() -> Self {
        let (mut set, mut before) = (MaybeUninit::zeroed(), MaybeUninit::zeroed());
        // SAFETY: the pointers are to the sets, which are valid ones when all bytes are zero, too.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in PASSED_ON.into_iter().filter(|signal| !is_ignored(*signal)) {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            // Whoever ignores it does not get to know how children end.
            let children = libc::signal(libc::SIGCHLD, libc::SIG_DFL);
            libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
            libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr());
            Self {
                set: set.assume_init(),
                before: before.assume_init(),
                children,
                interrupted: Cell::new(false),
            }
        }
    }

    /// The command finds signals as this process has found them.
    #[expect(unsafe_code, reason = "std starts commands with what is held back here")]
    pub(super) fn give_back_in(&self, command: &mut Command) {
        let (before, children) = (self.before, self.children);
        // SAFETY: both calls are safe between `fork` and `exec`, and what they get is valid.
        unsafe {
            command.pre_exec(move || {
                libc::signal(libc::SIGCHLD, children);
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
                Ok(())
            });
        }
    }

    /// Waits for the end of the command, and passes signals on until then.
    pub(super) fn wait(&self, child: &mut TrackedChild) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            match self.next() {
                Ok(Signal { number: libc::SIGCHLD, .. }) => {}
                Ok(signal) if signal.reached_the_command() => {
                    self.interrupted.set(self.interrupted.get() || signal.number == libc::SIGINT);
                }
                Ok(signal) => pass_on(signal.number, child.id()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return child.wait(),
            }
        }
    }

    /// The next signal that is held back.
    #[expect(unsafe_code, reason = "std has no signals")]
    fn next(&self) -> io::Result<Signal> {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the pointers are valid, and all bytes of the answer were zero before.
        let (number, info) =
            unsafe { (libc::sigwaitinfo(&raw const self.set, info.as_mut_ptr()), info.assume_init()) };
        if number < 0 { Err(io::Error::last_os_error()) } else { Ok(Signal { number, code: info.si_code }) }
    }

    /// If Ctrl-C has ended the command, so it does this process: a shell with a script knows then that the person wants
    /// the script to end, too. It has the same exit code for both.
    #[expect(unsafe_code, reason = "std has no signals")]
    pub(super) fn die_as(&self, code: u8) {
        if !self.interrupted.get() || i32::from(code) != 128 + libc::SIGINT {
            return;
        }
        let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: the pointers are to the set; raising a signal has no preconditions.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            libc::raise(libc::SIGINT);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
        }
    }
}

/// A signal that came.
struct Signal {
    number: c_int,
    /// Where it came from.
    code: c_int,
}

impl Signal {
    /// Whether the command got it as well: what a terminal sends, it sends to the whole foreground job. But that the
    /// terminal is gone is only told to the one process that leads the session.
    fn reached_the_command(&self) -> bool {
        self.code > 0 && !(self.number == libc::SIGHUP && leads_session())
    }
}

#[expect(unsafe_code, reason = "std has no sessions")]
fn leads_session() -> bool {
    // SAFETY: both only look at this process.
    unsafe { libc::getsid(0) == libc::getpid() }
}

#[expect(unsafe_code, reason = "std has no signals")]
fn pass_on(signal: c_int, process: u32) {
    if let Ok(process) = libc::pid_t::try_from(process) {
        // SAFETY: any number is fine. The process was not waited for, so that its id is still its own.
        unsafe { libc::kill(process, signal) };
    }
}

#[expect(unsafe_code, reason = "std has no signals")]
fn is_ignored(signal: c_int) -> bool {
    let mut now = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the pointers are valid or null, and all bytes of the answer were zero before.
    unsafe {
        libc::sigaction(signal, ptr::null(), now.as_mut_ptr()) == 0
            && now.assume_init().sa_sigaction == libc::SIG_IGN
    }
}
