//! The GraphQL operations of reading. What is asked with is a variable, always.

/// What is read of a run.
macro_rules! run_fields {
    () => {
        "id name displayName state tags group jobType createdAt heartbeatAt description notes commit sweepName \
historyLineCount user { name username } config summaryMetrics"
    };
}

/// A query for a run.
macro_rules! of_run {
    ($name:literal, $variables:literal, $fields:expr) => {
        concat!(
            "query ",
            $name,
            "($project: String!, $entity: String!, $name: String!",
            $variables,
            ") { project(name: $project, entityName: $entity) { run(name: $name) { ",
            $fields,
            " } } }"
        )
    };
}

pub(super) const RUNS: &str = concat!(
    "query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50, $order: String, \
$filters: JSONString) { project(name: $project, entityName: $entity) { runCount(filters: $filters) \
runs(filters: $filters, after: $cursor, first: $perPage, order: $order) { edges { node { ",
    run_fields!(),
    " } } pageInfo { endCursor hasNextPage } } } }"
);

pub(super) const RUN: &str = of_run!("Run", "", run_fields!());

pub(super) const HISTORY_KEYS: &str = of_run!("RunHistoryKeys", "", "historyKeys");

pub(super) const SAMPLED_HISTORY_PAGE: &str = "query SampledHistoryPage($project: String!, $entity: String!, \
$run: String!, $spec: JSONString!) { project(name: $project, entityName: $entity) { run(name: $run) { \
sampledHistory(specs: [$spec]) } } }";

pub(super) const SAMPLED_HISTORY: &str =
    of_run!("RunSampledHistory", ", $specs: [JSONString!]!", "sampledHistory(specs: $specs)");

pub(super) const FULL_HISTORY: &str =
    of_run!("RunFullHistory", ", $samples: Int", "history(samples: $samples)");

pub(super) const FILES: &str = of_run!(
    "RunFiles",
    ", $fileCursor: String, $fileLimit: Int = 50, $fileNames: [String] = []",
    "files(names: $fileNames, after: $fileCursor, first: $fileLimit) { edges { node { name directUrl sizeBytes mimetype \
updatedAt md5 } } pageInfo { endCursor hasNextPage } }"
);

/// All operations of reading, for the test that compares them with those of W&B's client.
#[cfg(feature = "test-util")]
pub(super) const ALL: [&str; 7] =
    [RUNS, RUN, HISTORY_KEYS, SAMPLED_HISTORY_PAGE, SAMPLED_HISTORY, FULL_HISTORY, FILES];
