//! Rows of metrics: the short way is a plan that the thread has at hand, and the numbers.

use std::panic::Location;
use std::sync::Arc;

use super::refuse::Place;
use super::site::{Seen, Site, is_traced};
use super::values::Shown;
use crate::kinds::cells::Cells;
use crate::kinds::key::{self, KeyFault};
use crate::kinds::metric::{Metrics, Number, Numbers, Shape};
use crate::kinds::scalar::Scalar;
use crate::recorder::{Op, Plan, Recorder, Slot, Stage, force, thread};

/// A row of a call whose keys the macro knows.
pub(crate) fn named(site: &'static Site, values: &[Option<Number>]) {
    let fill = |row: &mut Cells<'_>| {
        for (slot, value) in values.iter().enumerate() {
            if let Some(number) = value {
                row.number(slot, *number);
            }
        }
    };
    if !by_plan(None, site.id(), fill) {
        named_at_length(site, values, fill);
    }
}

/// The event of such a call, for other layers.
pub(crate) fn tell_others(site: &'static Site, values: &[Option<Number>]) {
    site.emit(|| values.iter().map(|value| value.map(Seen::from)).collect());
}

/// Records a row by the plan that the thread has at hand; false if it has none, or the row needs a look.
#[inline]
fn by_plan(recorder: Option<u64>, site: usize, fill: impl Fn(&mut Cells<'_>)) -> bool {
    thread::with(|thread| {
        let uid = recorder.unwrap_or_else(|| thread.force());
        thread.row(uid, site, fill)
    })
    .unwrap_or(false)
}

#[cold]
fn named_at_length(site: &'static Site, values: &[Option<Number>], fill: impl Fn(&mut Cells<'_>)) {
    let place = site.place();
    let Some(recorder) = force::recorder() else { return place.say_nothing_in_force() };
    place.say_other_run(&recorder);
    let stage = thread::stage(&recorder);
    let plan = Planned { recorder: &recorder, stage: &stage, place, site: site.id() };
    let keys: Vec<_> = site.keys().map(Given::of_named).collect();
    if !plan.row(&keys, false, fill) {
        let (mut step, mut rest) = (None, Vec::new());
        for (key, value) in keys.iter().zip(values) {
            match (key, value) {
                (Given::Step, value) => step = *value,
                (Given::Metric(key), Some(number)) => rest.push(((*key).to_owned(), *number)),
                (Given::Metric(_), None) => {}
            }
        }
        one_by_one(&recorder, &stage, place, step, rest);
    }
}

/// What a slot of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given<'a> {
    Step,
    Metric(&'a str),
}

impl<'a> Given<'a> {
    fn of_named(key: &'a str) -> Self {
        if key == "step" { Self::Step } else { Self::Metric(key) }
    }

    fn text(self) -> &'a str {
        match self {
            Self::Step => "step",
            Self::Metric(key) => key,
        }
    }
}

/// A row that gets a plan, so that the next one takes the short way.
pub(crate) struct Planned<'a> {
    pub(crate) recorder: &'a Arc<Recorder>,
    pub(crate) stage: &'a Arc<Stage>,
    pub(crate) place: Place,
    /// What tells rows of these keys apart from others.
    pub(crate) site: usize,
}

