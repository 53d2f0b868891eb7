//! What programs that a test starts do on signals must not depend on how the tests were started.

use std::sync::Once;

/// Gives the signals that end a program their ordinary effect, in this process and so in those that it starts: a shell
/// starts what runs in its background with some of them ignored, and programs of ours leave an ignored signal ignored.
pub fn set_defaults() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
            #[expect(unsafe_code, reason = "std has no such call")]
            // SAFETY: the default action is valid for each of these signals, and no handler is replaced.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
    });
}
