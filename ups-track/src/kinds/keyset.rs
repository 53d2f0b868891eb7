//! The keys of a struct as far as the compiler knows them, and the check that no two of them are the same.
//!
//! A derive sees one struct; what its `flatten`ed structs bring is only known when constants are evaluated.

/// The keys that a type records: its own, and those of the structs inside it, below their prefixes.
///
/// The derives write it. Types whose keys are known only at run time, such as slices of pairs, have
/// [`KeySet::UNKNOWN`].
#[derive(Debug, Clone, Copy)]
pub struct KeySet {
    own: &'static [&'static str],
    inner: &'static [(&'static str, KeySet)],
}

impl KeySet {
    /// Nothing is known before the program runs.
    pub const UNKNOWN: Self = Self { own: &[], inner: &[] };

    /// The keys of a struct itself, and prefix and keys of the structs inside it.
    pub const fn new(own: &'static [&'static str], inner: &'static [(&'static str, Self)]) -> Self {
        Self { own, inner }
    }
}

/// Keys that are compared with one another; what comes after them is compared at run time.
const MOST: usize = 128;
/// Structs inside one another.
const DEEPEST: usize = 8;

/// One key with the prefixes in front of it.
#[derive(Clone, Copy)]
struct Path {
    parts: [&'static str; DEEPEST],
    len: usize,
    /// Of the whole key, by FNV-1a: comparing text is slow when the compiler does it.
    hash: u64,
}

impl Path {
    const EMPTY: Self = Self { parts: [""; DEEPEST], len: 0, hash: 0xcbf2_9ce4_8422_2325 };

    const fn hashed(mut self, byte: u8) -> Self {
        self.hash = (self.hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3);
        self
    }

    /// The key with `part` behind it.
    const fn with(self, part: &'static str) -> Self {
        if part.is_empty() || self.len == DEEPEST {
            return self;
        }
        let mut longer = if self.len > 0 { self.hashed(b'/') } else { self };
        let mut rest = part.as_bytes();
        while let [byte, tail @ ..] = rest {
            longer = longer.hashed(*byte);
            rest = tail;
        }
        longer.parts[self.len] = part;
        longer.len += 1;
        longer
    }
}

struct Paths {
    all: [Path; MOST],
    len: usize,
}

impl Paths {
    const fn add(&mut self, set: &KeySet, before: Path) {
        let mut own = set.own;
        while let [key, rest @ ..] = own {
            if self.len < MOST {
                self.all[self.len] = before.with(key);
                self.len += 1;
            }
            own = rest;
        }
        let mut inner = set.inner;
        while let [(prefix, set), rest @ ..] = inner {
            self.add(set, before.with(prefix));
            inner = rest;
        }
    }

    /// A key that is there twice.
    const fn repeated(&self) -> Option<Path> {
        let mut second = 1;
        while second < self.len {
            let mut first = 0;
            while first < second {
                if self.all[first].hash == self.all[second].hash {
                    return Some(self.all[second]);
                }
                first += 1;
            }
            second += 1;
        }
        None
    }
}

/// Text that is put together by the compiler.
struct Text {
    bytes: [u8; 256],
    len: usize,
}

impl Text {
    const fn push(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while let [byte, tail @ ..] = rest {
            if self.len < self.bytes.len() {
                self.bytes[self.len] = *byte;
                self.len += 1;
            }
            rest = tail;
        }
    }

    const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            // Keys are ASCII and a cut within the message is far off.
            Err(_) => "a key appears twice",
        }
    }
}

/// Does not compile, in a constant, if a key appears twice; `noun` is what keys are called, such as `metric key`.
///
/// # Panics
///
/// If a key appears twice: the message names it.
#[expect(clippy::panic, reason = "in a constant this panic is the compile error")]
#[expect(clippy::large_stack_arrays, reason = "it is the stack of the compiler")]
pub const fn assert_distinct(noun: &str, sets: &[KeySet]) {
    let mut paths = Paths { all: [Path::EMPTY; MOST], len: 0 };
    let mut rest = sets;
    while let [set, more @ ..] = rest {
        paths.add(set, Path::EMPTY);
        rest = more;
    }
    let Some(path) = paths.repeated() else { return };
    let mut text = Text { bytes: [0; 256], len: 0 };
    text.push(noun);
    text.push(" `");
    let mut part = 0;
    while part < path.len {
        if part > 0 {
            text.push("/");
        }
        text.push(path.parts[part]);
        part += 1;
    }
    text.push("` appears twice; the second value would replace the first; rename one (a `flatten` can have a `prefix`)");
    panic!("{}", text.as_str())
}

#[cfg(test)]
mod tests {
    use super::{KeySet, assert_distinct};

    const GRADIENTS: KeySet = KeySet::new(&["norm", "max"], &[]);

    fn message(sets: &'static [KeySet]) -> Option<String> {
        let caught = std::panic::catch_unwind(|| assert_distinct("metric key", sets)).err()?;
        caught
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| caught.downcast_ref::<&str>().map(ToString::to_string))
    }

    #[test]
    fn distinct_keys_pass() {
        const ROW: KeySet = KeySet::new(&["loss", "norm"], &[("grad", GRADIENTS), ("update", GRADIENTS)]);
        const ROWS: &[KeySet] = &[ROW, KeySet::UNKNOWN, KeySet::UNKNOWN];
        assert_eq!(message(ROWS), None);
    }

    #[test]
    fn a_repeated_key_is_named_with_its_prefixes() {
        const OWN: &[KeySet] = &[KeySet::new(&["norm"], &[("", GRADIENTS)])];
        const PREFIXED: &[KeySet] = &[KeySet::new(&["grad/max"], &[("grad", GRADIENTS)])];
        const DEEP: KeySet = KeySet::new(&[], &[("b", GRADIENTS), ("b", GRADIENTS)]);
        const NESTED: &[KeySet] = &[KeySet::new(&[], &[("a", DEEP)])];
        const TWO: &[KeySet] = &[GRADIENTS, GRADIENTS];
        for (sets, key) in
            [(OWN, "`norm`"), (PREFIXED, "`grad/max`"), (NESTED, "`a/b/norm`"), (TWO, "`norm`")]
        {
            let message = message(sets).unwrap_or_default();
            assert!(message.contains(key) && message.starts_with("metric key"), "{message}");
        }
    }

    #[test]
    fn the_end_of_a_part_counts() {
        const ROW: KeySet = KeySet::new(&["a/bc", "ab/c"], &[("a", KeySet::new(&["b/c"], &[]))]);
        const ROWS: &[KeySet] = &[ROW];
        assert_eq!(message(ROWS), None);
    }
}
