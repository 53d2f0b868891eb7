//! Config and summary: values under nested keys, as W&B keeps them.

use std::collections::BTreeMap;

use crate::json;
use crate::log::record::Item;

/// Levels that are kept apart; the rest of a longer path is joined.
const DEPTH: usize = 32;

/// Sorted values under nested keys.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<String, Node>);

#[derive(Debug)]
enum Node {
    /// Compact standard JSON.
    Leaf(String),
    Branch(Tree),
}

impl Tree {
    /// Sets the value of a summary item, whole; one that is not JSON is skipped, as W&B does.
    pub(super) fn set(&mut self, item: &Item) {
        if let Some(value) = json::standard(&item.value_json) {
            self.place(&path(item), Node::Leaf(value.into_owned()));
        }
    }

    /// Merges a config item: objects entry by entry.
    pub(super) fn merge(&mut self, item: &Item) {
        if let Some(value) = json::standard(&item.value_json) {
            self.merge_at(&mut path(item), &value);
        }
    }

    fn merge_at(&mut self, path: &mut Vec<String>, value: &str) {
        let entries = if path.len() < DEPTH { json::object(value) } else { None };
        let Some(entries) = entries else {
            return self.place(path, Node::Leaf(value.to_owned()));
        };
        for (key, value) in entries {
            path.push(key);
            self.merge_at(path, value);
            path.pop();
        }
    }

    fn place(&mut self, path: &[String], node: Node) {
        match path {
            [] => {}
            [last] => {
                self.0.insert(last.clone(), node);
            }
            [first, rest @ ..] => {
                let place = self.0.entry(first.clone()).or_insert_with(|| Node::Branch(Self::default()));
                if let Node::Leaf(_) = place {
                    *place = Node::Branch(Self::default());
                }
                if let Node::Branch(tree) = place {
                    tree.place(rest, node);
                }
            }
        }
    }

    /// Takes an item out, with everything below it.
    pub(super) fn remove(&mut self, item: &Item) {
        let path = path(item);
        let Some((last, parents)) = path.split_last() else { return };
        let mut tree = self;
        for key in parents {
            let Some(Node::Branch(next)) = tree.0.get_mut(key) else { return };
            tree = next;
        }
        tree.0.remove(last);
    }

    /// Every value with its key, nested keys joined with dots, in order.
    pub(super) fn leaves(&self) -> Vec<(String, String)> {
        let mut out = Vec::new();
        self.leaves_below("", &mut out);
        out
    }

    fn leaves_below(&self, above: &str, out: &mut Vec<(String, String)>) {
        for (key, node) in &self.0 {
            let key = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
            match node {
                Node::Branch(tree) => tree.leaves_below(&key, out),
                Node::Leaf(value) => {
                    json::leaves(&key, value, &mut |key, value| out.push((key, value.to_owned())));
                }
            }
        }
    }

    /// Visits keys and values in order, with the level they are at; branches have no value.
    pub(super) fn walk(&self, level: usize, each: &mut dyn FnMut(usize, &str, Option<&str>)) {
        for (key, node) in &self.0 {
            match node {
                Node::Leaf(value) => each(level, key, Some(value)),
                Node::Branch(tree) => {
                    each(level, key, None);
                    tree.walk(level + 1, each);
                }
            }
        }
    }

    /// The tree without the keys that W&B keeps for itself.
    pub(super) fn drop_own(&mut self) {
        self.0.retain(|key, _| key != "_wandb");
    }

    /// One JSON object.
    pub(super) fn to_json(&self) -> String {
        let mut out = String::from("{");
        for (key, node) in &self.0 {
            if out.len() > 1 {
                out.push(',');
            }
            out.push_str(&json::quoted(key));
            out.push(':');
            match node {
                Node::Leaf(value) => out.push_str(value),
                Node::Branch(tree) => out.push_str(&tree.to_json()),
            }
        }
        out.push('}');
        out
    }
}

/// The path of an item; of bounded length, whatever the log says.
fn path(item: &Item) -> Vec<String> {
    let mut path: Vec<String> = item.path().take(DEPTH - 1).map(str::to_owned).collect();
    let rest: Vec<&str> = item.path().skip(DEPTH - 1).collect();
    if !rest.is_empty() {
        path.push(rest.join("."));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(path: &[&str], value: &str) -> Item {
        let nested_key = path.iter().map(|&part| part.to_owned()).collect();
        Item { nested_key, value_json: value.to_owned(), ..Item::default() }
    }

    #[test]
    fn config_merges_and_summary_replaces() {
        let (mut config, mut summary) = (Tree::default(), Tree::default());
        for (path, value) in [(&["k"][..], r#"{"p": 1}"#), (&["k", "q"], "2"), (&["bad"], "{")] {
            config.merge(&item(path, value));
            summary.set(&item(path, value));
        }
        assert_eq!(config.to_json(), r#"{"k":{"p":1,"q":2}}"#);
        assert_eq!(summary.to_json(), r#"{"k":{"q":2}}"#);
        summary.remove(&item(&["k", "q"], ""));
        assert_eq!(summary.to_json(), r#"{"k":{}}"#);
    }

    #[test]
    fn long_paths_are_bounded() {
        let mut tree = Tree::default();
        let long: Vec<&str> = std::iter::repeat_n("a", 100_000).collect();
        tree.set(&item(&long, "1"));
        assert_eq!(tree.leaves().len(), 1);
    }
}
