//! GraphQL operations, taken apart: what the real client sends, and whether another's operation is a part of that.

mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::sync::OnceLock;

use graphql_parser::query::{
    self, Definition, FragmentDefinition, OperationDefinition, Selection, SelectionSet, TypeCondition, Value,
    VariableDefinition,
};
use serde_json::Value as Json;

/// What the operations of the real client are made of, as far as the test server knows them. The interoperability test
/// `operations` compares them with the client itself.
const FACTS: &str = include_str!("facts.txt");

/// One operation, as the parts that it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// `query` or `mutation`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The variables with their types and defaults, the fields with the path to them, and the arguments of fields, each of
    /// them one line.
    pub parts: BTreeSet<String>,
    variables: BTreeMap<String, (String, bool)>,
}

type Fragments<'a, 'b> = BTreeMap<&'a str, &'b FragmentDefinition<'a, &'a str>>;

impl Operation {
    /// Takes the only operation of a text apart.
    ///
    /// # Errors
    ///
    /// If the text is not GraphQL, or has none or several operations.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document = query::parse_query::<&str>(text).map_err(|error| error.to_string())?;
        let mut fragments = BTreeMap::new();
        let mut operations = Vec::new();
        for definition in &document.definitions {
            match definition {
                Definition::Fragment(fragment) => drop(fragments.insert(fragment.name, fragment)),
                Definition::Operation(operation) => operations.push(operation),
            }
        }
        let [operation] = operations[..] else { return Err("there must be one operation".to_owned()) };
        let (kind, name, variables, selected) = match operation {
            OperationDefinition::Query(query) => {
                ("query", query.name, &query.variable_definitions, &query.selection_set)
            }
            OperationDefinition::Mutation(mutation) => {
                ("mutation", mutation.name, &mutation.variable_definitions, &mutation.selection_set)
            }
            _ => return Err("it must be a query or a mutation".to_owned()),
        };
        let name = name.ok_or("it has no name")?.to_owned();
        let mut parts = BTreeSet::new();
        fields(selected, "", &fragments, &mut parts)?;
        let variables = variables.iter().map(|variable| {
            parts.insert(declared(variable));
            (variable.name.to_owned(), (variable.var_type.to_string(), variable.default_value.is_some()))
        });
        let variables = variables.collect();
        Ok(Self { kind: kind.to_owned(), name, parts, variables })
    }

    /// The root fields.
    #[must_use]
    pub fn roots(&self) -> BTreeSet<&str> {
        let fields = self.parts.iter().map(String::as_str).filter(|part| !part.contains(['$', '.', '(']));
        fields.collect()
    }

    /// What this has that the other does not, which is of the same kind.
    #[must_use]
    pub fn beyond(&self, whole: &Self) -> Vec<&str> {
        if self.kind != whole.kind {
            return vec![&self.kind];
        }
        self.parts.iter().filter(|part| !whole.parts.contains(*part)).map(String::as_str).collect()
    }

    /// What is wrong with values of the variables, by their declared types; none may be one that is not declared.
    #[must_use]
    pub fn wrong_variables(&self, sent: &Json) -> Vec<String> {
        let nothing = serde_json::Map::new();
        let sent = sent.as_object().unwrap_or(&nothing);
        let declared = self.variables.iter().filter(|(name, (kind, has_default))| match sent.get(*name) {
            None => kind.ends_with('!') && !has_default,
            Some(value) => !values::is_of(value, kind),
        });
        let undeclared = sent.keys().filter(|name| !self.variables.contains_key(*name));
        let wrong = declared.map(|(name, (kind, _))| format!("${name} is no {kind}"));
        wrong.chain(undeclared.map(|name| format!("${name} is not declared"))).collect()
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.kind, self.name)?;
        self.parts.iter().try_for_each(|part| writeln!(f, "  {part}"))
    }
}

/// A variable with type and default.
fn declared<'a>(variable: &VariableDefinition<'a, &'a str>) -> String {
    let default = variable.default_value.as_ref().map(|value| format!(" = {value}")).unwrap_or_default();
    format!("${}: {}{default}", variable.name, variable.var_type)
}

/// Adds the fields of a selection, below a path.
fn fields<'a>(
    selected: &SelectionSet<'a, &'a str>,
    above: &str,
    fragments: &Fragments<'a, '_>,
    parts: &mut BTreeSet<String>,
) -> Result<(), String> {
    for item in &selected.items {
        match item {
            Selection::Field(field) => {
                let alias = field.alias.map(|alias| format!("{alias}: ")).unwrap_or_default();
                let path = format!("{above}{alias}{}", field.name);
                for (name, value) in &field.arguments {
                    arguments(&path, name, value, parts);
                }
                fields(&field.selection_set, &format!("{path}."), fragments, parts)?;
                parts.insert(path);
            }
            // A named fragment is of the type that stands there.
            Selection::FragmentSpread(spread) => {
                let fragment = fragments.get(spread.fragment_name);
                let fragment =
                    fragment.ok_or_else(|| format!("there is no fragment {}", spread.fragment_name))?;
                fields(&fragment.selection_set, above, fragments, parts)?;
            }
            Selection::InlineFragment(inline) => {
                let on = match inline.type_condition {
                    Some(TypeCondition::On(name)) => format!("{above}on {name}."),
                    None => above.to_owned(),
                };
                fields(&inline.selection_set, &on, fragments, parts)?;
            }
        }
    }
    Ok(())
}

