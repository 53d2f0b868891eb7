//! What is told of a log that cannot be written: when it begins, when it is over, and not again and again.

use crate::say;

/// Times that it is told.
const OFTEN: u32 = 3;

/// What was told so far.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// Rows that were lost before the log could not be written, while it cannot.
    since: Option<u64>,
    told: u32,
    moved_told: bool,
}

impl Trouble {
    /// Tells that it has begun or is over.
    pub(crate) fn notice(&mut self, error: Option<&str>, lost: u64, place: &str) {
        match (error, self.since) {
            (Some(error), None) => {
                self.since = Some(lost);
                self.told += 1;
                if self.told <= OFTEN {
                    say::warning(&format!(
                        "cannot write the log `{place}`: {error}; the program goes on, it is tried again, and meanwhile 16 MB are kept; what is more is dropped and counted"
                    ));
                }
            }
            (None, Some(before)) => {
                self.since = None;
                match lost - before {
                    0 if self.told > OFTEN => {}
                    0 => say::note(&format!("the log `{place}` can be written again; nothing is lost")),
                    lost => say::warning(&format!(
                        "the log `{place}` can be written again; {lost} rows that came meanwhile are lost"
                    )),
                }
            }
            _ => {}
        }
    }

    /// Tells something once that does not keep the log from being written.
    pub(crate) fn once(&mut self, text: &str) {
        if !std::mem::replace(&mut self.moved_told, true) {
            say::warning(text);
        }
    }

    /// Tells that the log is gone, after which there is nothing more to tell.
    pub(crate) fn last(&mut self, text: &str) {
        self.since.get_or_insert(0);
        say::warning(text);
    }
}
