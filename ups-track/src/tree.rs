//! Nested keys and their values, as W&B keeps them: config, summary, or one row.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::json;
use crate::log::record::{Item, LEVELS};

/// A tree of values, each of them JSON in W&B's dialect. It is [`LEVELS`] deep at most: of a longer path the rest is one key,
/// its parts joined with dots, and an object that lies deeper is one value. So nothing here runs out of stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree(BTreeMap<String, Node>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    /// JSON; it may be an object that counts as one value.
    Value(String),
    Below(Tree),
}

impl Tree {
    #[cfg(feature = "online")]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes an item over whose value, if it is an object, counts key by key. What is no JSON is left out, as W&B's client does.
    pub(crate) fn merge(&mut self, item: &Item) {
        if let Some(value) = json::dialect(&item.value_json) {
            self.merge_at(&mut item.levels(), &value);
        }
    }

    fn merge_at(&mut self, path: &mut Vec<Cow<'_, str>>, value: &str) {
        match json::entries(value).filter(|_| path.len() < LEVELS) {
            // An empty object sets nothing.
            Some(entries) => {
                for (key, value) in entries {
                    path.push(Cow::Owned(key));
                    self.merge_at(path, value);
                    path.pop();
                }
            }
            None => self.set_at(path, value),
        }
    }

    /// Takes an item over, whose value is one whatever it is. `null` is no value, as for W&B's client.
    pub(crate) fn put(&mut self, item: &Item) {
        match json::dialect(&item.value_json) {
            Some(value) if value == "null" => self.remove(item),
            Some(value) => self.set_at(&item.levels(), &value),
            None => {}
        }
    }

    /// Sets the value at a path.
    #[cfg(feature = "online")]
    pub(crate) fn set(&mut self, path: &[&str], value: &str) {
        self.set_at(&borrowed(path), value);
    }

    fn set_at(&mut self, path: &[Cow<'_, str>], value: &str) {
        let Some((last, above)) = path.split_last() else { return };
        let mut tree = self;
        for key in above {
            let node = tree.0.entry(key.clone().into_owned()).or_insert_with(|| Node::Below(Self::default()));
            // What lies below a value takes its place.
            if let Node::Value(_) = node {
                *node = Node::Below(Self::default());
            }
            let Node::Below(below) = node else { return };
            tree = below;
        }
        tree.0.insert(last.clone().into_owned(), Node::Value(value.to_owned()));
    }

    /// Removes a value, or all that is below a path.
    pub(crate) fn remove(&mut self, item: &Item) {
        self.remove_at(&item.levels());
    }

    fn remove_at(&mut self, path: &[Cow<'_, str>]) {
        match path {
            [] => {}
            [key] => drop(self.0.remove(&**key)),
            [key, rest @ ..] => {
                if let Some(Node::Below(tree)) = self.0.get_mut(&**key) {
                    tree.remove_at(rest);
                    if tree.0.is_empty() {
                        self.0.remove(&**key);
                    }
                }
            }
        }
    }

    /// Sets a value where there is none; an object counts key by key.
    #[cfg(feature = "online")]
    pub(crate) fn add_missing(&mut self, path: &[&str], value: &str) {
        if !self.has(path) {
            self.merge_at(&mut borrowed(path), value);
            if !self.has(path) {
                // An empty object: here it is a value.
                self.set(path, value);
            }
        }
    }

    /// What is at a path, as JSON.
    #[cfg(feature = "online")]
    pub(crate) fn text(&self, path: &[String]) -> Option<String> {
        let (last, above) = path.split_last()?;
        let mut tree = self;
        for key in above {
            let Node::Below(below) = tree.0.get(key)? else { return None };
            tree = below;
        }
        let mut text = String::new();
        tree.0.get(last)?.write(&mut text);
        Some(text)
    }

    /// Whether there is something at a path, or a value above it.
    #[cfg(feature = "online")]
    fn has(&self, path: &[&str]) -> bool {
        let mut tree = self;
        for key in path {
            match tree.0.get(*key) {
                Some(Node::Below(below)) => tree = below,
                Some(Node::Value(_)) => return true,
                None => return false,
            }
        }
        true
    }

    /// The tree without the keys that W&B keeps for itself.
    #[cfg(feature = "cli")]
    pub(crate) fn drop_own(&mut self) {
        self.0.retain(|key, _| key != "_wandb");
    }

    /// Every value with its key in standard JSON, nested keys joined with dots, in order. Objects come apart.
    #[cfg(feature = "cli")]
    pub(crate) fn leaves(&self) -> Vec<(String, String)> {
        let mut out = Vec::new();
        self.leaves_below("", &mut out);
        out
    }

    #[cfg(feature = "cli")]
    fn leaves_below(&self, above: &str, out: &mut Vec<(String, String)>) {
        for (key, node) in &self.0 {
            let key = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
            match node {
                Node::Below(tree) => tree.leaves_below(&key, out),
                Node::Value(value) => {
                    let value = json::standard(value).unwrap_or_default();
                    json::leaves(&key, &value, &mut |key, value| out.push((key, value.to_owned())));
                }
            }
        }
    }

    /// Visits keys and values (in standard JSON) in order, with the level they are at; branches have no value.
    #[cfg(feature = "cli")]
    pub(crate) fn walk(&self, level: usize, each: &mut dyn FnMut(usize, &str, Option<&str>)) {
        for (key, node) in &self.0 {
            match node {
                Node::Value(value) => each(level, key, json::standard(value).as_deref()),
                Node::Below(tree) => {
                    each(level, key, None);
                    tree.walk(level + 1, each);
                }
            }
        }
    }

    /// The whole as one object of standard JSON.
    #[cfg(feature = "cli")]
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        json::standard(&out).unwrap_or_default().into_owned()
    }

    /// The whole as JSON.
    pub(crate) fn write(&self, out: &mut String) {
        self.write_with(out, &mut |node, out| node.write(out));
    }

    /// The whole as JSON, with each value wrapped: `{"lr": {"value": 0.1}}`.
    #[cfg(feature = "online")]
    pub(crate) fn wrapped(&self) -> String {
        let mut out = String::new();
        self.write_with(&mut out, &mut |node, out| {
            out.push_str("{\"value\":");
            node.write(out);
            out.push('}');
        });
        out
    }

    fn write_with(&self, out: &mut String, value: &mut dyn FnMut(&Node, &mut String)) {
        out.push('{');
        for (at, (key, node)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(&json::quoted(key));
            out.push(':');
            value(node, out);
        }
        out.push('}');
    }

    /// The entries, each as JSON.
    #[cfg(feature = "online")]
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|(key, node)| {
            let mut out = String::new();
            node.write(&mut out);
            (key.as_str(), out)
        })
    }
}

