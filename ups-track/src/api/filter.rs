//! Which runs: conditions, in the form of `MongoDB` that the server takes.

use std::ops::{BitAnd, BitOr, Not};

use serde_json::{Map, Value, json};

use super::error::{Error, Result};

/// A condition on runs, for [`RunsQuery::filter`](super::RunsQuery::filter).
///
/// Conditions are put together with `&`, `|` and `!`. A condition on a value that a run does not have does not hold,
/// but those of [`ne`](FilterField::ne), [`none_of`](FilterField::none_of) and
/// [`exists`](FilterField::exists)`(false)` do.
///
/// ```
/// use ups_track::api::Filter;
///
/// let baseline = Filter::state("finished") & Filter::tag("baseline");
/// let good = Filter::config("lr").lt(0.1) & !Filter::summary("eval/nrmse").gt(0.2);
/// assert_eq!(
///     (baseline & good).to_string(),
///     r#"{"$and":[{"state":"finished"},{"tags":"baseline"},{"config.lr":{"$lt":0.1}},{"$nor":[{"summary_metrics.eval/nrmse":{"$gt":0.2}}]}]}"#
/// );
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a filter does nothing until it is given to a query"]
pub struct Filter(std::result::Result<Map<String, Value>, Fault>);

/// What is wrong with a filter, told when it is used.
#[derive(Debug, Clone, PartialEq)]
struct Fault {
    value: String,
    rule: &'static str,
}

impl Default for Filter {
    fn default() -> Self {
        Self::everything()
    }
}

impl Filter {
    /// Every run.
    pub fn everything() -> Self {
        Self(Ok(Map::new()))
    }

    /// Runs in a state: `running`, `finished`, `failed`, `crashed`, `killed`, `preempting`, `preempted`, `pending`.
    pub fn state(state: &str) -> Self {
        Self::field("state").eq(state)
    }

    /// Runs with a tag.
    pub fn tag(tag: &str) -> Self {
        Self::field("tags").eq(tag)
    }

    /// Runs of a group.
    pub fn group(group: &str) -> Self {
        Self::field("group").eq(group)
    }

    /// Runs with a job type.
    pub fn job_type(job_type: &str) -> Self {
        Self::field("jobType").eq(job_type)
    }

    /// Runs with a name: the one for people, which several may have.
    pub fn name(name: &str) -> Self {
        Self::field("displayName").eq(name)
    }

    /// The run with an id.
    pub fn id(id: &str) -> Self {
        Self::field("name").eq(id)
    }

    /// Runs that were created at this time or later: ISO 8601 in UTC, `2026-01-31T12:00:00Z`.
    pub fn created_since(time: &str) -> Self {
        Self::field("createdAt").gte(time)
    }

    /// A value of the config, for a condition on it; a dot leads into a nested value.
    pub fn config(key: &str) -> FilterField {
        FilterField { field: format!("config.{key}"), named: !key.is_empty() }
    }

    /// A value of the summary, for a condition on it; a dot leads into a nested value.
    pub fn summary(key: &str) -> FilterField {
        FilterField { field: format!("summary_metrics.{key}"), named: !key.is_empty() }
    }

    /// Any field, under the name that the server has for it: `createdAt`, `displayName`, `username`, ….
    pub fn field(field: &str) -> FilterField {
        FilterField { field: field.to_owned(), named: !field.is_empty() && !field.starts_with('$') }
    }

    /// Runs for which all of the conditions hold; every run if there are none.
    pub fn all(filters: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for filter in filters {
            match filter.0 {
                Err(fault) => return Self(Err(fault)),
                Ok(filter) => all.extend(conditions(filter)),
            }
        }
        Self(Ok(match all.len() {
            0 | 1 => all.pop().unwrap_or_default(),
            _ => object("$and", all.into()),
        }))
    }

    /// Runs for which any of the conditions holds; no run if there are none.
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Self {
        Self(list(filters).map(|any| match any.len() {
            // What never holds. A server does not take an empty list.
            0 => object("$nor", json!([{}])),
            _ => object("$or", any.into()),
        }))
    }

    /// Runs for which none of the conditions holds; every run if there are none.
    pub fn none(filters: impl IntoIterator<Item = Self>) -> Self {
        Self(list(filters).map(|none| match none.len() {
            0 => Map::new(),
            _ => object("$nor", none.into()),
        }))
    }

    /// A condition as W&B's Python client takes it, for what this type has no word for.
    ///
    /// ```
    /// use ups_track::api::Filter;
    ///
    /// let filter = Filter::from_json(serde_json::json!({"config.lr": {"$gt": 0.1}, "group": "nightly"}))?;
    /// # Ok::<(), ups_track::api::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it is not an object.
    pub fn from_json(filter: Value) -> Result<Self> {
        match filter {
            Value::Object(filter) => Ok(Self(Ok(filter))),
            other => Err(Error::argument("filter", &other.to_string(), "must be a JSON object")),
        }
    }

    /// The text for the server.
    pub(super) fn json(&self) -> Result<String> {
        match &self.0 {
            Ok(filter) => Ok(serde_json::to_string(filter).unwrap_or_default()),
            Err(fault) => Err(Error::argument("filter", &fault.value, fault.rule)),
        }
    }
}

/// The filter as the server takes it, or what is wrong with it.
impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.json() {
            Ok(json) => f.write_str(&json),
            Err(error) => write!(f, "{error}"),
        }
    }
}

impl BitAnd for Filter {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self::all([self, other])
    }
}

