//! What the server was told of a run, and what others have made of it since: a person on its page, another process.
//!
//! Nothing that others have written is written over, unless the program has said something new since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Described;
use super::changes::{Change, changes, is_same};
use super::described::Names;
use crate::log::record::Item;
use crate::upload::server::operations::Past;

/// The texts that describe a run, by their names in the mutation.
const TEXTS: [&str; 9] =
    ["displayName", "notes", "groupName", "jobType", "commit", "host", "program", "repo", "sweep"];

/// Those of them that a person writes, and that a server tells.
const OF_PEOPLE: [&str; 2] = ["displayName", "notes"];

/// What a log says of its run at one of its records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    texts: BTreeMap<String, String>,
    tags: Vec<String>,
    /// Tags that other logs of the run have told.
    #[serde(default)]
    earlier: Vec<String>,
    /// JSON, of each value as it is.
    config: String,
    /// What W&B keeps in the config.
    internal: String,
    /// What people have made of the config, beside what the program has said.
    #[serde(default)]
    edited: Vec<Change>,
    /// Describing records up to this one.
    records: u64,
}

/// What is known of what the server was told before.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    /// It does not have the run.
    New,
    /// By this log, last.
    Own(Told),
    /// By another log of the run.
    Other(Told),
    /// This log was sent before, and nobody remembers how far: what it says at its beginning.
    Guess(Told),
    /// This log was sent before, as a whole.
    All,
    /// It has the run from somebody else.
    Unknown,
}

impl Base {
    /// The same, of a server that has lost the config.
    pub(crate) fn without_config(self) -> Self {
        let without = |told| Told { config: String::new(), ..told };
        match self {
            Self::Own(told) => Self::Own(without(told)),
            Self::Other(told) => Self::Other(without(told)),
            Self::Guess(told) => Self::Guess(without(told)),
            base => base,
        }
    }

    fn told(&self) -> Option<&Told> {
        match self {
            Self::Own(told) | Self::Other(told) | Self::Guess(told) => Some(told),
            Self::New | Self::All | Self::Unknown => None,
        }
    }
}

impl Told {
    /// What was told, now that this is: by a log of the run after others, or again by the same.
    pub(crate) fn after(mut self, base: &Base) -> Self {
        let Some(before) = base.told() else { return self };
        for (name, text) in &before.texts {
            self.texts.entry(name.clone()).or_insert_with(|| text.clone());
        }
        self.earlier.clone_from(&before.earlier);
        if let Base::Other(told) = base {
            add(&mut self.earlier, &told.tags);
        }
        self
    }

    /// Whether this tag is one that nobody has told.
    fn is_new(&self, tag: &String) -> bool {
        !self.tags.contains(tag) && !self.earlier.contains(tag)
    }
}

impl Described {
    /// What the log says now.
    pub(crate) fn says(&self) -> Told {
        let run = &self.run;
        let git = run.git.clone().unwrap_or_default();
        let job_type = self.changes.job_type.as_ref().unwrap_or(&run.job_type);
        let values = [
            run.display_name.clone(),
            run.notes.clone(),
            run.run_group.clone(),
            job_type.clone(),
            git.commit,
            run.host.clone(),
            self.program().to_owned(),
            crate::secrets::clean(&git.remote_url).into_owned(),
            run.sweep_id.clone(),
        ];
        let texts = TEXTS.into_iter().map(str::to_owned).zip(values).filter(|(_, text)| !text.is_empty());
        let (mut config, mut internal) = (String::new(), String::new());
        self.config.write(&mut config);
        self.internal().write(&mut internal);
        let tags = self.changes.tags(&run.tags);
        let (texts, edited) = (texts.collect(), self.edited.clone());
        Told { texts, tags, earlier: Vec::new(), config, internal, edited, records: self.records }
    }

    /// Whether this log has told more than was read of it again.
    pub(crate) fn is_behind(&self, base: &Base) -> bool {
        matches!(base, Base::Own(told) if self.records < told.records)
    }

    /// Whether there is something to tell.
    pub(crate) fn has_news(&self, base: &Base) -> bool {
        let says = self.says();
        let is_news = |told: &Told| {
            says.texts.iter().any(|(name, text)| told.texts.get(name) != Some(text))
                || (&says.tags, &says.config, &says.internal) != (&told.tags, &told.config, &told.internal)
        };
        !matches!(base, Base::All) && !self.is_behind(base) && base.told().is_none_or(is_news)
    }

