//! Rows: completing, observing and writing them, and defining what they are charted against.

use std::sync::Arc;

use super::definitions;
use super::{Ledger, display};
use crate::kinds::alert::{Alert, AlertLevel};
use crate::kinds::metric::Number;
use crate::log::encode;
use crate::log::splice::{self, RUNTIME, STEP, TIMESTAMP};
use crate::recorder::{Definition, RowView, Stage};
use crate::say;

impl Ledger {
    /// Writes a row out of a lane.
    pub(crate) fn row(&mut self, view: RowView<'_>) {
        let mut row = std::mem::take(&mut self.row);
        row.clear();
        let index = view.plan as usize;
        let Some(plan) = self.plans.get(index) else {
            // Plans are learnt before rows are read, and are made before rows are pushed.
            self.row = row;
            return self.refuse("row without plan");
        };
        let stage = Arc::clone(&plan.plan.stage);
        let has_step = plan.plan.has_step();
        let mut stale = plan.version != self.version;
        for (slot, number) in view.iter() {
            if let Some(Some(key)) = plan.keys.get(slot) {
                row.push((*key, number));
                // An optional value may come for the first time in any row.
                stale |= self.keys.get(*key as usize).is_some_and(|key| !key.defined);
            }
        }
        // A row that lacks optional values may need other step metrics than the one before.
        stale |= row.len() != plan.keys.len() && self.definitions.have_steps();
        if stale {
            self.refresh(index, &stage, &row);
        }
        let inserts = self.plans.get_mut(index).map(|p| std::mem::take(&mut p.inserts)).unwrap_or_default();
        self.finish_row(&mut row, &stage, has_step, &inserts, view.time);
        if let Some(plan) = self.plans.get_mut(index) {
            plan.inserts = inserts;
        }
        self.row = row;
    }

    /// Brings a plan up to date with the definitions.
    fn refresh(&mut self, index: usize, stage: &Arc<Stage>, row: &[(u32, Number)]) {
        self.define_row(stage, row);
        let inserts = self.missing_steps(row);
        if let Some(plan) = self.plans.get_mut(index) {
            plan.inserts = inserts;
            plan.version = self.version;
        }
    }

    pub(super) fn dynamic_row(
        &mut self,
        stage: &Arc<Stage>,
        step: Option<Number>,
        values: Vec<(String, Number)>,
        time: u64,
    ) {
        let mut row: Vec<_> = values.into_iter().map(|(name, number)| (self.key(&name), number)).collect();
        if let Some(step) = step {
            row.push((self.key(&stage.step_key()), step));
        }
        self.define_row(stage, &row);
        let inserts = self.missing_steps(&row);
        self.finish_row(&mut row, stage, step.is_some(), &inserts, time);
    }

    /// Step metrics that definitions demand of the row's keys and that the row lacks.
    fn missing_steps(&self, row: &[(u32, Number)]) -> Vec<u32> {
        let mut missing = Vec::new();
        for (key, _) in row {
            let Some(step) = self.keys.get(*key as usize).and_then(|key| key.step) else { continue };
            if !row.iter().any(|(key, _)| *key == step) && !missing.contains(&step) {
                missing.push(step);
            }
        }
        missing
    }

    /// Completes, observes and writes a row.
    fn finish_row(
        &mut self,
        row: &mut Vec<(u32, Number)>,
        stage: &Arc<Stage>,
        has_step: bool,
        inserts: &[u32],
        time: u64,
    ) {
        if row.is_empty() {
            return;
        }
        if !has_step && !stage.is_root() {
            // Kept with the stage's last step, so that the chart has it.
            let step = self.stage(stage).step;
            let last = self.keys.get(step as usize).and_then(|key| key.last).unwrap_or(Number::U64(0));
            row.push((step, last));
        }
        for step in inserts {
            if row.iter().all(|(key, _)| key != step) {
                let last = self.keys.get(*step as usize).and_then(|key| key.last).map_or(0.0, Number::as_f64);
                row.push((*step, Number::F64(last)));
            }
        }
        self.items.clear();
        let mut not_finite = Vec::new();
        for (index, number) in row.iter() {
            let Some(key) = self.keys.get_mut(*index as usize) else { continue };
            encode::history_item(&mut self.items, &key.encoded, |out| encode::number(out, *number));
            if key.observe(*number) {
                not_finite.push((*index, *number));
            }
        }
        self.mark_row(row);
        self.write_row(time, None);
        if let Some(Some(book)) = self.stages.get_mut(stage.id as usize) {
            for best in &mut book.bests {
                best.offer(row);
            }
        }
        for (key, number) in not_finite {
            let mut text = format!("`{}` is {}", self.name(key), display(number));
            let step = stage.step_key();
            if let Some((_, at)) = row.iter().find(|(k, _)| *self.name(*k) == *step) {
                text = format!("{text} at {step} {}", display(*at));
            }
            self.alert_not_finite(key, text);
        }
    }

    /// Writes the items as the next row, of this moment of the run's time; `uuid` tells which row of a child it was.
    pub(super) fn write_row(&mut self, time: u64, uuid: Option<&str>) {
        let runtime = self.time.elapsed(time) / 1_000_000;
        let wall = self.time.wall(time);
        encode::history_item(&mut self.items, RUNTIME, |out| encode::seconds(out, runtime));
        encode::history_item(&mut self.items, TIMESTAMP, |out| encode::seconds(out, wall / 1_000_000));
        encode::history_item(&mut self.items, STEP, |out| encode::number(out, Number::U64(self.next_step)));
        encode::history_record(&mut self.record, self.output.next_number(), &self.items);
        if let Some(uuid) = uuid {
            splice::push_uuid(&mut self.record, uuid);
            self.output.append_merged_row(&self.record);
        } else {
            self.output.append_row(&self.record);
        }
        self.next_step += 1;
        self.last_time = wall;
        self.summary_changed = true;
    }

    pub(super) fn alert_not_finite(&mut self, key: u32, text: String) {
        let name = self.name(key);
        say::warning(&format!("{text}; it is recorded, and further ones are counted"));
        self.alert(&Alert::new(format!("{name} is not finite")).text(text).level(AlertLevel::Warn));
    }

    /// Defines what a row's keys are charted against, the first time they are seen.
    fn define_row(&mut self, stage: &Arc<Stage>, row: &[(u32, Number)]) {
        if !stage.is_root() {
            self.stage(stage);
        }
        let step = stage.step_key();
        let has_step = row.iter().any(|(key, _)| *self.name(*key) == *step);
        // A prefix definition of an outer stage holds for this key too, and which one the server takes is not known;
        // and none holds for a key with a dot. Such a key gets a definition of its own.
        let nested = stage.path.contains('/');
        for (index, _) in row {
            let Some(key) = self.keys.get_mut(*index as usize) else { continue };
            if std::mem::replace(&mut key.defined, true) || *key.name == *step {
                continue;
            }
            let name = key.name.to_string();
            let definition = self.definitions.of(&name);
            let undefined = if nested || name.contains('.') && !stage.is_root() {
                definition.is_none_or(|d| d.name != name)
            } else {
                stage.is_root() && has_step && definition.is_none_or(|d| d.step.is_none())
            };
            if undefined {
                if stage.is_root() {
                    self.define_once(&Definition { name: step.clone(), ..Definition::default() });
                }
                self.output.append(definitions::record(&Definition {
                    name,
                    step: Some(step.clone()),
                    ..Definition::default()
                }));
            }
        }
    }
}
