//! Runs that match a filter, a page at a time.

use engine_core::{BatchId, ExecutionStatus, RunFilter, RunId, RunStatus, Shard, Timestamp};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;

statement!(MATCH, "run_match.sql");

/// Where runs are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Every,
    /// Among those that have not ended.
    Live,
    /// Those that the filter names.
    Named,
    /// In the batch that it names.
    Batch,
    /// Among the children of the run that it names.
    Parent,
    /// Among those that failed.
    Failed,
}

impl Source {
    /// The smallest place where all runs of a filter are.
    pub(crate) fn of(filter: &RunFilter, is_live: bool) -> Self {
        if filter.run_ids.is_some() {
            Self::Named
        } else if filter.batch_id.is_some() {
            Self::Batch
        } else if filter.parent_run_id.is_some() {
            Self::Parent
        } else if is_live {
            Self::Live
        } else if filter.is_of_failures() {
            Self::Failed
        } else {
            Self::Every
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Every => "EVERY",
            Self::Live => "LIVE",
            Self::Named => "NAMED",
            Self::Batch => "BATCH",
            Self::Parent => "PARENT",
            Self::Failed => "FAILED",
        }
    }
}

/// What runs must be like.
pub(crate) struct Wanted<'a> {
    pub(crate) filter: &'a RunFilter,
    pub(crate) execution_statuses: &'a [ExecutionStatus],
    /// They existed then, and, if they have ended, had ended then.
    pub(crate) frozen_at: Timestamp,
    /// They are of these environments.
    pub(crate) scope: Option<&'a [String]>,
}

/// A run that matches.
pub(crate) struct Match {
    pub(crate) id: RunId,
    pub(crate) run_status: String,
    pub(crate) created_at: Timestamp,
}

/// A page of runs.
pub(crate) struct Page {
    /// Those that match, in the order of their ids.
    pub(crate) runs: Vec<Match>,
    /// The last run of the page; `None` if none is behind it.
    pub(crate) end: Option<RunId>,
}

/// Reads up to `size` runs behind `after`.
pub(crate) fn page(
    shard: Shard,
    source: Source,
    wanted: &Wanted<'_>,
    after: &str,
    size: usize,
) -> Page {
    let filter = wanted.filter;
    let rows = MATCH.query(
        arguments!(MATCH {
            shard,
            source: source.as_str(),
            after_id: after,
            page_size: i32::try_from(size).unwrap_or(i32::MAX),
            frozen_at: wanted.frozen_at,
            scope: wanted.scope,
            execution_statuses: column(wanted.execution_statuses, |status| status.as_str()),
            run_ids: filter.run_ids.as_deref(),
            statuses: names(filter.statuses.as_deref()),
            tasks: filter.tasks.as_deref(),
            queues: filter.queues.as_deref(),
            environment_ids: filter.environment_ids.as_deref(),
            tags: filter.tags.as_deref(),
            metadata: filter.metadata.as_deref(),
            concurrency_keys: filter.concurrency_keys.as_deref(),
            versions: filter.versions.as_deref(),
            worker_queues: filter.worker_queues.as_deref(),
            error_codes: filter.error_codes.as_deref(),
            error: filter.error.as_ref().map(|error| error.to_lowercase()),
            batch_id: filter.batch_id.as_ref().map(BatchId::as_str),
            parent_run_id: filter.parent_run_id.as_ref().map(RunId::as_str),
            bulk_ids: filter.bulk_id.as_deref().map(bulk_ids),
            created_after: filter.created_after,
            created_before: filter.created_before,
            finished_after: filter.finished_after,
            finished_before: filter.finished_before
        }),
        |cells| {
            let run = Match {
                id: cell!(cells, MATCH.id),
                run_status: cell!(cells, MATCH.run_status),
                created_at: cell!(cells, MATCH.created_at),
            };
            (run, cell!(cells, MATCH.is_match as bool))
        },
    );
    let mut page = Page {
        runs: Vec::with_capacity(rows.len()),
        end: None,
    };
    for (run, is_match) in rows {
        page.end = Some(run.id.clone());
        if is_match {
            page.runs.push(run);
        }
    }
    page
}

/// The runs among these that match.
pub(crate) fn among(shard: Shard, wanted: &Wanted<'_>, ids: &[&RunId]) -> Vec<RunId> {
    let filter = RunFilter {
        run_ids: Some(ids.iter().map(|id| (*id).clone()).collect()),
        ..wanted.filter.clone()
    };
    let wanted = Wanted {
        filter: &filter,
        ..*wanted
    };
    let page = page(shard, Source::Named, &wanted, "", ids.len());
    page.runs.into_iter().map(|run| run.id).collect()
}

fn names(statuses: Option<&[RunStatus]>) -> Option<Vec<&'static str>> {
    Some(column(statuses?, |status| status.as_str()))
}

/// An id of a bulk action as runs may remember it: the engine's own with its prefix, others as they were passed.
fn bulk_ids(given: &str) -> Vec<String> {
    vec![given.to_owned(), format!("bulk_{given}")]
}
