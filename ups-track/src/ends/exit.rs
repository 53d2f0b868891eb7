//! `std::process::exit`, the return of `main`, and a panic of the main thread all pass through the C library's exit
//! handlers. With glibc the handler is even told the exit code.

use std::sync::Once;

static ONCE: Once = Once::new();

/// Registers the handler, once per process.
pub(super) fn install() {
    ONCE.call_once(register);
}

fn end(code: i32) {
    // A panic must not leave a C callback.
    drop(std::panic::catch_unwind(|| super::finish_all(code)));
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "std has no exit handlers")]
fn register() {
    use std::ffi::{c_int, c_void};
    unsafe extern "C" {
        /// See `on_exit(3)`: as `atexit`, and the handler is told the exit status.
        fn on_exit(handler: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
    }
    extern "C" fn handler(status: c_int, _: *mut c_void) {
        end(status);
    }
    // SAFETY: the handler is a plain function that never unwinds and stays valid for the whole process.
    unsafe { on_exit(handler, std::ptr::null_mut()) };
}

#[cfg(all(unix, not(all(target_os = "linux", target_env = "gnu"))))]
#[expect(unsafe_code, reason = "std has no exit handlers")]
fn register() {
    extern "C" fn handler() {
        // The exit code is not told here; a panic is known from the hook.
        end(i32::from(super::panic::seen()));
    }
    // SAFETY: the handler is a plain function that never unwinds and stays valid for the whole process.
    unsafe { libc::atexit(handler) };
}

#[cfg(not(unix))]
fn register() {}
