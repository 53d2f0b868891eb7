//! A limit for what is sent, in bytes per second, and who goes first under it: lines of the file stream before bytes of
//! files, so that a checkpoint never holds up metrics. Pure: times are passed in.

use std::time::Duration;

/// Bytes that are sent at a time where there is no limit.
pub(super) const PIECE: usize = 128 * 1024;

/// The least that a limit may be: below it nothing would arrive within the server's patience.
const LEAST: u64 = 1000;

/// Whose bytes want to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Lines of the file stream. While such a request has bytes to send, files wait.
    Lines,
    /// The small rest: what describes a run.
    Other,
    /// Bytes of files.
    Files,
}

/// What a piece has to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Turn {
    /// It is counted as sent.
    Now,
    /// Ask again after this time.
    After(Duration),
    /// Ask again when no lines are left to be sent.
    AfterLines,
}

/// A bucket of bytes that fills evenly. A piece may go as soon as anything is in it; what the piece takes beyond that,
/// the next one waits for.
#[derive(Debug)]
pub(super) struct Bandwidth {
    /// Bytes per second.
    rate: f64,
    /// Bytes at a time, and what the bucket holds.
    piece: f64,
    filled: f64,
    at: Duration,
    /// Requests of lines that still have bytes to send.
    lines: usize,
}

impl Bandwidth {
    pub(super) fn new(rate: u64) -> Self {
        let rate = rate.max(LEAST) as f64;
        // An eighth of a second: so long do lines wait for a piece of a file that has just gone.
        let piece = (rate / 8.0).min(PIECE as f64);
        Self { rate, piece, filled: piece, at: Duration::ZERO, lines: 0 }
    }

    /// Bytes that may be asked for at a time.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 125 and the size of a piece"
    )]
    pub(super) fn piece(&self) -> usize {
        self.piece as usize
    }

    /// How long it takes to send so many bytes.
    pub(super) fn time_for(&self, bytes: u64) -> Duration {
        Duration::try_from_secs_f64(bytes as f64 / self.rate).unwrap_or(Duration::MAX)
    }

    /// A request of lines has bytes to send.
    pub(super) fn lines_begin(&mut self) {
        self.lines += 1;
    }

    /// A request of lines has sent them, or given up; tells whether files may go on.
    pub(super) fn lines_end(&mut self) -> bool {
        self.lines = self.lines.saturating_sub(1);
        self.lines == 0
    }

    /// Asks for so many bytes, at a time that never goes back.
    pub(super) fn ask(&mut self, lane: Lane, bytes: usize, now: Duration) -> Turn {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.filled = (self.filled + passed * self.rate).min(self.piece);
        if lane == Lane::Files && self.lines > 0 {
            return Turn::AfterLines;
        }
        if self.filled <= 0.0 {
            let missing = (1.0 - self.filled) / self.rate;
            return Turn::After(Duration::from_secs_f64(missing).max(Duration::from_millis(1)));
        }
        self.filled -= bytes as f64;
        Turn::Now
    }
}

/// A limit as people write it: bytes per second, with `k`, `M` or `G` for thousands, millions and thousands of millions.
///
/// # Errors
///
/// The rule that the text breaks.
pub(crate) fn limit(text: &str) -> Result<u64, String> {
    const RULE: &str = "must be bytes per second, such as 500k, 2M or 1.5G, and at least 1k";
    let text = text.trim();
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, c)) if c.is_ascii_alphabetic() => {
            (text.get(..at).unwrap_or_default(), c.to_ascii_lowercase())
        }
        _ => (text, ' '),
    };
    let unit = match unit {
        ' ' => 1.0,
        'k' => 1e3,
        'm' => 1e6,
        'g' => 1e9,
        _ => return Err(RULE.to_owned()),
    };
    let bytes = number.trim().parse::<f64>().map_err(|_| RULE.to_owned())? * unit;
    if !(LEAST as f64..1e15).contains(&bytes) {
        return Err(RULE.to_owned());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked above")]
    Ok(bytes as u64)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits_have_units() {
        for (text, bytes) in
            [("500k", 500_000), ("2M", 2_000_000), (" 1.5 G ", 1_500_000_000), ("4096", 4096)]
        {
            assert_eq!(limit(text), Ok(bytes), "{text}");
        }
        for bad in ["", "k", "0", "-5k", "12", "1kb/s", "NaN", "inf", "2T", "1e300", "ü"] {
            assert!(limit(bad).unwrap_err().contains("500k"), "{bad}");
        }
    }

    /// Sends as much as it may until `end`, in pieces of a lane; gives the bytes and the time of the last piece.
    fn send(gate: &mut Bandwidth, lane: Lane, most: usize, now: &mut Duration, end: Duration) -> usize {
        let mut sent = 0;
        while sent < most && *now < end {
            let piece = gate.piece().min(most - sent);
            match gate.ask(lane, piece, *now) {
                Turn::Now => sent += piece,
                Turn::After(wait) => *now += wait,
                Turn::AfterLines => break,
            }
        }
        sent
    }

    #[test]
    fn lines_do_not_wait_for_files() {
        let mut gate = Bandwidth::new(1_000_000);
        let mut now = Duration::ZERO;
        let ten = Duration::from_secs(10);
        let before = send(&mut gate, Lane::Files, usize::MAX, &mut now, ten);
        assert!((9_800_000..=10_300_000).contains(&before), "{before}");
        // Lines come: files stop, and the lines take no longer than if they were alone, but for the piece on its way.
        gate.lines_begin();
        assert_eq!(gate.ask(Lane::Files, 1, now), Turn::AfterLines);
        let came = now;
        assert_eq!(send(&mut gate, Lane::Lines, 500_000, &mut now, Duration::MAX), 500_000);
        let took = now.saturating_sub(came);
        assert!(took <= Duration::from_millis(500 + 130), "{took:?}");
        // Two of them: both have to be out.
        gate.lines_begin();
        assert!(!gate.lines_end());
        assert_eq!(gate.ask(Lane::Files, 1, now + ten), Turn::AfterLines);
        assert_ne!(gate.ask(Lane::Other, 1, now + ten), Turn::AfterLines);
        assert!(gate.lines_end());
        assert_eq!(gate.ask(Lane::Files, 1, now + ten), Turn::Now);
    }

    proptest! {
        #[test]
        fn no_more_than_the_limit_goes_out(
            rate in 1000_u64..50_000_000,
            asked in prop::collection::vec((0_u64..400, 1_usize..=PIECE), 1..200),
        ) {
            let mut gate = Bandwidth::new(rate);
            let (mut now, mut sent) = (Duration::ZERO, 0);
            for (pause, bytes) in asked {
                now += Duration::from_millis(pause);
                let bytes = bytes.min(gate.piece());
                if gate.ask(Lane::Files, bytes, now) == Turn::Now {
                    sent += bytes;
                }
            }
            // A full bucket, what came in, and the piece that took more than there was.
            let most = 2.0 * gate.piece + rate as f64 * now.as_secs_f64();
            prop_assert!(sent as f64 <= most + 1.0, "{sent} of {most}");
        }

        #[test]
        fn whoever_waits_as_told_goes_on(rate in 1000_u64..1_000_000_000, pieces in 1_usize..50) {
            let mut gate = Bandwidth::new(rate);
            let mut now = Duration::ZERO;
            for _ in 0..pieces {
                let piece = gate.piece();
                if let Turn::After(wait) = gate.ask(Lane::Files, piece, now) {
                    now += wait;
                    prop_assert_eq!(gate.ask(Lane::Files, piece, now), Turn::Now);
                }
            }
        }
    }
}
