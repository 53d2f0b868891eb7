//! The runs of a project.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::json;

use super::error::{Error, Result};
use super::path::ProjectPath;
use super::run::Node;
use super::{Api, Filter, Order, Run, queries};

/// The most runs that one request may ask for.
const MOST_PER_PAGE: u32 = 1000;

/// Which runs of a project, and in which order.
///
/// ```no_run
/// use ups_track::api::{Api, Filter, Order};
///
/// # fn main() -> Result<(), ups_track::api::Error> {
/// let runs = Api::from_env()?
///     .runs("my-team/universal-simulator")
///     .filter(Filter::state("finished") & Filter::config("lr").lt(0.1))
///     .order(Order::ascending_summary("eval/nrmse"))
///     .list()?;
/// println!("{} runs", runs.total());
/// for run in runs.take(10) {
///     let run = run?;
///     println!("{} {:?}", run.id(), run.summary().value_if_any::<f64>("eval/nrmse")?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a query does nothing until `list` or `first` is called"]
pub struct RunsQuery {
    api: Api,
    project: String,
    filter: Filter,
    order: Order,
    per_page: u32,
}

impl RunsQuery {
    pub(super) fn new(api: Api, project: &str) -> Self {
        Self {
            api,
            project: project.to_owned(),
            filter: Filter::everything(),
            order: Order::oldest_first(),
            per_page: 50,
        }
    }

    /// Leaves out the runs for which the filter does not hold. A second filter must hold as well.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = self.filter & filter;
        self
    }

    /// Sets the order; the oldest run first if nothing is set.
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// How many runs one request brings, 1 to 1000; 50 if nothing is set.
    pub fn per_page(mut self, runs: u32) -> Self {
        self.per_page = runs;
        self
    }

    /// Asks for the first page, and gives the runs one by one; further pages are asked for when they are needed.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if project, filter or page is bad, [`Error::NotFound`] if there is no such project; otherwise
    /// as [`Api::run`].
    pub fn list(self) -> Result<Runs> {
        if !(1..=MOST_PER_PAGE).contains(&self.per_page) {
            let rule = format!("must be 1 to {MOST_PER_PAGE}");
            return Err(Error::argument("per_page", &self.per_page.to_string(), rule));
        }
        let filters = self.filter.json()?;
        let path = ProjectPath::parse(&self.project, self.api.0.address.app())?;
        let (entity, project) = self.api.place(path)?;
        let mut runs = Runs {
            api: self.api,
            entity,
            project,
            filters,
            order: self.order,
            per_page: self.per_page,
            loaded: VecDeque::new(),
            total: 0,
            next: Next::First,
        };
        runs.load()?;
        Ok(runs)
    }

    /// The first run, if there is any.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub fn first(self) -> Result<Option<Run>> {
        self.per_page(1).list()?.next().transpose()
    }
}

/// Runs, page by page.
///
/// A run whose answer is not understood is an error in its place, and the others follow; after any other error there is
/// nothing more.
#[derive(Debug)]
pub struct Runs {
    api: Api,
    entity: String,
    project: String,
    filters: String,
    order: Order,
    per_page: u32,
    loaded: VecDeque<Result<Run>>,
    total: u64,
    next: Next,
}

/// Which page is the next.
#[derive(Debug)]
enum Next {
    First,
    After(String),
    None,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    run_count: Option<u64>,
    runs: Connection<serde_json::Value>,
}

/// A page of a list, and where the list goes on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection<T> {
    edges: Vec<Edge<T>>,
    pub(super) page_info: PageInfo,
}

#[derive(Deserialize)]
struct Edge<T> {
    node: T,
}

impl<T> Connection<T> {
    /// What is on the page.
    pub(super) fn nodes(self) -> impl Iterator<Item = T> {
        self.edges.into_iter().map(|Edge { node }| node)
    }
}

/// Where a list goes on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    end_cursor: Option<String>,
    has_next_page: bool,
}

impl PageInfo {
    /// The cursor of the next page; none at the end. A page that leads to itself would have no end.
    pub(super) fn next(&self, cursor: Option<&str>, what: &str) -> Result<Option<String>> {
        match self.end_cursor.clone().filter(|_| self.has_next_page) {
            None if self.has_next_page => {
                Err(Error::answer(what, "there are more pages, and no way to them"))
            }
            Some(next) if Some(next.as_str()) == cursor => Err(Error::answer(what, "a page leads to itself")),
            next => Ok(next),
        }
    }
}

impl Runs {
    /// How many runs there are in all, as the server said with the last page.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Loads the next page, if there is one.
    fn load(&mut self) -> Result<()> {
        let cursor = match std::mem::replace(&mut self.next, Next::None) {
            Next::First => None,
            Next::After(cursor) => Some(cursor),
            Next::None => return Ok(()),
        };
        let target = format!("project `{}/{}`", self.entity, self.project);
        let variables = json!({
            "project": self.project, "entity": self.entity, "cursor": cursor, "perPage": self.per_page,
            "order": self.order.to_string(), "filters": self.filters,
        });
        let query = ("Runs", queries::RUNS);
        let found: Project = self.api.ask("the runs of a project", &target, query, variables)?;
        self.total = found.run_count.unwrap_or(found.runs.edges.len() as u64);
        if let Some(next) = found.runs.page_info.next(cursor.as_deref(), &target)? {
            self.next = Next::After(next);
        }
        for node in found.runs.nodes() {
            let run = serde_json::from_value::<Node>(node)
                .map_err(|e| Error::answer(&target, &e.to_string()))
                .and_then(|node| Run::new(&self.api, &self.entity, &self.project, node));
            self.loaded.push_back(run);
        }
        Ok(())
    }
}

impl Iterator for Runs {
    type Item = Result<Run>;

    fn next(&mut self) -> Option<Result<Run>> {
        while self.loaded.is_empty() && !matches!(self.next, Next::None) {
            if let Err(error) = self.load() {
                return Some(Err(error));
            }
        }
        self.loaded.pop_front()
    }
}

impl std::iter::FusedIterator for Runs {}
