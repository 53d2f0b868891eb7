//! What a filter means: the builder against a simple model, as the server evaluates it.

use proptest::prelude::*;
use serde_json::{Value, json};
use ups_track::api::Filter;
use ups_track_tests::server::{Run, Server, matches};

use crate::{api, but, run};

/// A run as the model sees it.
#[derive(Debug, Clone)]
struct Plain {
    state: &'static str,
    tags: Vec<&'static str>,
    group: Option<&'static str>,
    lr: Option<Value>,
    loss: Option<f64>,
}

impl Plain {
    fn on_server(&self) -> Run {
        let config = self.lr.as_ref().map_or(json!({}), |lr| json!({"opt": {"lr": lr}}));
        let summary = self.loss.map_or(json!({}), |loss| json!({"eval/loss": loss}));
        but(run("r", &config, &summary), |run| {
            run.complete = self.state != "running";
            run.exit_code = Some(i64::from(self.state != "finished"));
            run.tags = self.tags.iter().map(|tag| (*tag).to_owned()).collect();
            run.group = self.group.map(str::to_owned);
        })
    }
}

/// A condition as a person means it.
#[derive(Debug, Clone)]
enum Meant {
    Everything,
    State(&'static str),
    Tag(&'static str),
    Group(&'static str),
    GroupIn(Vec<&'static str>),
    NoGroup,
    LrIs(Value),
    LrIsNot(Value),
    LrMatches(&'static str),
    LossBelow(f64),
    LossAtMost(f64),
    LossAbove(f64),
    LossAtLeast(f64),
    LossNoneOf(Vec<f64>),
    All(Vec<Meant>),
    Any(Vec<Meant>),
    None(Vec<Meant>),
    And(Box<(Meant, Meant)>),
    Or(Box<(Meant, Meant)>),
    Not(Box<Meant>),
}

impl Meant {
    fn filter(&self) -> Filter {
        let each = |meant: &[Meant]| meant.iter().map(Meant::filter).collect::<Vec<_>>();
        let (lr, loss) = (|| Filter::config("opt.lr"), || Filter::summary("eval/loss"));
        match self {
            Meant::Everything => Filter::everything(),
            Meant::State(state) => Filter::state(state),
            Meant::Tag(tag) => Filter::tag(tag),
            Meant::Group(group) => Filter::group(group),
            Meant::GroupIn(groups) => Filter::field("group").one_of(groups.iter().copied()),
            Meant::NoGroup => Filter::field("group").exists(false),
            Meant::LrIs(value) => lr().eq(value.clone()),
            Meant::LrIsNot(value) => lr().ne(value.clone()),
            Meant::LrMatches(regex) => lr().matches(regex),
            Meant::LossBelow(value) => loss().lt(*value),
            Meant::LossAtMost(value) => loss().lte(*value),
            Meant::LossAbove(value) => loss().gt(*value),
            Meant::LossAtLeast(value) => loss().gte(*value),
            Meant::LossNoneOf(values) => loss().none_of(values.iter().copied()),
            Meant::All(all) => Filter::all(each(all)),
            Meant::Any(any) => Filter::any(each(any)),
            Meant::None(none) => Filter::none(each(none)),
            Meant::And(two) => two.0.filter() & two.1.filter(),
            Meant::Or(two) => two.0.filter() | two.1.filter(),
            Meant::Not(one) => !one.filter(),
        }
    }

    fn holds(&self, run: &Plain) -> bool {
        let loss = |holds: &dyn Fn(f64) -> bool| run.loss.is_some_and(holds);
        match self {
            Meant::Everything => true,
            Meant::State(state) => run.state == *state,
            Meant::Tag(tag) => run.tags.contains(tag),
            Meant::Group(group) => run.group == Some(group),
            Meant::GroupIn(groups) => run.group.is_some_and(|group| groups.contains(&group)),
            Meant::NoGroup => run.group.is_none(),
            Meant::LrIs(value) => run.lr.as_ref() == Some(value),
            Meant::LrIsNot(value) => run.lr.as_ref() != Some(value),
            Meant::LrMatches(part) => {
                run.lr.as_ref().and_then(Value::as_str).is_some_and(|lr| lr.contains(part))
            }
            Meant::LossBelow(value) => loss(&|loss| loss < *value),
            Meant::LossAtMost(value) => loss(&|loss| loss <= *value),
            Meant::LossAbove(value) => loss(&|loss| loss > *value),
            Meant::LossAtLeast(value) => loss(&|loss| loss >= *value),
            Meant::LossNoneOf(values) => !loss(&|loss| values.contains(&loss)),
            Meant::All(all) => all.iter().all(|one| one.holds(run)),
            Meant::Any(any) => any.iter().any(|one| one.holds(run)),
            Meant::None(none) => !none.iter().any(|one| one.holds(run)),
            Meant::And(two) => two.0.holds(run) && two.1.holds(run),
            Meant::Or(two) => two.0.holds(run) || two.1.holds(run),
            Meant::Not(one) => !one.holds(run),
        }
    }
}

const STATES: [&str; 3] = ["running", "finished", "failed"];
const TAGS: [&str; 3] = ["baseline", "α", ""];
const GROUPS: [&str; 3] = ["nightly", "g1", "x y"];
const LOSSES: [f64; 4] = [-1.0, 0.0, 0.25, 1e300];

fn lr() -> impl Strategy<Value = Value> {
    let values = [
        json!(1),
        json!(0.1),
        json!("adam"),
        json!("$gt"),
        json!(true),
        json!({"$gt": 1}),
        json!({"a": null}),
    ];
    prop::sample::select(values.to_vec())
}

fn a_run() -> impl Strategy<Value = Plain> {
    let tags = prop::sample::subsequence(TAGS.to_vec(), 0..=3);
    let group = prop::option::of(prop::sample::select(GROUPS.to_vec()));
    let loss = prop::option::of(prop::sample::select(LOSSES.to_vec()));
    (prop::sample::select(STATES.to_vec()), tags, group, prop::option::of(lr()), loss)
        .prop_map(|(state, tags, group, lr, loss)| Plain { state, tags, group, lr, loss })
}

fn meant() -> impl Strategy<Value = Meant> {
    let loss = || prop::sample::select(LOSSES.to_vec());
    let leaf = prop_oneof![
        Just(Meant::Everything),
        prop::sample::select(STATES.to_vec()).prop_map(Meant::State),
        prop::sample::select(TAGS.to_vec()).prop_map(Meant::Tag),
        prop::sample::select(GROUPS.to_vec()).prop_map(Meant::Group),
        prop::sample::subsequence(GROUPS.to_vec(), 0..=3).prop_map(Meant::GroupIn),
        Just(Meant::NoGroup),
        lr().prop_map(Meant::LrIs),
        lr().prop_map(Meant::LrIsNot),
        prop::sample::select(vec!["ad", "m", "q"]).prop_map(Meant::LrMatches),
        loss().prop_map(Meant::LossBelow),
        loss().prop_map(Meant::LossAtMost),
        loss().prop_map(Meant::LossAbove),
        loss().prop_map(Meant::LossAtLeast),
        prop::sample::subsequence(LOSSES.to_vec(), 0..=4).prop_map(Meant::LossNoneOf),
    ];
    leaf.prop_recursive(4, 32, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            list().prop_map(Meant::All),
            list().prop_map(Meant::Any),
            list().prop_map(Meant::None),
            (inner.clone(), inner.clone()).prop_map(|two| Meant::And(Box::new(two))),
            (inner.clone(), inner.clone()).prop_map(|two| Meant::Or(Box::new(two))),
            inner.clone().prop_map(|one| Meant::Not(Box::new(one))),
        ]
    })
}

proptest! {
    #[test]
    fn a_filter_means_what_it_says(meant in meant(), runs in prop::collection::vec(a_run(), 1..8)) {
        let filter: Value = serde_json::from_str(&meant.filter().to_string()).unwrap();
        for run in runs {
            prop_assert_eq!(matches(&filter, &run.on_server()), Ok(meant.holds(&run)), "{} {:?}", filter, run);
        }
    }
}

#[test]
fn filters_reach_the_server() {
    let server = Server::start();
    for (id, lr) in [("a", 0.01), ("b", 0.1), ("c", 1.0)] {
        server.insert(but(run(id, &json!({"lr": lr}), &json!({})), |run| {
            run.display_name = Some(format!("name of {id}"));
            run.job_type = Some("train".to_owned());
        }));
    }
    let found = |filter: Filter| -> String {
        let runs = api(&server).runs("p").filter(filter).per_page(1).list().unwrap();
        runs.map(|run| run.unwrap().id().to_owned()).collect()
    };
    assert_eq!(found(Filter::config("lr").lt(0.5)), "ab");
    assert_eq!(found(Filter::config("lr").gte(0.1) & !Filter::id("b")), "c");
    assert_eq!(found(Filter::name("name of b") | Filter::id("c")), "bc");
    assert_eq!(found(Filter::job_type("train") & Filter::created_since("2026-01-01T00:00:01Z")), "bc");
    assert_eq!(found(Filter::field("displayName").matches("of [ac]$")), "ac");
    assert_eq!(found(Filter::from_json(json!({"config.lr": {"$in": [0.1, 1]}})).unwrap()), "bc");
    assert_eq!(found(Filter::default()), "abc");
    assert_eq!(server.violations(), []);
}