impl Planned<'_> {
    /// Records the row; false if it has to be looked at value by value. `made_up` is for keys that only running shows.
    pub(crate) fn row(&self, keys: &[Given<'_>], made_up: bool, fill: impl Fn(&mut Cells<'_>)) -> bool {
        let Some(plan) = self.plan(keys, made_up) else { return false };
        self.say_no_stage(Some(&plan));
        thread::with(|thread| {
            let way = thread.way_into(self.recorder);
            way.learn(self.site, Arc::clone(&plan));
            way.row_by(&plan, fill)
        })
        .unwrap_or(false)
    }

    fn say_no_stage(&self, plan: Option<&Plan>) {
        let Self { recorder, stage, place, .. } = self;
        if stage.is_root() && recorder.root.any_open() && !thread::is_outside(recorder.uid) {
            if let Some(plan) = plan {
                plan.set_said_no_stage();
            }
            place.say_no_stage(recorder);
        }
    }

    /// The plan; none where a key is refused or comes twice: that is counted for every row.
    pub(crate) fn plan(&self, keys: &[Given<'_>], made_up: bool) -> Option<Arc<Plan>> {
        let Self { recorder, stage, place, site } = self;
        if let Some(plan) = recorder.known_plan(*site, stage) {
            let same = !made_up || plan.is_given(keys.iter().map(|key| key.text()));
            return same.then_some(plan);
        }
        let step = keys.contains(&Given::Step).then(|| stage.step_key());
        let mut slots = Vec::with_capacity(keys.len());
        for key in keys {
            let Given::Metric(given) = key else {
                slots.push(Some(Slot::Step));
                continue;
            };
            if key::fault(given).is_some_and(KeyFault::is_refused) {
                return None;
            }
            let full = stage.key(&place.key(recorder, given)?);
            if step.as_ref() == Some(&full) {
                if made_up {
                    return None;
                }
                place.say_step_as_metric(recorder, &full);
                slots.push(None);
            } else {
                slots.push(Some(Slot::Metric(full)));
            }
        }
        if made_up && has_repeated(&slots) {
            return None;
        }
        let given = if made_up { keys.iter().map(|key| key.text().to_owned()).collect() } else { Vec::new() };
        recorder.add_plan(*site, stage, slots, given)
    }
}

fn has_repeated(slots: &[Option<Slot>]) -> bool {
    let mut keys: Vec<_> = slots.iter().flatten().filter_map(Slot::key).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| matches!(pair, [one, other] if one == other))
}

/// A row whose type is forgotten.
pub trait Row {
    /// Calls `each` with every key and number.
    fn visit(&self, each: &mut dyn FnMut(&str, Number));
    /// The keys of all rows of the type, if they are the same for all.
    fn shape(&self) -> Option<Shape>;
    /// The values, in the order of these keys.
    fn numbers(&self, out: &mut Numbers<'_, '_>);
}

impl<T: Metrics + ?Sized> Row for &T {
    fn visit(&self, each: &mut dyn FnMut(&str, Number)) {
        self.visit_metrics(each);
    }
    fn shape(&self) -> Option<Shape> {
        T::SHAPE
    }
    fn numbers(&self, out: &mut Numbers<'_, '_>) {
        Metrics::numbers(*self, out);
    }
}

/// A row whose keys the macro does not know, or not all of them.
pub(crate) struct Call<'a> {
    /// Where it is recorded; the run in force if not given.
    pub(crate) recorder: Option<&'a Arc<Recorder>>,
    /// The step, if the call has one; its value may be absent.
    #[expect(clippy::option_option, reason = "a call with a step, whose value is not there")]
    pub(crate) step: Option<Option<Number>>,
    pub(crate) pairs: &'a [(&'a str, Option<Number>)],
    /// Whether the keys of the pairs are constants.
    pub(crate) fixed: bool,
    pub(crate) rows: &'a [&'a dyn Row],
}