    /// Takes over what others have changed in the config since the server was told, and what they have added to the
    /// definitions.
    pub(crate) fn take_theirs(&mut self, base: &Base, there: &Past) {
        self.add_definitions(there);
        let (Some(told), Some(theirs)) = (base.told(), there.plain_config()) else { return };
        if self.edited.is_empty() {
            self.edited.clone_from(&told.edited);
        }
        if let Base::Other(_) = base {
            for change in changes(&told.config, &theirs, &told.config, false) {
                self.note(change);
            }
        }
        let mut mine = String::new();
        self.config.write(&mut mine);
        let yields = matches!(base, Base::Guess(_));
        let is_written_over = self.is_written_over(there);
        for change in changes(&told.config, &theirs, &mine, yields) {
            // What another client has left out, nobody has removed.
            if is_written_over && change.now.is_none() {
                continue;
            }
            self.set(&change);
            self.note(change);
        }
    }

    /// Remembers what the program had said where somebody has changed it.
    fn note(&mut self, change: Change) {
        match self.edited.iter_mut().find(|known| known.path == change.path) {
            Some(known) => known.now = change.now,
            None => self.edited.push(change),
        }
    }

    /// Whether another client has put its config in the place of this one, as W&B's does that does not know of other writers:
    /// people leave alone what W&B keeps there.
    pub(crate) fn is_written_over(&self, there: &Past) -> bool {
        match self.environment_writer() {
            Some(writer) => !there.knows_writer(writer),
            None => self.lacks_definitions(there),
        }
    }

    fn set(&mut self, change: &Change) {
        let Change { path, now, .. } = change;
        if let Some(value) = now {
            self.config.set(&path.iter().map(String::as_str).collect::<Vec<_>>(), value);
        } else {
            let nested_key = path.clone();
            self.config.remove(&Item { key: String::new(), nested_key, value_json: String::new() });
        }
    }

    /// The program has said something of the config. Where it only says again what it has said in an earlier log, what people
    /// have made of that since counts.
    pub(super) fn keep_edited(&mut self) {
        for change in std::mem::take(&mut self.edited) {
            let mine = self.config.text(&change.path);
            let says_again = is_same(mine.as_deref(), change.before.as_deref());
            if says_again {
                self.set(&change);
            }
            if says_again || is_same(mine.as_deref(), change.now.as_deref()) {
                self.edited.push(change);
            }
        }
    }

    /// The variables of the mutation that creates or updates the run. What is null stays as it is.
    pub(crate) fn upsert(&self, target: &Names<'_>, base: &Base, there: Option<&Past>) -> Value {
        let says = self.says();
        let mut variables = json!({
            "id": target.storage_id,
            "name": target.run,
            "project": target.project,
            "entity": target.entity,
            "description": null,
            "config": self.config_to_tell(&says, base),
            "debug": null,
            "state": null,
            "tags": self.tags_to_tell(&says, base, there),
            "summaryMetrics": null,
        });
        if let Value::Object(variables) = &mut variables {
            for name in TEXTS {
                let text = self.text_to_tell(name, &says, base, there);
                variables.insert(name.to_owned(), json!(text));
            }
        }
        variables
    }

    fn text_to_tell<'a>(
        &self,
        name: &str,
        says: &'a Told,
        base: &Base,
        there: Option<&Past>,
    ) -> Option<&'a str> {
        let mine = says.texts.get(name)?;
        let is_of_people = OF_PEOPLE.contains(&name);
        let theirs = there.and_then(|past| past.text(name));
        // A member of another's run has nothing to say of where that one is, and what it is called by.
        let is_foreign = self.is_member && there.is_some() && !is_of_people;
        let tells = match base {
            _ if self.is_behind(base) || is_foreign => false,
            Base::New => true,
            Base::All => name == "jobType" && self.changes.job_type.is_some(),
            // Who goes on with a run finds it as people have left it.
            Base::Unknown => !(is_of_people && theirs.is_some() && (self.run.resume || self.is_member)),
            Base::Own(told) | Base::Other(told) => told.texts.get(name) != Some(mine),
            Base::Guess(told) => {
                let before = told.texts.get(name);
                before != Some(mine) && (!is_of_people || theirs == before.map(String::as_str))
            }
        };
        tells.then_some(mine.as_str())
    }

    fn tags_to_tell(&self, says: &Told, base: &Base, there: Option<&Past>) -> Option<Vec<String>> {
        let theirs = there.and_then(|past| past.tags.clone()).unwrap_or_default();
        let mine = &says.tags;
        let mut tags = self.changes.tags(&theirs);
        match base {
            _ if self.is_behind(base) => return None,
            Base::New | Base::Unknown => add(&mut tags, mine),
            Base::All => {}
            // Another log has other tags, and does not take these away.
            Base::Other(told) => add(&mut tags, mine.iter().filter(|tag| told.is_new(tag))),
            Base::Own(told) | Base::Guess(told) => {
                tags.retain(|tag| mine.contains(tag) || !told.tags.contains(tag));
                add(&mut tags, mine.iter().filter(|tag| told.is_new(tag)));
            }
        }
        (tags != theirs).then_some(tags)
    }

    fn config_to_tell(&self, says: &Told, base: &Base) -> Option<String> {
        let tells = match base {
            _ if self.is_behind(base) => false,
            Base::New | Base::Unknown | Base::Other(_) => true,
            Base::All => false,
            Base::Own(told) | Base::Guess(told) => {
                told.config != says.config || told.internal != says.internal
            }
        };
        tells.then(|| self.full_config().wrapped())
    }
}

