//! What the system gives that std does not, or not as we need it: clocks, the host's name, forks, locks, whole files.

pub(crate) mod files;
pub(crate) mod fork;
pub(crate) mod lock;
pub(crate) mod ours;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970 from the cheapest clock there is; on Linux it advances every few milliseconds (the
/// scheduler's tick) and costs a quarter of the exact one.
#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn coarse_nanos() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "clock_gettime has no safe form in std")]
    // SAFETY: `time` is a valid, writable `timespec`.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &raw mut time) } != 0;
    match (failed, u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec)) {
        (false, Ok(seconds), Ok(nanos)) => seconds * 1_000_000_000 + nanos,
        _ => nanos(),
    }
}

/// Nanoseconds since 1970.
#[cfg(not(target_os = "linux"))]
pub(crate) fn coarse_nanos() -> u64 {
    nanos()
}

/// Nanoseconds since 1970, exactly.
pub(crate) fn nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A moment in the local time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalTime {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
}

/// The local time of a moment in seconds since 1970; UTC where the system does not tell.
pub(crate) fn local_time(seconds: u64) -> LocalTime {
    #[cfg(unix)]
    {
        let at = libc::time_t::try_from(seconds).unwrap_or(0);
        // A zeroed `tm` without its platform-dependent fields needs `MaybeUninit`.
        let mut parts = std::mem::MaybeUninit::<libc::tm>::uninit();
        #[expect(unsafe_code, reason = "std has no time zones")]
        // SAFETY: both pointers are valid; on success `localtime_r` has filled `parts`.
        let parts = unsafe {
            if libc::localtime_r(&raw const at, parts.as_mut_ptr()).is_null() {
                return utc(seconds);
            }
            parts.assume_init()
        };
        let small = |v: libc::c_int| u32::try_from(v).unwrap_or(0);
        LocalTime {
            year: i64::from(parts.tm_year) + 1900,
            month: small(parts.tm_mon) + 1,
            day: small(parts.tm_mday),
            hour: small(parts.tm_hour),
            minute: small(parts.tm_min),
            second: small(parts.tm_sec),
        }
    }
    #[cfg(not(unix))]
    utc(seconds)
}

/// The UTC calendar time of a moment in seconds since 1970.
///
/// Days to year, month and day as in Howard Hinnant's "chrono-compatible low-level date algorithms".
pub(crate) fn utc(seconds: u64) -> LocalTime {
    let days = i64::try_from(seconds / 86_400).unwrap_or(0) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let small = |v: i64| u32::try_from(v).unwrap_or(0);
    let second = u32::try_from(seconds % 86_400).unwrap_or(0);
    LocalTime {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month: small(month),
        day: small(day_of_year - (153 * shifted_month + 2) / 5 + 1),
        hour: second / 3600,
        minute: second / 60 % 60,
        second: second % 60,
    }
}

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

#[cfg(test)]
mod tests {
    use super::{coarse_nanos, nanos, utc};

    #[test]
    fn calendar() {
        let t = utc(1_767_225_600);
        assert_eq!((t.year, t.month, t.day, t.hour), (2026, 1, 1, 0));
        let t = utc(1_709_164_799);
        assert_eq!((t.year, t.month, t.day, t.hour, t.minute, t.second), (2024, 2, 28, 23, 59, 59));
        let t = utc(1_709_164_800);
        assert_eq!((t.month, t.day), (2, 29));
    }

    #[test]
    fn the_coarse_clock_is_near_the_exact_one() {
        assert!(nanos().abs_diff(coarse_nanos()) < 1_000_000_000);
    }
}
