//! When this process began.

use std::time::SystemTime;

/// The moment at which this process began; none where the system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn born() -> Option<SystemTime> {
    use std::time::Duration;
    // Behind the program's name, which may hold anything, the 20th field: clock ticks since the machine has started.
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let ticks: u64 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()?;
    #[expect(
        unsafe_code,
        reason = "std tells neither the length of a tick nor the time since the machine has started"
    )]
    // SAFETY: `sysconf` has no preconditions; `time` is a valid, writable `timespec`.
    let (per_second, up) = unsafe {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let failed = libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) != 0;
        (libc::sysconf(libc::_SC_CLK_TCK), (!failed).then_some(time)?)
    };
    let per_second = u64::try_from(per_second).ok().filter(|n| *n > 0)?;
    let up = Duration::new(u64::try_from(up.tv_sec).ok()?, u32::try_from(up.tv_nsec).ok()?);
    let began = Duration::from_nanos(ticks.checked_mul(1_000_000_000)? / per_second);
    SystemTime::now().checked_sub(up.checked_sub(began)?)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn born() -> Option<SystemTime> {
    None
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::{Duration, SystemTime};

    #[test]
    fn before_now_and_not_long_ago() {
        let age = SystemTime::now().duration_since(super::born().unwrap()).unwrap();
        assert!(age < Duration::from_hours(1), "{age:?}");
    }
}