/// Adds an argument; of an object each of its fields.
fn arguments<'a>(path: &str, name: &str, value: &Value<'a, &'a str>, parts: &mut BTreeSet<String>) {
    if let Value::Object(object) = value {
        for (key, value) in object {
            arguments(path, &format!("{name}.{key}"), value, parts);
        }
    } else {
        let mut part = String::new();
        // Writing into a `String` cannot fail.
        let _ = write!(part, "{path}({name}: {value})");
        parts.insert(part);
    }
}

/// The operations of the real client in the committed facts.
pub fn facts() -> &'static [Operation] {
    static FACTS_READ: OnceLock<Vec<Operation>> = OnceLock::new();
    FACTS_READ.get_or_init(|| {
        let mut facts: Vec<Operation> = Vec::new();
        for line in FACTS.lines().filter(|line| !line.starts_with('#')) {
            if let Some(part) = line.strip_prefix("  ") {
                if let Some(operation) = facts.last_mut() {
                    operation.parts.insert(part.to_owned());
                }
            } else if let Some((kind, name)) = line.split_once(' ') {
                facts.push(Operation {
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                    parts: BTreeSet::new(),
                    variables: BTreeMap::new(),
                });
            }
        }
        facts
    })
}

/// What is wrong with an operation: it must be a part of one of the real client's with its name, and its variables of the types
/// that it says.
///
/// # Errors
///
/// What is wrong.
pub fn check(text: &str, name: &str, variables: &Json) -> Result<(), String> {
    let operation = Operation::parse(text)?;
    if operation.name != name {
        return Err(format!("the operation's name is {}", operation.name));
    }
    let named = facts().iter().filter(|fact| fact.name == name);
    let beyond = named.map(|fact| operation.beyond(fact)).min_by_key(Vec::len);
    match beyond {
        None => return Err("the real client has no operation of this name".to_owned()),
        Some(beyond) if !beyond.is_empty() => {
            return Err(format!("the real client's operation has no {}", beyond.join(", ")));
        }
        Some(_) => {}
    }
    let wrong = operation.wrong_variables(variables);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests end by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operation_comes_apart() {
        let text = "query Q($a: [String!] = [], $b: Int!) { root(in: {x: $a, y: {z: 1}}) { id ...F ... on T { t } } } \
                    fragment F on R { n: name(first: $b) }";
        let operation = Operation::parse(text).unwrap();
        let parts: Vec<_> = operation.parts.iter().map(String::as_str).collect();
        let expected = [
            "$a: [String!] = []",
            "$b: Int!",
            "root",
            "root(in.x: $a)",
            "root(in.y.z: 1)",
            "root.id",
            "root.n: name",
            "root.n: name(first: $b)",
            "root.on T.t",
        ];
        assert_eq!(parts, expected);
        assert_eq!(operation.roots().into_iter().collect::<Vec<_>>(), ["root"]);
        let part = Operation::parse("query Q($b: Int) { root { id other } }").unwrap();
        assert_eq!(part.beyond(&operation), ["$b: Int", "root.other"]);
        assert_eq!(Operation::parse("mutation Q { root }").unwrap().beyond(&operation), ["mutation"]);
        for bad in ["", "query { a }", "query A { a } query B { b }", "query A { ...None }", "query A {"] {
            assert!(Operation::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn variables_are_of_their_types() {
        let text = "query Q($s: String!, $n: Int = 5, $l: [String!]!, $j: JSONString) { a }";
        let wrong = |sent: Json| Operation::parse(text).unwrap().wrong_variables(&sent);
        assert_eq!(wrong(json!({"s": "x", "l": [], "j": null})), [""; 0]);
        assert_eq!(wrong(json!({"s": null, "l": [1]})), ["$l is no [String!]!", "$s is no String!"]);
        assert_eq!(
            wrong(json!({"s": "", "l": ["a"], "n": 1.5, "x": 1})),
            ["$n is no Int", "$x is not declared"]
        );
        assert_eq!(wrong(json!({"s": "", "l": ["a"], "j": {}, "n": 1})), ["$j is no JSONString"]);
    }

    #[test]
    fn facts_are_read_as_they_are_written() {
        let text: String =
            FACTS.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
        assert!(facts().len() > 10);
        assert_eq!(facts().iter().map(ToString::to_string).collect::<String>(), text);
    }

    #[test]
    fn what_the_real_client_would_not_send_is_refused() {
        let fine = "query Viewer { viewer { id entity } }";
        assert_eq!(check(fine, "Viewer", &json!({})), Ok(()));
        for (text, name) in [
            ("query Viewer { viewer { id password } }", "Viewer"),
            ("query Viewer($id: ID) { viewer(id: $id) { id } }", "Viewer"),
            ("mutation Viewer { viewer { id } }", "Viewer"),
            ("query Unknown { viewer { id } }", "Unknown"),
            (fine, "Other"),
        ] {
            assert!(check(text, name, &json!({})).is_err(), "{text}");
        }
    }
}