/// Adds those that are not there.
fn add<'t>(tags: &mut Vec<String>, more: impl IntoIterator<Item = &'t String>) {
    for tag in more {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::{Value, json};

    use super::{Base, Described};
    use crate::log::record::{Config, Item, Kind, Run};
    use crate::upload::run::Names;
    use crate::upload::server::Target;
    use crate::upload::server::operations::Past;

    fn run(name: &str, tags: &[&str], lr: &str) -> Kind {
        let item = Item { key: "lr".into(), nested_key: Vec::new(), value_json: lr.into() };
        let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        Kind::Run(Box::new(Run {
            run_id: "r".into(),
            display_name: name.into(),
            tags,
            config: Some(Config { update: vec![item], remove: Vec::new() }),
            ..Run::default()
        }))
    }

    fn there(name: &str, tags: &[&str], config: &Value) -> Past {
        let past = json!({"id": "id", "displayName": name, "tags": tags, "config": config.to_string()});
        serde_json::from_value(past).unwrap()
    }

    /// Name, tags and whether a config are told.
    fn told(described: &Described, base: &Base, past: Option<&Past>) -> (Value, Value, bool) {
        let target = Target { entity: "e".into(), project: "p".into(), run: "r".into() };
        let mut variables = described.upsert(&Names::known("id", &target), base, past);
        let mut take = |key: &str| variables.get_mut(key).map(Value::take).unwrap_or_default();
        let (name, tags, config) = (take("displayName"), take("tags"), take("config"));
        assert_eq!((take("project"), take("notes")), (json!("p"), Value::Null));
        (name, tags, !config.is_null())
    }

    #[test]
    fn what_is_told_depends_on_what_was() {
        let mut described = Described::new();
        described.take(run("ours", &["a", "b"], "1"), &[]);
        let past = there("theirs", &["b", "c"], &json!({"lr": {"value": 9}}));
        assert_eq!(told(&described, &Base::New, None), (json!("ours"), json!(["a", "b"]), true));
        // Another run was there; this log begins one, or goes on with it.
        let all = json!(["b", "c", "a"]);
        assert_eq!(told(&described, &Base::Unknown, Some(&past)), (json!("ours"), all.clone(), true));
        described.run.resume = true;
        assert_eq!(told(&described, &Base::Unknown, Some(&past)), (Value::Null, all, true));
        let nothing = (Value::Null, Value::Null, false);
        assert_eq!(told(&described, &Base::All, Some(&past)), nothing);
        let base = Base::Own(described.says());
        assert!(!described.has_news(&base));
        assert_eq!(told(&described, &base, Some(&past)), nothing);
        // A tag is added and one is removed, and what people have made of the rest stays.
        described.take(run("ours", &["a", "d"], "1"), &[]);
        assert!(described.has_news(&base));
        assert_eq!(told(&described, &base, Some(&past)), (Value::Null, json!(["c", "d"]), false));
        described.take(run("new", &[], "7"), &[]);
        assert_eq!(told(&described, &base, Some(&past)).0, json!("new"));
        assert!(!told(&described, &base, Some(&past)).2, "a later run record repeats the first config");
        // From its beginning again, the log says nothing that it has told.
        let mut again = Described::new();
        again.take(run("ours", &["a", "b"], "1"), &[]);
        assert_eq!(told(&again, &Base::Own(described.says()), Some(&past)), nothing);
    }

    #[test]
    fn what_the_program_says_again_is_nothing_new() {
        let mut first = Described::new();
        first.take(run("ours", &["a"], "1"), &[]);
        let base = Base::Other(first.says());
        let past = there("theirs", &["c"], &json!({"lr": {"value": 9}}));
        let mut second = Described::new();
        second.take(run("ours", &["a"], "1"), &[]);
        second.take_theirs(&base, &past);
        assert_eq!(second.config.text(&["lr".to_owned()]).as_deref(), Some("9"));
        assert_eq!(told(&second, &base, Some(&past)), (Value::Null, Value::Null, true));
        let lr = |value: &str| {
            let item = Item { key: "lr".into(), nested_key: Vec::new(), value_json: value.into() };
            Kind::Config(Config { update: vec![item], remove: Vec::new() })
        };
        for (says, is) in [("1", "9"), ("2", "2"), ("1", "1")] {
            second.take(lr(says), &[]);
            assert_eq!(second.config.text(&["lr".to_owned()]).as_deref(), Some(is));
        }
    }
}
