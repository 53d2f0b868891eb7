//! How often a server wants to have requests of the file stream, as the headers `RateLimit-Remaining` and
//! `RateLimit-Reset` of its answers tell. Pure: times are passed in.

use std::time::Duration;

/// Requests that may go at once.
const BURST: f64 = 10.0;

/// Requests per second, at least and at most.
const LEAST: f64 = 0.1;
const MOST: f64 = 65_536.0;

/// How much a new measurement counts.
const SMOOTHING: f64 = 0.2;

/// Requests in one measurement.
const MEASURED: f64 = 5.0;

/// What an answer says: how much is left of a quota in unknown units, and for how many seconds it has to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quota {
    remaining: f64,
    reset: f64,
}

impl Quota {
    /// What the two headers say, if they say anything sensible.
    pub(crate) fn parse(remaining: Option<&str>, reset: Option<&str>) -> Option<Self> {
        let number = |text: Option<&str>| text?.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        let (remaining, reset) = (number(remaining)?, number(reset)?);
        (remaining >= 0.0 && reset > 1.0).then_some(Self { remaining, reset })
    }
}

/// Keeps to a server's quota, as soon as it names one.
#[derive(Debug)]
pub(crate) struct RateLimit {
    /// Requests per second; none as long as the server said nothing.
    rate: Option<f64>,
    /// Requests that may go now; negative if some went ahead of their time.
    allowed: f64,
    at: Duration,
    /// Requests for one unit of the quota, as measured so far.
    per_unit: f64,
    /// Requests since the quota was as high as this.
    since: f64,
    before: Option<f64>,
}

impl Default for RateLimit {
    fn default() -> Self {
        let at = Duration::ZERO;
        Self { rate: None, allowed: BURST, at, per_unit: 1.0, since: 0.0, before: None }
    }
}

impl RateLimit {
    /// Requests per second.
    #[cfg(test)]
    pub(crate) fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// How long a request has to wait; it counts as sent then.
    pub(crate) fn wait(&mut self, now: Duration) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.allowed = (self.allowed + passed * rate).min(BURST) - 1.0;
        Duration::from_secs_f64((-self.allowed).max(0.0) / rate)
    }

    /// Takes over what the answer to a request said.
    pub(crate) fn answered(&mut self, quota: Option<Quota>, now: Duration) {
        self.since += 1.0;
        let Some(Quota { remaining, reset }) = quota else { return };
        let used = self.before.map(|before| before - remaining);
        match used {
            Some(used) if used >= 0.0 => {
                if used > 0.0 && self.since >= MEASURED {
                    let measured = self.since / used;
                    self.per_unit += SMOOTHING * (measured - self.per_unit);
                    (self.before, self.since) = (Some(remaining), 0.0);
                }
            }
            // The first time, or a new period.
            _ => (self.before, self.since) = (Some(remaining), 0.0),
        }
        if self.rate.is_none() {
            self.at = now;
        }
        self.rate = Some((self.per_unit * remaining / reset).clamp(LEAST, MOST));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn quota(remaining: &str, reset: &str) -> Option<Quota> {
        Quota::parse(Some(remaining), Some(reset))
    }

    #[test]
    fn nonsense_is_no_quota() {
        assert_eq!(quota("10", " 2.5 "), Some(Quota { remaining: 10.0, reset: 2.5 }));
        for (remaining, reset) in [
            ("", "5"),
            ("-1", "5"),
            ("x", "5"),
            ("NaN", "5"),
            ("inf", "5"),
            ("5", "1"),
            ("5", "0"),
            ("5", "soon"),
        ] {
            assert_eq!(quota(remaining, reset), None, "{remaining} {reset}");
        }
        assert_eq!(Quota::parse(Some("1"), None), None);
        let mut limit = RateLimit::default();
        for _ in 0..100 {
            limit.answered(None, SECOND);
            assert_eq!(limit.wait(SECOND), Duration::ZERO);
        }
    }

    #[test]
    fn requests_keep_to_what_is_left() {
        let mut limit = RateLimit::default();
        limit.answered(quota("20", "10"), SECOND);
        // Two per second, after a burst.
        let waits: Vec<_> = (0..14).map(|_| limit.wait(SECOND)).collect();
        assert_eq!(waits.get(..10).unwrap(), [Duration::ZERO; 10]);
        assert_eq!(waits.get(10..).unwrap(), [SECOND / 2, SECOND, SECOND * 3 / 2, SECOND * 2]);
        // With nothing left, one in ten seconds.
        limit.answered(quota("0", "3600"), SECOND * 3);
        let mut limit = RateLimit { allowed: 0.0, at: SECOND * 3, ..limit };
        assert_eq!(limit.wait(SECOND * 3), SECOND * 10);
    }

    #[test]
    fn units_are_measured() {
        let mut limit = RateLimit::default();
        // A request costs ten units.
        let mut left = 10_000;
        for _ in 0..200 {
            limit.answered(quota(&left.to_string(), "100"), SECOND);
            left -= 10;
        }
        assert!((0.1..0.11).contains(&limit.per_unit), "{}", limit.per_unit);
        // A new period measures nothing.
        let before = limit.per_unit;
        limit.answered(quota("10000", "100"), SECOND);
        assert!((limit.per_unit - before).abs() < 1e-9);
        assert!((limit.rate.unwrap() - before * 100.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn never_panics_and_never_stops(
            steps in prop::collection::vec((-1e30_f64..1e30, -10.0_f64..1e30, 0_u64..100_000), 0..100),
        ) {
            let mut limit = RateLimit::default();
            let mut now = Duration::ZERO;
            for (remaining, reset, millis) in steps {
                now += Duration::from_millis(millis);
                limit.answered(quota(&remaining.to_string(), &reset.to_string()), now);
                now += limit.wait(now);
                if let Some(rate) = limit.rate {
                    prop_assert!((LEAST..=MOST).contains(&rate));
                }
            }
        }
    }
}
