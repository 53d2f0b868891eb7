//! What others have changed in a config: between what they were told and what they have now, where we have not said
//! anything new.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json;

/// Objects that lie deeper are one value.
const DEPTH: usize = 32;

/// A value of a config that others have changed; nothing is one that was not there, or was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) path: Vec<String>,
    pub(super) before: Option<String>,
    pub(super) now: Option<String>,
}

/// The changes from `base` to `theirs`, both JSON objects in W&B's dialect, that concern nothing which `mine` has changed as
/// well; with `yields` these, too.
pub(super) fn changes(base: &str, theirs: &str, mine: &str, yields: bool) -> Vec<Change> {
    let mut found = Changes { path: Vec::new(), yields, found: Vec::new() };
    let plain = |text: &str| json::dialect(text).map(std::borrow::Cow::into_owned).unwrap_or_default();
    found.below(&plain(base), &plain(theirs), &plain(mine));
    found.found
}

struct Changes {
    path: Vec<String>,
    yields: bool,
    found: Vec<Change>,
}

impl Changes {
    fn below(&mut self, base: &str, theirs: &str, mine: &str) {
        let entries = |text| json::entries(text).unwrap_or_default();
        let (base, theirs, mine) = (entries(base), entries(theirs), entries(mine));
        let mut keys: Vec<&String> = theirs.iter().chain(&base).map(|(key, _)| key).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            // What W&B keeps there has rules of its own.
            if self.path.is_empty() && key == "_wandb" {
                continue;
            }
            let of = |entries: &[(String, &str)]| {
                entries.iter().find(|(other, _)| other == key).map(|(_, value)| (*value).to_owned())
            };
            self.path.push(key.clone());
            self.one(of(&base).as_deref(), of(&theirs).as_deref(), of(&mine).as_deref());
            self.path.pop();
        }
    }

    fn one(&mut self, base: Option<&str>, theirs: Option<&str>, mine: Option<&str>) {
        if is_same(base, theirs) || is_same(mine, theirs) {
            return;
        }
        let is_object =
            |text: Option<&str>| text.and_then(json::entries).is_some_and(|entries| !entries.is_empty());
        if is_object(theirs) && (mine.is_none() || is_object(mine)) && self.path.len() < DEPTH {
            let empty = |text: Option<&str>| text.filter(|_| is_object(text)).unwrap_or("{}").to_owned();
            return self.below(&empty(base), &empty(theirs), &empty(mine));
        }
        if self.yields || is_same(mine, base) {
            let [before, now] = [base, theirs].map(|value| value.map(str::to_owned));
            self.found.push(Change { path: self.path.clone(), before, now });
        }
    }
}

/// Whether two values are the same, however a server writes them.
pub(super) fn is_same(a: Option<&str>, b: Option<&str>) -> bool {
    let parsed = |text: &str| serde_json::from_str::<Value>(&json::standard(text)?).ok();
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a == b || parsed(a).zip(parsed(b)).is_some_and(|(a, b)| is_same_value(&a, &b)),
        _ => false,
    }
}

#[expect(clippy::float_cmp, reason = "the same number, or not")]
fn is_same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same_value(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(key, value): (&String, &Value)| b.get(key).is_some_and(|b| is_same_value(value, b));
            a.len() == b.len() && a.iter().all(same)
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, changes};

    fn told(base: &str, theirs: &str, mine: &str, yields: bool) -> Vec<String> {
        let shown = |Change { path, now, .. }: Change| {
            format!("{}={}", path.join("."), now.unwrap_or_else(|| "gone".into()))
        };
        changes(base, theirs, mine, yields).into_iter().map(shown).collect()
    }

    #[test]
    fn what_only_others_have_changed_counts() {
        let base = r#"{"lr":0.1,"n":{"a":1,"b":2},"gone":1,"_wandb":{"t":1}}"#;
        let theirs = r#"{"lr": 0.2, "n": {"a": 1, "b": 3, "c": 4}, "new": [1], "_wandb": {"t": 2}}"#;
        let expected = ["gone=gone", "lr=0.2", "n.b=3", "n.c=4", "new=[1]"];
        assert_eq!(told(base, theirs, base, false), expected);
        // What the program has set anew is its own.
        let mine = r#"{"lr":0.3,"n":{"a":1,"b":5},"gone":2,"more":1}"#;
        assert_eq!(told(base, theirs, mine, false), ["n.c=4", "new=[1]"]);
        assert_eq!(told(base, theirs, mine, true), ["gone=gone", "lr=0.2", "n.b=3", "n.c=4", "new=[1]"]);
        assert_eq!(told(base, r#"{"n":7}"#, r#"{"n":{"a":9}}"#, false), [""; 0]);
    }

    #[test]
    fn another_way_to_write_a_value_is_no_change() {
        let base = r#"{"a":1.0,"b":[1e-3,{"x":1,"y":"é"}],"c":NaN,"d":{"e":{}}}"#;
        let theirs = r#"{"b":[0.001, {"y":"\u00e9","x":1.0}],"a":1,"c":NaN,"d":{"e":{}}}"#;
        assert_eq!(told(base, theirs, base, false), [""; 0]);
        // Whatever a server says.
        for odd in ["", "[", "null", "7"] {
            assert!(told(odd, odd, odd, false).is_empty(), "{odd}");
        }
    }
}
