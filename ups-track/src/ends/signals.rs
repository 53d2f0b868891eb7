//! SIGINT, SIGTERM and SIGHUP: the runs are completed, and the process still ends as the signal asks.
//!
//! A handler of the user's own is respected, whenever it was installed. One that was there before us is called, and
//! one that came later and passes the signal on to us (as tokio's and signal-hook's do) is noticed by looking at who
//! handles the signal now: in both cases the program has its own idea of how to end, and we only hand what is
//! recorded to the operating system.
//!
//! One wish to end often comes as several signals: from the terminal and the launcher, from a service manager that sends
//! SIGTERM and SIGHUP. So what comes within [`ONE_WISH`] of the first is that same wish. What comes later is somebody who
//! does not want to wait: then the process ends as soon as the logs are complete, and at once if they are, whatever is
//! still on its way to a server. So does Ctrl-C where a program that has ended its runs waits for their uploads.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::sync::Once;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

use crate::os;

static ONCE: Once = Once::new();
/// The writing end of the pipe through which the handler tells the thread.
static PIPE: AtomicI32 = AtomicI32::new(-1);
/// When the first signal came that ends the process, by the clock that only goes forward; 0 if none did.
static FIRST: AtomicU64 = AtomicU64::new(0);
/// The signal of somebody who does not want to wait; 0 if nobody does.
static HURRIES: AtomicI32 = AtomicI32::new(0);
/// Whether the logs are complete.
static COMPLETE: AtomicBool = AtomicBool::new(false);

/// Nanoseconds after the first signal in which others mean the same.
const ONE_WISH: u64 = 1_000_000_000;

/// What is handled, and how it was before.
static HANDLED: [(c_int, OnceLock<libc::sigaction>); 3] =
    [(libc::SIGINT, OnceLock::new()), (libc::SIGTERM, OnceLock::new()), (libc::SIGHUP, OnceLock::new())];

fn previous(signal: c_int) -> Option<&'static OnceLock<libc::sigaction>> {
    HANDLED.iter().find(|(handled, _)| *handled == signal).map(|(_, previous)| previous)
}

/// The exit code that W&B's client records for a signal.
fn exit_code(signal: c_int) -> i32 {
    if signal == libc::SIGINT { 255 } else { 128 + signal }
}

/// Installs the handlers, once per process.
pub(super) fn install() {
    ONCE.call_once(|| {
        let Some(read_end) = open_pipe() else { return };
        let spawned =
            std::thread::Builder::new().name("ups-track-signals".into()).spawn(move || serve(read_end));
        if spawned.is_ok() {
            for (signal, previous) in &HANDLED {
                take(*signal, previous);
            }
        }
    });
}

#[expect(unsafe_code, reason = "std has no self-pipe that a signal handler may use")]
fn open_pipe() -> Option<c_int> {
    let mut ends = [-1; 2];
    // SAFETY: the pointer is to two integers.
    if unsafe { libc::pipe(ends.as_mut_ptr()) } != 0 {
        return None;
    }
    let [read_end, write_end] = ends;
    for end in ends {
        // SAFETY: both descriptors were just opened; children shall not inherit them.
        unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    // SAFETY: a handler must not wait for the thread, however many signals come.
    unsafe { libc::fcntl(write_end, libc::F_SETFL, libc::O_NONBLOCK) };
    PIPE.store(write_end, Ordering::Release);
    Some(read_end)
}

/// Puts our handler before the one that is there. An ignored signal stays ignored (`nohup`, background jobs).
#[expect(unsafe_code, reason = "std has no signal handlers")]
fn take(signal: c_int, previous: &OnceLock<libc::sigaction>) {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: both pointers are valid or null; `handle` only calls what is safe inside a signal handler.
    unsafe {
        if libc::sigaction(signal, std::ptr::null(), old.as_mut_ptr()) != 0 {
            return;
        }
        let old = old.assume_init();
        if old.sa_sigaction == libc::SIG_IGN {
            return;
        }
        // Set once: `install` runs once.
        let _ = previous.set(old);
        let mut new = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        new.sa_sigaction = handler_address();
        new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        if old.sa_sigaction == libc::SIG_DFL {
            new.sa_flags |= libc::SA_RESTART;
            libc::sigemptyset(&raw mut new.sa_mask);
        } else {
            // Whether waiting calls give up, and what is blocked meanwhile, stays as the program chose.
            new.sa_flags |= old.sa_flags & libc::SA_RESTART;
            new.sa_mask = old.sa_mask;
        }
        libc::sigaction(signal, &raw const new, std::ptr::null_mut());
    }
}

fn handler_address() -> libc::sighandler_t {
    handle as extern "C" fn(c_int, *mut libc::siginfo_t, *mut libc::c_void) as *const () as libc::sighandler_t
}

/// Whether nobody but us handles the signal, now and before.
#[expect(unsafe_code, reason = "std has no signal handlers")]
fn is_ours_alone(signal: c_int) -> bool {
    let mut now = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the pointers are valid or null; `sigaction` is safe inside a signal handler.
    let now = unsafe {
        if libc::sigaction(signal, std::ptr::null(), now.as_mut_ptr()) != 0 {
            return false;
        }
        now.assume_init()
    };
    let before = previous(signal).and_then(OnceLock::get).map_or(libc::SIG_DFL, |old| old.sa_sigaction);
    now.sa_sigaction == handler_address() && before == libc::SIG_DFL
}

/// The handler. Only what is safe inside one: atomics, `write`, `sigaction`, `raise`.
#[expect(unsafe_code, reason = "std has no signal handlers")]
extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    if os::fork::is_child() {
        // The pipe and the thread behind it are the parent's.
        if is_ours_alone(signal) {
            end_by(signal);
        }
    } else if !is_ours_alone(signal) || is_first() {
        wake_thread(signal);
    } else if os::monotonic_nanos().saturating_sub(FIRST.load(Ordering::Acquire)) > ONE_WISH {
        HURRIES.store(signal, Ordering::SeqCst);
        if COMPLETE.load(Ordering::SeqCst) {
            end_by(signal);
        }
    }
    let old = previous(signal).and_then(OnceLock::get).filter(|old| old.sa_sigaction != libc::SIG_DFL);
    let Some(old) = old else { return };
    // SAFETY: this is the handler that the system would have called, with the arguments that its flags promise.
    unsafe {
        if old.sa_flags & libc::SA_SIGINFO != 0 {
            let handler = std::mem::transmute::<
                libc::sighandler_t,
                extern "C" fn(c_int, *mut libc::siginfo_t, *mut libc::c_void),
            >(old.sa_sigaction);
            handler(signal, info, context);
        } else {
            let handler = std::mem::transmute::<libc::sighandler_t, extern "C" fn(c_int)>(old.sa_sigaction);
            handler(signal);
        }
    }
}