impl Node {
    fn write(&self, out: &mut String) {
        match self {
            Self::Value(json) => out.push_str(json),
            Self::Below(tree) => tree.write(out),
        }
    }
}

#[cfg(feature = "online")]
fn borrowed<'a>(path: &[&'a str]) -> Vec<Cow<'a, str>> {
    path.iter().map(|key| Cow::Borrowed(*key)).collect()
}

#[cfg(all(test, feature = "online", feature = "cli"))]
mod tests {
    use super::*;

    fn item(path: &[&str], value: &str) -> Item {
        let nested_key = path.iter().map(|part| (*part).to_owned()).collect();
        Item { key: String::new(), nested_key, value_json: value.to_owned() }
    }

    fn written(tree: &Tree) -> String {
        let mut out = String::new();
        tree.write(&mut out);
        out
    }

    #[test]
    fn objects_count_key_by_key_or_as_one() {
        let mut merged = Tree::default();
        merged.merge(&item(&["a", "b"], r#"{"c": {"d": 1}}"#));
        merged.merge(&item(&["a"], r#"{"e": NaN, "none": {}}"#));
        assert_eq!(written(&merged), r#"{"a":{"b":{"c":{"d":1}},"e":NaN}}"#);
        assert_eq!(merged.to_json(), r#"{"a":{"b":{"c":{"d":1}},"e":"NaN"}}"#);
        let leaf = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(merged.leaves(), [leaf("a.b.c.d", "1"), leaf("a.e", "\"NaN\"")]);

        let mut put = Tree::default();
        put.put(&item(&["k"], r#"{"p":1}"#));
        put.put(&item(&["k", "q"], "2"));
        assert_eq!(written(&put), r#"{"k":{"q":2}}"#);
        put.put(&item(&["k"], "3"));
        assert_eq!(written(&put), r#"{"k":3}"#);
        put.put(&item(&["k"], "null"));
        assert!(put.is_empty());
    }

    #[test]
    fn what_is_no_json_is_left_out() {
        let mut tree = Tree::default();
        for value in ["", "{", "1 2", "nan", "\"", "[1,]"] {
            tree.merge(&item(&["a"], value));
            tree.put(&item(&["b"], value));
        }
        assert!(tree.is_empty());
    }

    #[test]
    fn removed_is_gone_with_what_is_below() {
        let mut tree = Tree::default();
        tree.merge(&item(&["a", "b"], r#"{"c": 1, "d": 2}"#));
        tree.remove(&item(&["a", "b", "c"], ""));
        assert_eq!(written(&tree), r#"{"a":{"b":{"d":2}}}"#);
        tree.remove(&item(&["a"], ""));
        assert_eq!(written(&tree), "{}");
        assert_eq!(tree.wrapped(), "{}");
    }

    #[test]
    fn what_is_missing_is_added() {
        let mut tree = Tree::default();
        tree.merge(&item(&["a", "b"], "1"));
        tree.add_missing(&["a"], "2");
        tree.add_missing(&["c"], "{}");
        tree.add_missing(&["d"], r#"{"e":3}"#);
        assert_eq!(written(&tree), r#"{"a":{"b":1},"c":{},"d":{"e":3}}"#);
    }

    #[test]
    fn whatever_is_deep_is_bounded_and_there() {
        for parts in [LEVELS, LEVELS + 1, 10_000, 1_000_000] {
            let path: Vec<&str> = std::iter::repeat_n("a", parts).collect();
            let mut tree = Tree::default();
            tree.put(&item(&path, "1"));
            tree.merge(&item(&path, r#"{"b":{"c":2}}"#));
            let [(key, value)] = &tree.leaves()[..] else { unreachable!() };
            let length = parts * 2 - 1;
            // Nothing is joined to a key that is very long.
            let expected = if parts < 1_000_000 { (length + 4, "2") } else { (length, r#"{"b":{"c":2}}"#) };
            assert_eq!((key.len(), value.as_str()), expected);
            assert_eq!(written(&tree).bytes().filter(|byte| *byte == b'{').count(), LEVELS + 2);
            tree.remove(&item(&path, ""));
            assert!(tree.is_empty());
        }
        let deep = format!("{}1{}", r#"{"a":"#.repeat(50_000), "}".repeat(50_000));
        let mut tree = Tree::default();
        tree.merge(&item(&["k"], &deep));
        assert_eq!(written(&tree), format!(r#"{{"k":{deep}}}"#));
        let mut levels = 0;
        tree.walk(1, &mut |level, _, _| levels = levels.max(level));
        assert_eq!(levels, LEVELS);
    }
}
