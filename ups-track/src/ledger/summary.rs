//! The summary: what it holds, when it is written, and the same for people at the end of the run.

use super::key::{Key, Setter};
use super::{Ledger, display, item};
use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;
use crate::log::encode;
use crate::log::record::{self, Kind};
use crate::recorder::StageStatus;
use crate::say;

/// What keys of ours begin with where the program may have its own.
const OURS: &str = "ups_track/";

impl Ledger {
    /// The program sets a summary value.
    pub(super) fn set_summary(&mut self, name: &str, value: Scalar) {
        let number = if let Scalar::Number(number) = value { Some(number) } else { None };
        let index = self.key(name);
        let Some(key) = self.keys.get_mut(index as usize) else { return };
        let found = key.explicit.replace(value).filter(|_| key.setter == Setter::Found);
        key.setter = Setter::Program;
        key.changed = true;
        self.summary_changed = true;
        if let Some(number) = number.filter(|number| key.judge(*number)) {
            self.alert_not_finite(index, format!("`{name}` is {} in the summary", display(number)));
        }
        if let Some(found) = found {
            self.note(name, found);
        }
    }

    /// Notes what was found out beside what the program sets. A key under which the program has a value is the program's:
    /// ours then stands under `ups_track/<key>`.
    pub(super) fn note(&mut self, name: &str, value: Scalar) {
        let mut index = self.key(name);
        if !name.starts_with(OURS) && self.keys.get(index as usize).is_some_and(Key::is_the_programs) {
            let aside = format!("{OURS}{name}");
            if !self.by_name.contains_key(aside.as_str()) {
                say::warning(&format!(
                    "`{name}` is a value of the program; what ups-track keeps under this name is in the summary as `{aside}`"
                ));
            }
            index = self.key(&aside);
        }
        if let Some(key) =
            self.keys.get_mut(index as usize).filter(|key| key.explicit.as_ref() != Some(&value))
        {
            key.explicit = Some(value);
            key.setter = Setter::Found;
            key.changed = true;
            self.summary_changed = true;
        }
    }

    /// Values of ours under keys that the program has begun to log since then.
    fn make_way(&mut self) {
        let mut found = Vec::new();
        for key in self.keys.iter_mut().filter(|key| key.setter == Setter::Found && key.last.is_some()) {
            if let Some(value) = key.explicit.take_if(|_| !key.name.starts_with(OURS)) {
                key.setter = Setter::Program;
                key.changed = true;
                found.push((key.name.to_string(), value));
            }
        }
        for (name, value) in found {
            self.note(&name, value);
        }
    }

    /// Turns what stages and counters say into summary values.
    fn settle_derived(&mut self) {
        let mut derived: Vec<(String, Scalar)> = Vec::new();
        for book in self.stages.iter_mut().flatten() {
            let stage = &book.stage;
            let calls = stage.calls();
            if book.told.is_none_or(|told| told != calls) {
                book.told = Some(calls);
                derived.push((
                    stage.key("status"),
                    Scalar::from(calls.status.map_or("running", StageStatus::as_str)),
                ));
                if calls.count > 0 {
                    derived.push((stage.key("duration_s"), Scalar::from(calls.seconds)));
                }
                if calls.count > 1 {
                    derived.push((stage.key("calls"), Scalar::from(calls.count)));
                }
            }
            for best in book.bests.iter_mut().filter(|best| best.changed) {
                best.changed = false;
                let short = |index: u32| {
                    let name = self.keys.get(index as usize).map_or("", |key| &*key.name);
                    name.get(stage.path.len() + 1..).unwrap_or(name)
                };
                let metric = short(best.metric);
                for (key, number) in &best.row {
                    let name = match *key {
                        key if key == best.metric => stage.key(&format!("best_{metric}")),
                        key => stage.key(&format!("best_{metric}/{}", short(key))),
                    };
                    derived.push((name, Scalar::Number(*number)));
                }
            }
        }
        // A shard's run counts them itself, when it merges the rows.
        for key in self.keys.iter().filter(|key| key.not_finite() > 0 && !self.is_shard) {
            derived.push((format!("ups_track/not_finite/{}", key.name), Scalar::from(key.not_finite())));
        }
        for (what, count) in &self.refused {
            derived.push((format!("ups_track/refused/{what}"), Scalar::from(*count)));
        }
        if self.warned > 0 {
            derived.push(("ups_track/warnings".to_owned(), Scalar::from(self.warned)));
        }
        self.make_way();
        for (name, value) in derived {
            self.note(&name, value);
        }
    }