impl BitOr for Filter {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self::any([self, other])
    }
}

impl Not for Filter {
    type Output = Self;

    fn not(self) -> Self {
        // Not `none`: that no run is none of nothing is another rule.
        Self(list([self]).map(|one| object("$nor", one.into())))
    }
}

fn object(key: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), value)])
}

fn list(filters: impl IntoIterator<Item = Filter>) -> std::result::Result<Vec<Value>, Fault> {
    filters.into_iter().map(|filter| filter.0.map(Value::Object)).collect()
}

/// The conditions that must all hold: a plain `$and` is taken apart, so that `a & b & c` is one list.
fn conditions(mut filter: Map<String, Value>) -> Vec<Map<String, Value>> {
    if filter.is_empty() {
        return Vec::new();
    }
    if filter.len() == 1
        && let Some(Value::Array(all)) = filter.get_mut("$and")
        && !all.is_empty()
        && all.iter().all(Value::is_object)
    {
        let taken = std::mem::take(all).into_iter();
        return taken.filter_map(|one| if let Value::Object(one) = one { Some(one) } else { None }).collect();
    }
    vec![filter]
}

/// A field of a run, of which a method makes a [`Filter`].
#[derive(Debug, Clone)]
#[must_use = "a field is no condition yet"]
pub struct FilterField {
    field: String,
    named: bool,
}

impl FilterField {
    /// The field has this value. For a list, such as the tags: it holds this value.
    pub fn eq(self, value: impl Into<Value>) -> Filter {
        match value.into() {
            // In place of a value an object would be taken for conditions.
            Value::Object(object) => self.compare("$eq", object.into()),
            value => self.condition(value),
        }
    }

    /// The field does not have this value.
    pub fn ne(self, value: impl Into<Value>) -> Filter {
        self.compare("$ne", value.into())
    }

    /// The field is below the value.
    pub fn lt(self, value: impl Into<Value>) -> Filter {
        self.order("$lt", value.into())
    }

    /// The field is the value or below it.
    pub fn lte(self, value: impl Into<Value>) -> Filter {
        self.order("$lte", value.into())
    }

    /// The field is above the value.
    pub fn gt(self, value: impl Into<Value>) -> Filter {
        self.order("$gt", value.into())
    }

    /// The field is the value or above it.
    pub fn gte(self, value: impl Into<Value>) -> Filter {
        self.order("$gte", value.into())
    }

    /// The field has one of these values.
    pub fn one_of(self, values: impl IntoIterator<Item = impl Into<Value>>) -> Filter {
        self.compare("$in", values.into_iter().map(Into::into).collect())
    }

    /// The field has none of these values.
    pub fn none_of(self, values: impl IntoIterator<Item = impl Into<Value>>) -> Filter {
        self.compare("$nin", values.into_iter().map(Into::into).collect())
    }

    /// The field is there, or is not.
    pub fn exists(self, exists: bool) -> Filter {
        self.compare("$exists", exists.into())
    }

    /// The field is a text in which this regular expression (RE2) is found.
    pub fn matches(self, regex: &str) -> Filter {
        self.compare("$regex", regex.into())
    }

    fn order(self, operator: &str, value: Value) -> Filter {
        if value.is_number() || value.is_string() {
            return self.compare(operator, value);
        }
        let value = format!("{}: {value}", self.field);
        Filter(Err(Fault { value, rule: "compares with what is neither a finite number nor a text" }))
    }

    fn compare(self, operator: &str, value: Value) -> Filter {
        self.condition(object(operator, value).into())
    }

    fn condition(self, value: Value) -> Filter {
        if self.named {
            Filter(Ok(object(&self.field, value)))
        } else {
            let rule = "is on a field without a name, or with one that begins with `$`";
            Filter(Err(Fault { value: self.field, rule }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_is_one_list_and_everything_is_nothing() {
        let (a, b, c) = (Filter::tag("a"), Filter::tag("b"), Filter::tag("c"));
        let text = r#"{"$and":[{"tags":"a"},{"tags":"b"},{"tags":"c"}]}"#;
        assert_eq!((a.clone() & b.clone() & c.clone()).to_string(), text);
        assert_eq!((a.clone() & (b & c)).to_string(), text);
        assert_eq!((a.clone() & Filter::everything()), a);
        assert_eq!(Filter::all([]), Filter::everything());
        assert_eq!(Filter::none([]), Filter::everything());
        assert_eq!(Filter::any([]).to_string(), r#"{"$nor":[{}]}"#);
        assert_eq!((!Filter::everything()).to_string(), r#"{"$nor":[{}]}"#);
    }

    #[test]
    fn what_cannot_be_meant_is_an_error() {
        for (bad, words) in [
            (Filter::config("lr").lt(f64::NAN), "config.lr: null"),
            (Filter::config("").eq(1), "without a name"),
            (Filter::field("$where").eq("1"), "begins with `$`"),
            (
                Filter::tag("a") & !(Filter::tag("b") | Filter::summary("x").gt(true)),
                "summary_metrics.x: true",
            ),
        ] {
            let said = bad.to_string();
            assert!(bad.json().is_err() && said.contains(words), "{said}");
        }
        assert!(Filter::from_json(json!([1])).is_err());
    }

    #[test]
    fn a_value_is_never_an_operator() {
        let filter = Filter::config("opt").eq(json!({"$gt": 1}));
        assert_eq!(filter.to_string(), r#"{"config.opt":{"$eq":{"$gt":1}}}"#);
    }
}
