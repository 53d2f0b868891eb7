//! When a request is tried again, and when it is not. Pure: no clock, no network.

use std::time::{Duration, SystemTime};

use crate::settings::Sources;
use crate::upload::Failure;

/// What is asked of the server; the rules differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// A query or mutation.
    GraphQl,
    /// The mutation that makes the run: a conflict passes.
    UpsertBucket,
    /// Lines of the run's streams.
    FileStream,
    /// Bytes to the storage behind a signed URL.
    Storage,
    /// What the server can do: nothing depends on it.
    Features,
    /// An access token for an identity token.
    Token,
}

impl Endpoint {
    /// Whether this status will not become another one by trying again.
    pub(crate) fn is_final(self, status: u16) -> bool {
        match (self, status) {
            (Self::UpsertBucket, 409) => false,
            (Self::Storage | Self::Token, 400..500) => status != 429,
            (_, 400 | 401 | 403 | 404 | 409 | 410 | 413 | 422 | 501) => true,
            (_, 400..600) => false,
            // Neither an answer nor an error.
            _ => true,
        }
    }
}

/// How often and how long something is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Policy {
    /// Attempts after the first one.
    pub(crate) retries: u32,
    pub(crate) least_wait: Duration,
    pub(crate) most_wait: Duration,
    /// How long one attempt may take.
    pub(crate) attempt: Duration,
    /// How long all of them may take.
    pub(crate) total: Duration,
}

/// How long one request may fail in all. What could not be sent until then is sent by the next `sync`.
const TOTAL: Duration = Duration::from_mins(20);

/// A transfer may take long, but not for ever.
const TRANSFER: Duration = Duration::from_hours(6);

/// What W&B's client has for access tokens.
const TOKEN: Policy = Policy {
    retries: 3,
    least_wait: Duration::from_secs(1),
    most_wait: Duration::from_secs(5),
    attempt: Duration::from_secs(10),
    total: Duration::from_mins(1),
};

impl Policy {
    /// The policy for what can be done without: a server that cannot answer shall not hold up the rest.
    fn impatient(self) -> Self {
        Self { retries: self.retries.min(2), attempt: self.attempt.min(Duration::from_secs(10)), ..self }
    }

    /// The policy of an endpoint: that of W&B's client, and the same settings change it.
    ///
    /// # Errors
    ///
    /// If a setting is not a number: what the setting, its value and the rule are.
    pub(crate) fn of(endpoint: Endpoint, sources: &Sources) -> Result<Self, String> {
        let (name, retries, attempt) = match endpoint {
            Endpoint::GraphQl | Endpoint::UpsertBucket | Endpoint::Features => {
                ("graphql", 20, Duration::from_secs(30))
            }
            Endpoint::Token => return Ok(TOKEN),
            Endpoint::FileStream => ("file_stream", 10_085, Duration::from_mins(3)),
            Endpoint::Storage => ("file_transfer", 20, TRANSFER),
        };
        let find = |what: &str| {
            let name = format!("x_{name}_{what}");
            sources.find(None, &[&format!("WANDB_{}", name.to_ascii_uppercase())], &name)
        };
        let seconds = |what: &str, default: Duration| match find(what) {
            None => Ok(default),
            Some(given) => match given.value.trim().parse::<f64>().ok().map(Duration::try_from_secs_f64) {
                Some(Ok(found)) => Ok(found),
                _ => Err(format!("`{}` (from {}) must be a number of seconds", given.value, given.from)),
            },
        };
        let retries = match find("retry_max") {
            None => retries,
            Some(given) => given
                .value
                .trim()
                .parse()
                .map_err(|_| format!("`{}` (from {}) must be a whole number", given.value, given.from))?,
        };
        Ok(Self {
            retries,
            least_wait: seconds("retry_wait_min_seconds", Duration::from_secs(2))?,
            most_wait: seconds("retry_wait_max_seconds", Duration::from_mins(1))?,
            attempt: match seconds("timeout_seconds", attempt)? {
                Duration::ZERO => attempt,
                set => set,
            },
            total: TOTAL.max(if endpoint == Endpoint::Storage { TRANSFER } else { Duration::ZERO }),
        })
    }

    /// The same waits without an end.
    fn endless(self) -> Self {
        Self { retries: u32::MAX, total: Duration::MAX, ..self }
    }

    /// The wait before the next attempt, `failed` (from 1) having failed for `spent`; none if that was the last one.
    /// `random` is between 0 and 1: clients that failed together shall not come back together.
    pub(crate) fn wait(
        &self,
        failed: u32,
        spent: Duration,
        asked: Option<Duration>,
        random: f64,
    ) -> Option<Duration> {
        if failed > self.retries {
            return None;
        }
        let doubled = self.least_wait.saturating_mul(1 << (failed - 1).min(20));
        let jittered = doubled.min(self.most_wait).mul_f64(1.0 + 0.25 * random.clamp(0.0, 1.0));
        let wait = asked.unwrap_or_else(|| jittered.min(self.most_wait));
        (spent.saturating_add(wait) <= self.total).then_some(wait)
    }
}