impl Call<'_> {
    /// Records the row. Calls that a macro of the program's expands to are all at one place of it: their keys tell them
    /// apart, constants by their addresses.
    pub(crate) fn record(&self, location: &'static Location<'static>) {
        let mut site = std::ptr::from_ref(location).addr().rotate_left(u32::from(self.step.is_some()));
        let mut mix = |word: usize| site = (site.rotate_left(5) ^ word).wrapping_mul(ODD);
        let mut fixed = self.fixed;
        for (key, _) in self.pairs.iter().filter(|_| fixed) {
            mix(key.as_ptr().addr());
            mix(key.len());
        }
        for row in self.rows {
            match row.shape() {
                Some(shape) => mix(shape.keys as usize),
                None => fixed = false,
            }
        }
        if fixed {
            self.in_order(site, location);
        } else {
            self.by_key(site, location);
        }
        if self.recorder.is_none() && is_traced() {
            self.emit();
        }
    }

    /// The event of a macro for other layers.
    fn emit(&self) {
        let values = self.values().into_iter().map(|(key, number)| (key, Scalar::Number(number)));
        let values: Vec<_> = values.collect();
        let step = self.step.flatten().map(Number::as_f64);
        tracing::trace!(target: "ups_track::metric", step, values = %Shown(&values));
    }

    /// All keys are the same each time: only the numbers are looked at, on their way into the lane.
    fn in_order(&self, site: usize, location: &'static Location<'static>) {
        let fill = |row: &mut Cells<'_>| {
            let mut numbers = Numbers::new(row);
            if let Some(step) = self.step {
                numbers.push(step);
            }
            for (_, number) in self.pairs {
                numbers.push(*number);
            }
            for row in self.rows {
                row.numbers(&mut numbers);
            }
        };
        let uid = self.recorder.map(|recorder| recorder.uid);
        if !by_plan(uid, site, fill) {
            self.at_length(site, location, &fill);
        }
    }

    #[cold]
    fn at_length(&self, site: usize, location: &'static Location<'static>, fill: &dyn Fn(&mut Cells<'_>)) {
        let mut names: Vec<String> = self.pairs.iter().map(|(key, _)| (*key).to_owned()).collect();
        for shape in self.rows.iter().filter_map(|row| row.shape()) {
            (shape.keys)(&mut |key| names.push(key.to_owned()));
        }
        self.settle(site, location, &names, fill, &|| self.values());
    }

    /// All keys that have a value, and the values.
    fn values(&self) -> Vec<(String, Number)> {
        let mut values = Vec::new();
        let mut each = |key: &str, number| values.push((key.to_owned(), number));
        for (key, number) in self.pairs {
            if let Some(number) = number {
                each(key, *number);
            }
        }
        for row in self.rows {
            row.visit(&mut each);
        }
        values
    }

    /// Records a row of these keys, whose values `fill` puts by their places (the step, if there is one, has place 0), or
    /// else the `values` one by one.
    fn settle(
        &self,
        site: usize,
        location: &'static Location<'static>,
        names: &[String],
        fill: &dyn Fn(&mut Cells<'_>),
        values: &dyn Fn() -> Vec<(String, Number)>,
    ) {
        let place = Place::of_caller(location);
        let found = self.recorder.map(Arc::clone).or_else(force::recorder);
        let Some(recorder) = found else { return place.say_nothing_in_force() };
        if self.recorder.is_none() {
            place.say_other_run(&recorder);
        }
        let stage = thread::stage(&recorder);
        let planned = Planned { recorder: &recorder, stage: &stage, place, site };
        let step = self.step.map(|_| Given::Step);
        let keys: Vec<_> = step.into_iter().chain(names.iter().map(|name| Given::Metric(name))).collect();
        if planned.row(&keys, true, fill) {
            return;
        }
        planned.say_no_stage(None);
        one_by_one(&recorder, &stage, place, self.step.flatten(), values());
    }

    /// Keys that only running shows: compared with those of the row before at this place.
    fn by_key(&self, site: usize, location: &'static Location<'static>) {
        let step = u32::from(self.step.is_some());
        let mut known =
            Known { call: self, site, plan: None, next: step as usize, values: Vec::new(), odd: None };
        known.values = thread::with(thread::Thread::take_scratch).unwrap_or_default();
        if let Some(Some(step)) = self.step {
            known.values.push((0, step));
        }
        let mut first = true;
        let mut each = |key: &str, number| known.take(std::mem::take(&mut first), key, number);
        for (key, number) in self.pairs {
            if let Some(number) = number {
                each(key, *number);
            }
        }
        for row in self.rows {
            row.visit(&mut each);
        }
        let Known { site, values, odd, plan, .. } = known;
        let uid = self.recorder.map(|recorder| recorder.uid);
        match (odd, plan) {
            (Some(names), _) => {
                // All keys tell such rows apart, while the thread looks for them by the first one.
                let all = names.iter().fold(site, |hash, name| hash.rotate_left(5) ^ hashed(name));
                self.settle(all, location, &names, &|row| fill(row, &values), &|| self.values());
                let learn = |thread: &mut thread::Thread| thread.learn_again(uid, all, site);
                thread::with(learn);
            }
            (None, Some(plan)) if !by_plan(uid, site, |row| fill(row, &values)) => {
                let names: Vec<_> =
                    (step as usize..plan.slots.len()).map(|slot| plan.given(slot).to_owned()).collect();
                self.settle(site, location, &names, &|row| fill(row, &values), &|| self.values());
            }
            _ => {}
        }
        thread::with(|thread| thread.give_back(values));
    }
}

fn fill(row: &mut Cells<'_>, values: &[(u32, Number)]) {
    for (slot, number) in values {
        row.number(*slot as usize, *number);
    }
}

/// The keys of a row beside those of a plan.
struct Known<'a> {
    call: &'a Call<'a>,
    site: usize,
    plan: Option<Arc<Plan>>,
    /// The slot that comes next.
    next: usize,
    values: Vec<(u32, Number)>,
    /// All keys, once one was not that of the plan.
    odd: Option<Vec<String>>,
}