/// Whether this is the first signal that ends the process.
fn is_first() -> bool {
    FIRST.compare_exchange(0, os::monotonic_nanos().max(1), Ordering::AcqRel, Ordering::Acquire).is_ok()
}

/// Tells the thread that serves signals.
#[expect(unsafe_code, reason = "the pipe is the C library's")]
fn wake_thread(signal: c_int) {
    let message = [u8::try_from(signal).unwrap_or(0)];
    // SAFETY: `message` is valid for one byte; errno is restored for the code that was interrupted.
    unsafe {
        let errno = errno();
        let saved = *errno;
        libc::write(PIPE.load(Ordering::Acquire), message.as_ptr().cast(), 1);
        *errno = saved;
    }
}

/// Where the last error of this thread is.
#[expect(unsafe_code, reason = "std only reads it")]
fn errno() -> *mut c_int {
    // SAFETY: all of them give the place in this thread, and have no preconditions.
    unsafe {
        #[cfg(any(target_os = "linux", target_os = "emscripten"))]
        return libc::__errno_location();
        #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
        return libc::__error();
        #[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
        return libc::__errno();
        #[cfg(any(target_os = "solaris", target_os = "illumos"))]
        return libc::___errno();
    }
}

/// Ends the process as the signal does by default.
#[expect(unsafe_code, reason = "std has no signal handlers")]
fn end_by(signal: c_int) {
    // SAFETY: resetting and raising a signal have no preconditions; the mask only concerns this thread.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
        libc::kill(libc::getpid(), signal);
    }
}

/// The thread that does what a handler may not.
#[expect(unsafe_code, reason = "the pipe is the C library's")]
fn serve(read_end: c_int) {
    loop {
        let mut message = [0_u8; 1];
        // SAFETY: the pointer is valid for one byte.
        let got = unsafe { libc::read(read_end, message.as_mut_ptr().cast(), 1) };
        let [signal] = message;
        match got {
            1 => {}
            -1 if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => continue,
            _ => return,
        }
        let signal = c_int::from(signal);
        if is_ours_alone(signal) {
            end(signal);
        } else {
            super::flush_all();
            // It has got a handler of the program's meanwhile.
            FIRST.store(0, Ordering::Release);
        }
    }
}

/// Completes the runs, and the process ends by this signal.
fn end(signal: c_int) {
    let code = exit_code(signal);
    let runs = super::open_runs();
    if signal == libc::SIGINT && !runs.is_empty() && runs.iter().all(|run| run.is_complete()) {
        // The program is at its end and waits for an upload, which is what the person does not want to.
        return end_by(signal);
    }
    super::complete(&runs, code);
    COMPLETE.store(true, Ordering::SeqCst);
    match HURRIES.load(Ordering::SeqCst) {
        0 => runs.iter().for_each(|run| run.end(code, super::PATIENCE)),
        hurries => end_by(hurries),
    }
    end_by(signal);
}
