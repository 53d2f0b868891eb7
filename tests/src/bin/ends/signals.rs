//! Programs with signal handlers of their own, in place before ours.

use std::mem::MaybeUninit;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::work::{ROWS, rows, tell, work};

/// Signals that our handler has seen.
static CAME: AtomicU32 = AtomicU32::new(0);

pub(crate) fn main(program: &str) -> ExitCode {
    match program {
        // The handler restarts calls that it interrupts, as `signal` of the C library asks for.
        "flag" => {
            install(libc::SA_RESTART);
            flag::main()
        }
        // It does not: a read that waits gives up, and the program takes that as its cue.
        "interrupt" => {
            install(0);
            interrupt::main()
        }
        "init" => {
            install(libc::SA_RESTART);
            match ups_track::init() {
                Ok(_run) => wait_for_flag(),
                Err(_) => ExitCode::FAILURE,
            }
        }
        other => crate::unknown(other),
    }
}

extern "C" fn count(_: libc::c_int) {
    CAME.fetch_add(1, Ordering::SeqCst);
}

#[expect(unsafe_code, reason = "std has no signal handlers")]
fn install(flags: libc::c_int) {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the handler only touches an atomic; both pointers are valid or null.
        unsafe {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            action.sa_sigaction = count as extern "C" fn(libc::c_int) as *const () as libc::sighandler_t;
            action.sa_flags = flags;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

fn wait_for_flag() -> ExitCode {
    work();
    tell("ready");
    while CAME.load(Ordering::SeqCst) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    go_on()
}

fn go_on() -> ExitCode {
    rows(ROWS..ROWS + 10);
    tell(&format!("signals {}", CAME.load(Ordering::SeqCst)));
    ExitCode::from(9)
}

mod flag {
    use std::process::ExitCode;

    #[ups_track::main(project = "ends")]
    pub(super) fn main() -> ExitCode {
        super::wait_for_flag()
    }
}

mod interrupt {
    use std::io::Read as _;
    use std::process::ExitCode;

    use super::{go_on, tell, work};

    #[ups_track::main(project = "ends")]
    pub(super) fn main() -> ExitCode {
        work();
        tell("ready");
        match std::io::stdin().read(&mut [0]) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => go_on(),
            _ => ExitCode::from(8),
        }
    }
}
