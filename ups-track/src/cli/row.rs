//! One row of the history, as cells.

use std::borrow::Cow;

use crate::json;
use crate::log::record::{History, Item};

/// A key and its value in standard JSON.
pub(super) type Cell = (String, String);

/// The key of an item, nested keys joined with dots.
pub(super) fn key(item: &Item) -> Cow<'_, str> {
    match item.nested_key.as_slice() {
        [] => Cow::Borrowed(&item.key),
        [one] => Cow::Borrowed(one),
        parts => Cow::Owned(parts.join(".")),
    }
}

/// The cells of a row in order. Objects come apart; of a repeated key the last value counts; what is not JSON is
/// skipped.
pub(super) fn cells(row: &History) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::with_capacity(row.item.len());
    let mut simple = true;
    for item in &row.item {
        let Some(value) = json::standard(&item.value_json) else { continue };
        simple &= item.nested_key.len() <= 1 && !value.starts_with('{');
        json::leaves(&key(item), &value, &mut |key, value| cells.push((key, value.to_owned())));
    }
    if !simple || has_repeats(&cells) {
        cells = last_of_each(cells);
    }
    cells
}

fn has_repeats(cells: &[Cell]) -> bool {
    let mut keys: Vec<&str> = cells.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair.first() == pair.last())
}

fn last_of_each(cells: Vec<Cell>) -> Vec<Cell> {
    let mut index = std::collections::HashMap::new();
    let mut unique: Vec<Cell> = Vec::with_capacity(cells.len());
    for (key, value) in cells {
        if let Some(cell) = index.get(&key).and_then(|at: &usize| unique.get_mut(*at)) {
            cell.1 = value;
        } else {
            index.insert(key.clone(), unique.len());
            unique.push((key, value));
        }
    }
    unique
}

/// Draws together the cells of images, tables and other media (`img._type`, `img.path`, …) into one that says what it
/// is and where.
pub(super) fn collapse(cells: Vec<Cell>) -> Vec<Cell> {
    let media: Vec<(String, String)> = cells
        .iter()
        .filter_map(|(key, value)| {
            let name = key.strip_suffix("._type")?;
            let kind = json::text(value)?;
            let path_key = format!("{name}.path");
            let path = cells.iter().find(|(key, _)| *key == path_key).and_then(|(_, path)| json::text(path));
            Some((
                name.to_owned(),
                json::quoted(&path.map_or_else(|| kind.clone(), |path| format!("{kind} {path}"))),
            ))
        })
        .collect();
    if media.is_empty() {
        return cells;
    }
    let mut out: Vec<Cell> = Vec::new();
    for (key, value) in cells {
        let of = media
            .iter()
            .find(|(name, _)| key.strip_prefix(name.as_str()).is_some_and(|k| k.starts_with('.')));
        match of {
            None => out.push((key, value)),
            Some(medium) if out.contains(medium) => {}
            Some(medium) => out.push(medium.clone()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(path: &[&str], value: &str) -> Item {
        let nested_key = path.iter().map(|&part| part.to_owned()).collect();
        Item { nested_key, value_json: value.to_owned(), ..Item::default() }
    }

    #[test]
    fn rows_come_flat() {
        let item = vec![
            item(&["a"], "1"),
            item(&["b", "c"], "NaN"),
            item(&["d"], r#"{"e": [1, 2]}"#),
            item(&["bad"], "{"),
            item(&["a"], "2"),
        ];
        let cells = cells(&History { item, step: None });
        let cells: Vec<_> = cells.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(cells, [("a", "2"), ("b.c", r#""NaN""#), ("d.e", "[1,2]")]);
    }

    #[test]
    fn media_are_one_cell() {
        let cell = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        let cells = vec![
            cell("x", "1"),
            cell("img.size", "9"),
            cell("img._type", "\"image-file\""),
            cell("img.path", "\"media/a.png\""),
        ];
        assert_eq!(collapse(cells), [cell("x", "1"), cell("img", "\"image-file media/a.png\"")]);
    }
}
