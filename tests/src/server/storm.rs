//! Bad weather: every request may meet a fault, whichever it is, as a seed says.

use fastrand::Rng;

use super::{Fault, Place};

/// A fault program: which faults the next requests meet. The same seed gives the same faults in the same order.
#[derive(Debug, Clone)]
pub struct Storm {
    random: Rng,
    /// How likely a request meets a fault, from 0 to 1.
    likelihood: f64,
    /// For so many more requests nobody is there.
    down: u32,
    /// For so many more requests it is refused, in this way.
    refusal: Option<(Fault, u32)>,
    /// Whether there are such times.
    refuses: bool,
    met: usize,
}

/// What a server or something in front of it answers for a while.
const PASSING: [u16; 6] = [408, 429, 500, 502, 503, 504];

/// What a client takes for final; a later upload goes on.
const FINAL: [u16; 4] = [400, 403, 404, 413];

/// What a server says, or what stands in its place, to all for a while: a key that was changed, a sign-in page.
fn refusals() -> [Fault; 5] {
    [
        Fault::Status(401, None),
        Fault::Status(403, None),
        Fault::Status(404, None),
        Fault::AnswerOnly(b"<!DOCTYPE html><html><body>Sign in</body></html>"),
        Fault::Redirect("http://127.0.0.1:1".to_owned()),
    ]
}

/// What goes with a status: nothing, or when to come back.
const WAITS: [Option<&str>; 4] = [None, Some("0"), Some("0.02"), Some("Thu, 01 Jan 1970 00:00:00 GMT")];

/// Answers that are none. That of a server that says yes and does nothing is not among them: nobody could tell.
const GARBAGE: [&[u8]; 5] =
    [b"\x00\xff nonsense", b"", b"[1,2", b"<!DOCTYPE html><html><body>Sign in</body></html>", b"{\"data\":"];

/// Milliseconds that are longer than a client waits that has patience for a second.
const TOO_LONG: u64 = 1_500;

impl Storm {
    /// A storm in which requests meet a fault with this likelihood, from 0 to 1.
    pub fn new(seed: u64, likelihood: f64) -> Self {
        Self { random: Rng::with_seed(seed), likelihood, down: 0, refusal: None, refuses: false, met: 0 }
    }

    /// The same with times in which everything is refused.
    #[must_use]
    pub fn with_refusals(self) -> Self {
        Self { refuses: true, ..self }
    }

    /// How many requests have met a fault.
    pub fn met(&self) -> usize {
        self.met
    }

    /// What the next request meets, which goes to this path.
    pub(super) fn next(&mut self, path: &str) -> Option<Fault> {
        let fault = self.pick(Place::Storage.is(path, None));
        self.met += usize::from(fault.is_some());
        fault
    }

    fn pick(&mut self, is_storage: bool) -> Option<Fault> {
        let random = &mut self.random;
        if self.down > 0 {
            self.down -= 1;
            return Some(Fault::DropBefore);
        }
        if let Some((refusal, left)) = &mut self.refusal {
            let refusal = refusal.clone();
            *left -= 1;
            if *left == 0 {
                self.refusal = None;
            }
            return Some(refusal);
        }
        if random.f64() >= self.likelihood {
            return None;
        }
        if self.refuses && random.f64() < 0.05 {
            let refusal = random.choice(refusals()).unwrap_or(Fault::Status(403, None));
            // Longer than a request is repeated for some of them.
            self.refusal = Some((refusal.clone(), random.u32(1..12)));
            return Some(refusal);
        }
        let garbage = |random: &mut Rng| random.choice(GARBAGE).unwrap_or_default();
        Some(match random.u32(0..100) {
            0..25 => Fault::Status(random.choice(PASSING).unwrap_or(500), random.choice(WAITS).flatten()),
            25..40 => Fault::DropBefore,
            40..55 => Fault::DropAfter,
            55..65 => Fault::Truncated,
            65..75 => Fault::Answer(garbage(random)),
            // A storage that answers has taken the bytes, whatever it says.
            75..80 if !is_storage => Fault::AnswerOnly(garbage(random)),
            75..90 => Fault::Slow(random.u64(1..60)),
            90..92 => Fault::Slow(TOO_LONG),
            92..94 => Fault::SlowAnswer(TOO_LONG),
            94..97 => Fault::Status(random.choice(FINAL).unwrap_or(403), None),
            _ => {
                self.down = random.u32(2..20);
                Fault::DropBefore
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_storm() {
        let faults = |seed, likelihood| {
            let mut storm = Storm::new(seed, likelihood);
            let faults: Vec<_> = (0..1000).map(|_| storm.next("/graphql")).collect();
            assert_eq!(faults.iter().flatten().count(), storm.met());
            faults
        };
        assert_eq!(faults(7, 0.3), faults(7, 0.3));
        assert_ne!(faults(7, 0.3), faults(8, 0.3));
        assert!(faults(7, 0.0).iter().all(Option::is_none));
        assert!(faults(7, 1.0).iter().all(Option::is_some));
    }

    #[test]
    fn some_storms_refuse_everybody_for_a_while() {
        let refused = |storm: &mut Storm| {
            (0..5000)
                .filter(|_| storm.next("/graphql").is_some_and(|fault| refusals().contains(&fault)))
                .count()
        };
        let (mut mild, mut refusing) = (Storm::new(7, 0.3), Storm::new(7, 0.3).with_refusals());
        assert!(refused(&mut refusing) > 2 * refused(&mut mild));
    }

    #[test]
    fn a_storage_never_says_yes_to_what_it_did_not_take() {
        let mut storm = Storm::new(1, 1.0);
        assert!(!(0..5000).any(|_| matches!(storm.next("/storage/1"), Some(Fault::AnswerOnly(_)))));
    }
}
