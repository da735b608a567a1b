//! Bulk actions: one action on all runs that match a filter. A call looks how many there are and starts it; the tick works through
//! it, in steps.

mod action;
mod look;
pub(crate) mod step;
mod transfer;

use engine_core::{BulkAction, BulkId, Refusal, RunFilter, Shard, Timestamp, most_expected};
use serde_json::Value;

pub(crate) use self::look::Seen;
use crate::backend::caller;
use crate::store::bulk_action::NewBulkAction;
use crate::store::run_match::{Source, Wanted};
use crate::{flow, mint, store};

/// What a caller asks for.
pub(crate) struct Request<'a> {
    pub(crate) action: BulkAction,
    pub(crate) options: Option<Value>,
    pub(crate) filter: Value,
    pub(crate) reason: Option<&'a str>,
    pub(crate) expected: Option<i64>,
}

/// Looks at the runs of a request; starts it unless it is dry.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`), [`Refusal::MoreThanExpected`] (`RE019`).
pub(crate) fn start(request: Request<'_>, is_dry: bool) -> Result<(Option<BulkId>, Seen), Refusal> {
    let verb = request.action.verb();
    let filter = verb.narrow(RunFilter::read(&request.filter)?);
    flow::right::filter(&filter)?;
    let most = most_expected(request.expected)?;
    let now = flow::now();
    let scope = flow::right::environments();
    let wanted = Wanted {
        filter: &filter,
        execution_statuses: verb.execution_statuses(),
        frozen_at: now,
        scope: scope.as_deref(),
    };
    let seen = look::at(&wanted, source(&request.action, &filter), most);
    if let (Some(expected), Some(most)) = (request.expected, most)
        && seen.count > most
    {
        let found = seen.count;
        return Err(Refusal::MoreThanExpected { expected, found });
    }
    if is_dry {
        return Ok((None, seen));
    }
    let id = mint::bulk_id();
    store::bulk_action::insert(NewBulkAction {
        id: &id,
        shard: Shard::FIRST,
        action: verb.as_str(),
        filter: request.filter,
        options: request.options,
        reason: request.reason,
        environment_ids: scope,
        created_by: &caller::role_name(),
        now,
        total: seen.count,
        is_total_exact: seen.is_exact,
    });
    Ok((Some(id), seen))
}

/// Stops a bulk action; returns whether it was running.
///
/// # Errors
/// [`Refusal::UnknownBulkAction`] (`RE018`).
pub(crate) fn stop(id: &BulkId) -> Result<bool, Refusal> {
    let stopped = store::bulk_action::stop(id, flow::right::environments(), flow::now());
    stopped.ok_or_else(|| Refusal::UnknownBulkAction {
        bulk_id: id.clone(),
    })
}

/// Where the runs of an action are.
fn source(action: &BulkAction, filter: &RunFilter) -> Source {
    let is_live = action.verb().reach() == engine_core::BulkReach::Live;
    Source::of(filter, is_live)
}

/// What a bulk action that began at `frozen_at` wants its runs to be like.
fn wanted<'a>(
    action: &BulkAction,
    filter: &'a RunFilter,
    scope: Option<&'a [String]>,
    frozen_at: Timestamp,
) -> Wanted<'a> {
    Wanted {
        filter,
        execution_statuses: action.verb().execution_statuses(),
        frozen_at,
        scope,
    }
}