impl Known<'_> {
    fn take(&mut self, first: bool, key: &str, number: Number) {
        if first {
            self.site = self.site.rotate_left(5) ^ hashed(key);
            let uid = self.call.recorder.map(|recorder| recorder.uid);
            self.plan = thread::with(|thread| {
                let uid = uid.unwrap_or_else(|| thread.force());
                let stage = thread.stage(uid).map_or(0, |stage| stage.id);
                thread.way(uid)?.plan(self.site, stage).map(Arc::clone)
            })
            .flatten();
        }
        if self.odd.is_none() {
            let slot = self.plan.as_ref().and_then(|plan| plan.slot_of(key, self.next));
            if let Some((slot, place)) = slot.and_then(|slot| Some((slot, u32::try_from(slot).ok()?))) {
                self.values.push((place, number));
                self.next = slot + 1;
                return;
            }
            self.all_are_odd();
        }
        if let Some(odd) = &mut self.odd {
            let before = usize::from(self.call.step.is_some());
            self.values.push((u32::try_from(odd.len() + before).unwrap_or(u32::MAX), number));
            odd.push(key.to_owned());
        }
    }

    /// The plan does not fit: what was found by it is put as if it had not been.
    #[cold]
    fn all_are_odd(&mut self) {
        let before = usize::from(self.call.step.is_some());
        let mut names = Vec::new();
        for (slot, _) in self.values.iter_mut().filter(|(slot, _)| *slot as usize >= before) {
            names.push(
                self.plan.as_ref().map(|plan| plan.given(*slot as usize).to_owned()).unwrap_or_default(),
            );
            *slot = u32::try_from(names.len() - 1 + before).unwrap_or(u32::MAX);
        }
        self.odd = Some(names);
    }
}

/// What a hash is multiplied with.
#[expect(clippy::cast_possible_truncation, reason = "on small machines its lower half")]
const ODD: usize = 0x517c_c1b7_2722_0a95_u64 as usize;

/// A hash of a short text; what has the same one is compared.
#[inline]
fn hashed(text: &str) -> usize {
    const WIDTH: usize = size_of::<usize>();
    let word = |bytes: &[u8]| bytes.iter().fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
    let mix = |hash: usize, word: usize| (hash.rotate_left(5) ^ word).wrapping_mul(ODD);
    text.as_bytes().chunks(WIDTH).fold(text.len(), |hash, bytes| mix(hash, word(bytes)))
}

/// Records a row value by value: refuses what is to be refused, and keeps the rest.
fn one_by_one(
    recorder: &Recorder,
    stage: &Arc<Stage>,
    place: Place,
    step: Option<Number>,
    given: Vec<(String, Number)>,
) {
    let mut values: Vec<(String, Number)> = Vec::with_capacity(given.len());
    for (key, number) in given {
        if let Some(key) = place.key(recorder, &key) {
            values.push((stage.key(&key), number));
        }
    }
    if step.is_some() {
        let step = stage.step_key();
        values.retain(|(key, _)| {
            let is_step = *key == step;
            if is_step {
                place.say_step_as_metric(recorder, key);
            }
            !is_step
        });
    }
    refuse_repeated(&mut values, place, recorder);
    if !values.is_empty() {
        recorder.op(Op::Row { stage: Arc::clone(stage), step, values });
    }
}

/// Keys that the compiler does not know may come twice.
fn refuse_repeated(values: &mut Vec<(String, Number)>, place: Place, recorder: &Recorder) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let key = |index: usize| values.get(index).map(|(key, _)| key.as_str());
    order.sort_by_key(|index| (key(*index), *index));
    let mut again: Vec<usize> = order
        .windows(2)
        .filter_map(|pair| match pair {
            [first, second] if key(*first) == key(*second) => Some(*second),
            _ => None,
        })
        .collect();
    again.sort_unstable();
    for index in again.into_iter().rev() {
        let (key, _) = values.remove(index);
        let text = format!("metric key `{key}` appears twice in one row; the first value is kept");
        place.refuse(recorder, &key, "metrics", &text);
    }
}