/// The policies of all endpoints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policies {
    graphql: Policy,
    stream: Policy,
    storage: Policy,
    token: Policy,
}

impl Policies {
    /// What the settings say.
    ///
    /// # Errors
    ///
    /// If one of them is bad.
    pub(crate) fn find(sources: &Sources) -> Result<Self, Failure> {
        let policy = |endpoint| Policy::of(endpoint, sources).map_err(Failure::Settings);
        Ok(Self {
            graphql: policy(Endpoint::GraphQl)?,
            stream: policy(Endpoint::FileStream)?,
            storage: policy(Endpoint::Storage)?,
            token: policy(Endpoint::Token)?,
        })
    }

    /// The same waits without an end.
    pub(super) fn endless(self) -> Self {
        Self {
            graphql: self.graphql.endless(),
            stream: self.stream.endless(),
            storage: self.storage.endless(),
            token: self.token.endless(),
        }
    }

    pub(super) fn of(&self, endpoint: Endpoint) -> Policy {
        match endpoint {
            Endpoint::GraphQl | Endpoint::UpsertBucket => self.graphql,
            Endpoint::Features => self.graphql.impatient(),
            Endpoint::FileStream => self.stream,
            Endpoint::Storage => self.storage,
            Endpoint::Token => self.token,
        }
    }
}

/// How long the server asks us to wait: seconds, or a date. What is neither is ignored.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = httpdate::parse_http_date(value).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy() -> Policy {
        Policy::of(Endpoint::GraphQl, &Sources::default()).unwrap()
    }

    #[test]
    fn waits_double_up_to_a_limit() {
        let wait = |failed, random| policy().wait(failed, Duration::ZERO, None, random);
        assert_eq!(wait(1, 0.0), Some(2 * SECOND));
        assert_eq!(wait(1, 1.0), Some(Duration::from_millis(2500)));
        assert_eq!(wait(3, 0.0), Some(8 * SECOND));
        assert_eq!(wait(6, 1.0), Some(60 * SECOND));
        assert_eq!(wait(20, 0.5), Some(60 * SECOND));
        assert_eq!(wait(21, 0.0), None);
    }

    #[test]
    fn the_server_may_ask_for_a_wait_but_not_for_ever() {
        let wait = |asked| policy().wait(1, SECOND, Some(asked), 0.5);
        assert_eq!(wait(Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(wait(90 * SECOND), Some(90 * SECOND));
        assert_eq!(wait(TOTAL), None);
        assert_eq!(wait(Duration::MAX), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(retry_after("1.5", now), Some(Duration::from_millis(1500)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:40 GMT", now), Some(3 * SECOND));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:00 GMT", now), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-1", "NaN", "1e300"] {
            assert_eq!(retry_after(nonsense, now), None, "{nonsense}");
        }
    }

    #[test]
    fn a_status_is_final_or_not() {
        use Endpoint::{FileStream, GraphQl, Storage, Token, UpsertBucket};
        for status in [400, 401, 403, 404, 410, 413, 422, 501] {
            for endpoint in [GraphQl, FileStream, UpsertBucket] {
                assert!(endpoint.is_final(status), "{endpoint:?} {status}");
            }
        }
        assert!(GraphQl.is_final(409) && FileStream.is_final(409) && !UpsertBucket.is_final(409));
        for status in [402, 408, 429, 500, 502, 503, 504] {
            assert!(!FileStream.is_final(status) && !GraphQl.is_final(status), "{status}");
        }
        assert!(
            Storage.is_final(408)
                && Storage.is_final(403)
                && !Storage.is_final(429)
                && !Storage.is_final(503)
        );
        assert!(Token.is_final(401) && !Token.is_final(429) && !Token.is_final(502));
    }

    #[test]
    fn settings_of_wandb_change_it() {
        let here = std::path::Path::new(".");
        let vars = [("WANDB_X_GRAPHQL_RETRY_MAX", "1"), ("WANDB_X_GRAPHQL_RETRY_WAIT_MIN_SECONDS", "0.01")];
        let set = Policy::of(Endpoint::GraphQl, &Sources::from_vars(&vars, here)).unwrap();
        assert_eq!((set.retries, set.least_wait), (1, Duration::from_millis(10)));
        let vars = [("WANDB_X_GRAPHQL_TIMEOUT_SECONDS", "soon")];
        let said = Policy::of(Endpoint::GraphQl, &Sources::from_vars(&vars, here)).unwrap_err();
        assert!(said.contains("WANDB_X_GRAPHQL_TIMEOUT_SECONDS") && said.contains("soon"), "{said}");
    }
}
