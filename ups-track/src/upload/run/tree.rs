//! Nested keys and their values, each of them JSON in W&B's dialect: config, summary, or one row.

use std::collections::BTreeMap;

use crate::json;
use crate::log::record::Item;

/// A tree of values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree(BTreeMap<String, Node>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    /// JSON; it may be an object that counts as one value.
    Value(String),
    Below(Tree),
}

/// Objects that lie deeper are one value.
const DEPTH: usize = 32;

impl Tree {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes an item over whose value, if it is an object, counts key by key.
    pub(crate) fn merge(&mut self, item: &Item) {
        let path: Vec<&str> = item.path().collect();
        if let Some(value) = json::dialect(&item.value_json) {
            self.merge_at(&path, &value, DEPTH);
        }
    }

    fn merge_at(&mut self, path: &[&str], value: &str, depth: usize) {
        match json::entries(value).filter(|_| depth > 0) {
            // An empty object sets nothing.
            Some(entries) => {
                for (key, value) in &entries {
                    let path: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
                    self.merge_at(&path, value, depth - 1);
                }
            }
            None => self.set(path, value),
        }
    }

    /// Takes an item over, whose value is one whatever it is. `null` is no value, as for W&B's client.
    pub(crate) fn put(&mut self, item: &Item) {
        let path: Vec<&str> = item.path().collect();
        match json::dialect(&item.value_json) {
            Some(value) if value == "null" => self.remove_at(&path),
            Some(value) => self.set(&path, &value),
            None => {}
        }
    }

    /// Sets the value at a path.
    pub(crate) fn set(&mut self, path: &[&str], value: &str) {
        match path {
            [] => {}
            [key] => drop(self.0.insert((*key).to_owned(), Node::Value(value.to_owned()))),
            [key, rest @ ..] => {
                let node = self.0.entry((*key).to_owned()).or_insert_with(|| Node::Below(Self::default()));
                // What lies below a value takes its place.
                if let Node::Value(_) = node {
                    *node = Node::Below(Self::default());
                }
                if let Node::Below(tree) = node {
                    tree.set(rest, value);
                }
            }
        }
    }

    /// Removes a value, or all that is below a path.
    pub(crate) fn remove(&mut self, item: &Item) {
        let path: Vec<&str> = item.path().collect();
        self.remove_at(&path);
    }

    fn remove_at(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [key] => drop(self.0.remove(*key)),
            [key, rest @ ..] => {
                if let Some(Node::Below(tree)) = self.0.get_mut(*key) {
                    tree.remove_at(rest);
                    if tree.is_empty() {
                        self.0.remove(*key);
                    }
                }
            }
        }
    }

    /// Sets a value where there is none; an object counts key by key.
    pub(crate) fn add_missing(&mut self, path: &[&str], value: &str) {
        if !self.has(path) {
            self.merge_at(path, value, DEPTH);
            if !self.has(path) {
                // An empty object: here it is a value.
                self.set(path, value);
            }
        }
    }

    /// What is at a path, as JSON.
    pub(crate) fn text(&self, path: &[String]) -> Option<String> {
        let (key, rest) = path.split_first()?;
        match (self.0.get(key)?, rest) {
            (node, []) => {
                let mut text = String::new();
                node.write(&mut text);
                Some(text)
            }
            (Node::Below(tree), rest) => tree.text(rest),
            (Node::Value(_), _) => None,
        }
    }

    /// Whether there is something at a path, or a value above it.
    fn has(&self, path: &[&str]) -> bool {
        match path {
            [] => true,
            [key, rest @ ..] => match self.0.get(*key) {
                Some(Node::Below(tree)) => tree.has(rest),
                Some(Node::Value(_)) => true,
                None => false,
            },
        }
    }

    /// The whole as JSON.
    pub(crate) fn write(&self, out: &mut String) {
        self.write_with(out, &mut |node, out| node.write(out));
    }

    /// The whole as JSON, with each value wrapped: `{"lr": {"value": 0.1}}`.
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
}

impl Node {
    fn write(&self, out: &mut String) {
        match self {
            Self::Value(json) => out.push_str(json),
            Self::Below(tree) => tree.write(out),
        }
    }
}

#[cfg(test)]
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
}
