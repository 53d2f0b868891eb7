//! Two clocks. That of the wall is set by people and daemons, forwards and backwards: it dates what is recorded. The
//! other one only goes forward, and measures how long something takes; it rests while the machine is suspended, as the
//! one by which W&B's client counts the run time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds of the clock that only goes forward, from the cheapest form of it; on Linux it advances every few
/// milliseconds (the scheduler's tick) and costs a quarter of the exact one.
#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn coarse_nanos() -> u64 {
    read(libc::CLOCK_MONOTONIC_COARSE).unwrap_or_else(monotonic_nanos)
}

/// Nanoseconds of the clock that only goes forward.
#[cfg(not(target_os = "linux"))]
pub(crate) fn coarse_nanos() -> u64 {
    monotonic_nanos()
}

/// Nanoseconds of the clock that only goes forward, exactly. May be called in a signal handler.
#[cfg(unix)]
pub(crate) fn monotonic_nanos() -> u64 {
    read(libc::CLOCK_MONOTONIC).unwrap_or(0)
}

/// Nanoseconds of the clock that only goes forward, exactly.
#[cfg(not(unix))]
pub(crate) fn monotonic_nanos() -> u64 {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    u64::try_from(BEGAN.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(unix)]
#[inline]
fn read(clock: libc::clockid_t) -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "clock_gettime has no safe form in std")]
    // SAFETY: `time` is a valid, writable `timespec`.
    let failed = unsafe { libc::clock_gettime(clock, &raw mut time) } != 0;
    match (failed, u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec)) {
        (false, Ok(seconds), Ok(nanos)) => Some(seconds * 1_000_000_000 + nanos),
        _ => None,
    }
}

/// Nanoseconds since 1970 by the clock of the wall.
pub(crate) fn nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// How far the two clocks must drift apart before it counts: reading both takes a moment.
const DRIFT: u64 = 1_000_000;

/// The time of a run: rows and operations carry moments of the clock that only goes forward, from which run times
/// follow. What the wall's clock shows at such a moment follows from how far apart the two are, which is looked at again
/// and again: so `_timestamp` follows a clock that is set, and `_runtime` does not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeline {
    start: u64,
    start_wall: u64,
    /// What the wall's clock is ahead; a negative number wraps.
    ahead: u64,
}

impl Timeline {
    /// It begins now.
    pub(crate) fn begin() -> Self {
        let (start, start_wall) = both();
        Self { start, start_wall, ahead: start_wall.wrapping_sub(start) }
    }

    /// That of a log which is there: it began then, in nanoseconds since 1970, and its moments are such numbers.
    pub(crate) fn of_past(start: u64) -> Self {
        Self { start, start_wall: start, ahead: 0 }
    }

    /// When it began, in nanoseconds since 1970.
    pub(crate) fn start_wall(&self) -> u64 {
        self.start_wall
    }

    /// Looks at both clocks again.
    pub(crate) fn look(&mut self) {
        let (now, wall) = both();
        self.see(now, wall);
    }

    fn see(&mut self, now: u64, wall: u64) {
        let ahead = wall.wrapping_sub(now);
        if ahead.abs_diff(self.ahead) > DRIFT {
            self.ahead = ahead;
        }
    }

    /// Nanoseconds from the beginning to a moment.
    pub(crate) fn elapsed(&self, moment: u64) -> u64 {
        u64::try_from(moment.wrapping_sub(self.start).cast_signed()).unwrap_or(0)
    }

    /// A moment in nanoseconds since 1970.
    pub(crate) fn wall(&self, moment: u64) -> u64 {
        moment.wrapping_add(self.ahead)
    }

    /// The moment at which the wall's clock shows this.
    pub(crate) fn moment(&self, wall: u64) -> u64 {
        wall.wrapping_sub(self.ahead)
    }
}

/// Both clocks at one moment: of several tries the one that took least.
fn both() -> (u64, u64) {
    const QUICK: u64 = 20_000;
    let mut best = (u64::MAX, 0, 0);
    for _ in 0..4 {
        let (before, wall, after) = (monotonic_nanos(), nanos(), monotonic_nanos());
        let took = after.saturating_sub(before);
        if took < best.0 {
            best = (took, before + took / 2, wall);
        }
        if took < QUICK {
            break;
        }
    }
    (best.1, best.2)
}

/// How long something was waited for, in slices. A process that was stopped (`SIGSTOP`, a debugger, a suspended machine)
/// has not waited meanwhile, and nothing could make progress: one slice of it counts.
#[derive(Debug)]
pub(crate) struct Waited {
    last: Instant,
    sum: Duration,
}

impl Waited {
    /// The longest time between two calls of [`so_far`](Self::so_far) that counts; who waits looks more often.
    pub(crate) const SLICE: Duration = Duration::from_millis(400);

    /// Nothing was waited for yet.
    pub(crate) fn begin() -> Self {
        Self { last: Instant::now(), sum: Duration::ZERO }
    }

    /// The time so far.
    pub(crate) fn so_far(&mut self) -> Duration {
        self.add(Instant::now())
    }

    fn add(&mut self, now: Instant) -> Duration {
        self.sum += now.saturating_duration_since(self.last).min(Self::SLICE);
        self.last = now;
        self.sum
    }

    /// What to wait before the next look, if `patience` is all there is; none if it is over.
    pub(crate) fn next(&mut self, patience: Duration) -> Option<Duration> {
        let left = patience.saturating_sub(self.so_far());
        (!left.is_zero()).then(|| left.min(Self::SLICE / 2))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: u64 = 365 * 24 * 3600 * 1_000_000_000;

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
        let before = coarse_nanos();
        assert!(before <= monotonic_nanos() && coarse_nanos() >= before);
        assert!(monotonic_nanos() - before < 1_000_000_000);
    }

    #[test]
    fn run_times_do_not_follow_the_wall() {
        let mut time = Timeline { start: 100, start_wall: YEAR, ahead: YEAR - 100 };
        let at = 100 + 5_000_000;
        for wall in [2 * YEAR, YEAR / 2, YEAR + 5_000_000] {
            time.see(at, wall);
            assert_eq!((time.elapsed(at), time.wall(at), time.moment(wall)), (5_000_000, wall, at));
        }
        assert_eq!((time.elapsed(50), time.start_wall()), (0, YEAR));
        // Reading two clocks takes a moment, which is no drift.
        time.see(at, YEAR + 5_000_000 + DRIFT / 2);
        assert_eq!(time.wall(at), YEAR + 5_000_000);
    }

    #[test]
    fn a_wall_before_the_machine_has_started() {
        let time = Timeline { start: YEAR, start_wall: 1000, ahead: 1000_u64.wrapping_sub(YEAR) };
        assert_eq!(time.wall(time.moment(3)), 3);
        assert_eq!((time.elapsed(time.moment(3)), time.elapsed(time.moment(1500))), (0, 500));
    }

    #[test]
    fn who_was_stopped_did_not_wait() {
        let mut waited = Waited::begin();
        let mut now = waited.last;
        for _ in 0..10 {
            now += Duration::from_millis(100);
            waited.add(now);
        }
        now += Duration::from_hours(1);
        assert_eq!(waited.add(now), Duration::from_secs(1) + Waited::SLICE);
        assert_eq!(waited.next(Duration::from_secs(1)), None);
    }
}