    /// Writes a summary record with everything that has changed since the last one; `now` is a moment of the run's time.
    pub(crate) fn write_summary(&mut self, now: u64) {
        let stages_changed = self.stages.iter().flatten().any(|book| book.told != Some(book.stage.calls()));
        if self.summary_changed || stages_changed {
            self.write_last_summary(now);
        }
    }

    /// The same at the end of the run, whether or not anything has changed: the run time has.
    pub(crate) fn write_last_summary(&mut self, now: u64) {
        self.summary_changed = false;
        self.summary_set = false;
        self.settle_derived();
        let explicit_only = self.is_shard;
        let mut update = self.take_changed(explicit_only);
        if !self.is_shard {
            update.extend(self.own_summary(now).into_iter().map(|(path, json)| item(path, json)));
        }
        self.append_summary(update);
    }

    /// Writes the values that were set as summary values since the last summary record, so that they are as safe as
    /// rows.
    pub(crate) fn write_set_summary(&mut self) {
        if std::mem::take(&mut self.summary_set) {
            let update = self.take_changed(true);
            self.append_summary(update);
        }
    }

    fn append_summary(&mut self, update: Vec<record::Item>) {
        if !update.is_empty() {
            self.output.append(Kind::Summary(record::Summary { update, remove: Vec::new() }));
        }
    }

    /// What has changed, or as much of it as was set as a summary value.
    fn take_changed(&mut self, explicit_only: bool) -> Vec<record::Item> {
        let mut update = Vec::new();
        let wanted = |key: &&mut Key| key.changed && (key.explicit.is_some() || !explicit_only);
        for key in self.keys.iter_mut().filter(wanted) {
            key.changed = false;
            let mut json = Vec::new();
            if key.write_summary(&mut json) {
                update.push(item([key.name.to_string()], json));
            }
        }
        update
    }

    /// W&B's own summary values.
    fn own_summary(&self, now: u64) -> Vec<(Vec<String>, Vec<u8>)> {
        let seconds = self.time.elapsed(now) / 1_000_000_000;
        let json = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            out
        };
        let runtime = json(&|out| encode::number(out, Number::U64(seconds)));
        let mut own = vec![
            (vec!["_wandb".to_owned(), "runtime".to_owned()], runtime.clone()),
            (vec!["_runtime".to_owned()], runtime),
        ];
        if self.next_step > 0 {
            let step = json(&|out| encode::number(out, Number::U64(self.next_step - 1)));
            let time = json(&|out| encode::seconds(out, self.last_time / 1_000_000));
            own.push((vec!["_step".to_owned()], step));
            own.push((vec!["_timestamp".to_owned()], time));
        }
        own
    }

    /// The summary as it was last written, as one JSON object in the form of `wandb-summary.json`.
    pub(crate) fn summary_json(&self, now: u64) -> Vec<u8> {
        let mut out = vec![b'{'];
        for key in &self.keys {
            let before = out.len();
            encode::json_text(&mut out, &key.name);
            out.push(b':');
            if key.write_summary(&mut out) {
                out.push(b',');
            } else {
                out.truncate(before);
            }
        }
        for (path, json) in self.own_summary(now) {
            encode::json_text(&mut out, path.first().map_or("", String::as_str));
            out.push(b':');
            if let Some(inner) = path.get(1) {
                out.push(b'{');
                encode::json_text(&mut out, inner);
                out.push(b':');
                out.extend_from_slice(&json);
                out.push(b'}');
            } else {
                out.extend_from_slice(&json);
            }
            out.push(b',');
        }
        out.pop();
        out.push(b'}');
        out
    }

    /// Sets the counter of data that was dropped, so that the summary tells of it.
    pub(crate) fn set_dropped(&mut self, dropped: u64) {
        if dropped > 0 {
            self.note("ups_track/dropped", Scalar::from(dropped));
        }
    }
}
