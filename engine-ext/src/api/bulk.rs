//! Bulk actions: one action on all runs that match a filter.

use engine_core::{BulkAction, BulkId, check_label};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;
use serde_json::{Value, json};

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::document::{JsonB, Stored};
use crate::error::{OrRaise, required};
use crate::flow::bulk::Request;
use crate::{api, flow};

entries!(engine_bulk, engine_bulk_stop);

row! {
    /// A bulk action that has begun, or could, and its runs.
    BulkRow {
        bulk_id: Option<String>,
        count: i64,
        is_exact: bool,
        statuses: Stored,
        oldest_at: Option<TimestampWithTimeZone>,
        newest_at: Option<TimestampWithTimeZone>,
        samples: Option<Stored>,
    }
}

/// Starts an action on all runs that match a filter, which the tick works through, and returns how many they are; with `dry_run`,
/// which is the default, it only looks.
///
/// `action` is `cancel`, `replay`, `redrive`, `release` (take back from the worker), `reschedule` (option `time`), `move` (option
/// `queue`), `set_priority` (option `priority`, milliseconds) or `forget`; `replay` has the option `keep_steps`. `filter` is an
/// object with one or more of `run_id`, `status`, `task`, `queue`, `environment_id`, `tag`, `metadata` (a key, or `key=value`),
/// `concurrency_key`, `version`, `worker_queue`, `error_code`, each a text or an array of texts of which any matches; `error`, a part of
/// the error; `batch_id`, `parent_run_id`, `bulk_id`; `created_after`, `created_before`, `finished_after`, `finished_before`; or `{"all":
/// true}`. The action is about the runs that match all of it, to which it can be done, that exist now, and, if they have ended,
/// have ended now. `statuses` counts them by status, `samples` shows up to ten in a dry run. A million runs are counted, or as
/// many as ten seconds allow: `is_exact` says whether these are all. With `expected_count`, all of them are, and the call is
/// refused if they are more than a tenth more. View `engine.bulk` shows how far it has come.
///
/// # Errors
/// - `22004` without an action or a filter.
/// - `22023` for an action that does not exist, an option that is missing or that it does not have, a filter that is empty or has
///   something else in it, a negative `expected_count`, or a reason of more than 1024 bytes.
/// - `RE019` if the filter matches more runs than expected.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_bulk(
    action: Option<&str>,
    filter: Option<JsonB>,
    dry_run: Option<bool>,
    reason: Option<&str>,
    options: Option<JsonB>,
    expected_count: Option<i64>,
) -> Rows<BulkRow> {
    api::enter_locking().or_raise();
    let action = required("action", action).or_raise();
    let filter = required("filter", filter).or_raise().0;
    let options = options.map(|options| options.0);
    let reason = check_label("reason", reason).or_raise();
    let request = Request {
        action: BulkAction::read(action, options.as_ref()).or_raise(),
        options,
        filter,
        reason,
        expected: expected_count,
    };
    let is_dry = dry_run.unwrap_or(true);
    let (bulk_id, seen) = flow::bulk::start(request, is_dry).or_raise();
    let samples = is_dry.then(|| Stored::new(Value::Array(seen.samples())));
    Rows::one(BulkRow {
        bulk_id: bulk_id.map(|id| id.friendly()),
        count: seen.count,
        is_exact: seen.is_exact,
        statuses: Stored::new(json!(seen.by_status)),
        oldest_at: seen.oldest_at.map(api::time),
        newest_at: seen.newest_at.map(api::time),
        samples,
    })
}

/// Stops a bulk action, and returns whether it was running; what it has done stays done.
///
/// # Errors
/// - `22004` without an id.
/// - `RE018` for an unknown bulk action.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_bulk_stop(bulk_id: Option<&str>) -> bool {
    api::enter_locking().or_raise();
    let id = BulkId::parse(required("bulk_id", bulk_id).or_raise());
    flow::bulk::stop(&id).or_raise()
}
